"""`penchant state check|backup|restore`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from dataflows.cli import state_copy
from dataflows.cli.main import run_command
from dataflows.cli.state_check import look
from dataflows.cli.state_copy import backup, restore
from dataflows.engine.status.end_note import KIND_ENDED
from dataflows.errors import InputError
from dataflows.state.shard_files import marker_path, number_path, read_number, wal_path
from dataflows.state.store import Store, StoreInUseError, store_path
from tests.dataflows.state.older_state import made_by_an_older_release

ROOT = Path(__file__).resolve().parents[3]


def filled(folder: Path, shards: int = 2, number: int = 20) -> None:
    for shard in range(shards):
        with closing(Store.open(folder, shards, shard)) as store:
            store.commit([("clean:ids", str(n), b"\xa3%03d" % n) for n in range(number)])
            store.commit([("learnt", "", b"\x07"), (KIND_ENDED, "", b"")])


def read(folder: Path, shard: int = 0) -> dict[tuple[str, str], bytes]:
    store = Store.reader(folder, shard)
    assert store is not None
    with closing(store):
        return {(kind, key): blob for kind in store.kinds() for key, blob in store.scan(kind)}


@pytest.fixture
def penchant(monkeypatch, capsys, tmp_path):
    config = tmp_path / "penchant.toml"
    config.write_text(f'[state]\npath = "{tmp_path}/state"\n')

    def call(*args: object) -> tuple[int, str, str]:
        monkeypatch.setattr(
            sys, "argv", ["penchant", "state", *map(str, args), "--config", str(config)]
        )
        status = run_command()
        told = capsys.readouterr()
        return status, told.out, told.err

    return call


def test_check_says_what_it_looked_at(tmp_path, penchant):
    filled(tmp_path / "state")
    status, out, err = penchant("check")
    assert (status, err) == (0, "")
    for shard in range(2):
        assert f"{tmp_path}/state/shard-{shard}.db: " in out
    assert "commit 2" in out
    assert "clean:ids       20" in out
    assert out.count("nothing is damaged") == 2


def test_check_gives_json(tmp_path, penchant):
    filled(tmp_path / "state", shards=1)
    told = json.loads(penchant("check", "--json")[1])
    assert [one["file"] for one in told] == [f"{tmp_path}/state/shard-0.db"]
    assert told[0]["kinds"]["clean:ids"] == {"records": 20, "bytes": 80, "summed": 20}
    assert (told[0]["commits"], told[0]["is_marked"], told[0]["damages"]) == (2, True, [])


def test_check_reads_beside_a_writer_and_sees_what_it_committed(tmp_path):
    with closing(Store.open(tmp_path)) as store:
        store.commit([("learnt", "", b"\x01")])
        (looked,) = look(tmp_path)
        assert looked.damages == []
        assert looked.commits == 1
        store.commit([("learnt", "", b"\x02")])
        assert look(tmp_path)[0].commits == 2


def test_check_tells_each_damage_and_the_rest_as_a_number(tmp_path, penchant):
    filled(tmp_path / "state", shards=1)
    with closing(Store.open(tmp_path / "state")) as store:
        store._connection.execute("UPDATE records SET value = x'a0' WHERE kind = 'clean:ids'")
    status, out, _ = penchant("check")
    assert status == 1
    assert "the record clean:ids '0' is damaged" in out
    assert out.count("DAMAGED: ") == 10
    assert "and 10 damages more" in out


def test_check_finds_a_record_that_is_not_of_its_kind_and_one_that_is_no_msgpack(tmp_path):
    with closing(Store.open(tmp_path)) as store:
        store.commit([("position", "a", b"\xa3abc"), ("learner:user", "b", b"\xd9\xff")])
    damages = look(tmp_path)[0].damages
    assert any("the record position 'a'" in one for one in damages)
    assert any("the record learner:user 'b'" in one for one in damages)
    assert len(damages) == 2


def test_check_reads_a_state_of_an_older_release(tmp_path, penchant):
    made_by_an_older_release(tmp_path / "state")
    status, out, _ = penchant("check")
    assert status == 1, "its records are no msgpack, and that is told"
    assert "not yet marked as complete" in out
    assert not marker_path(store_path(tmp_path / "state", 0)).exists()


def test_without_a_state_there_is_nothing_to_check_or_to_copy(tmp_path, penchant):
    for command in (["check"], ["backup", tmp_path / "copy"], ["restore", tmp_path / "nowhere"]):
        status, out, err = penchant(*command)
        assert (status, out) == (2, "")
        assert err.startswith("penchant: ")
        assert "there is no state here" in err
        assert err.count("\n") == 1
    assert not (tmp_path / "copy").exists()


def test_a_backup_beside_a_writer_is_whole_and_goes_back(tmp_path, penchant):
    state, copy = tmp_path / "state", tmp_path / "backups" / "monday"
    filled(state)
    with closing(Store.open(state, 2, 0)) as store:
        store.commit([("learnt", "", b"\x08"), (KIND_ENDED, "", None)])
        status, out, _ = penchant("backup", copy)
        assert status == 0
        assert f"{copy}/shard-0.db: " in out
        before = read(state)
        store.commit([("learnt", "", b"\x09")])
        assert wal_path(store_path(state, 0)).exists()
    assert sorted(one.name for one in copy.iterdir()) == [
        *("shard-0.commits", "shard-0.db", "shard-0.json"),
        *("shard-1.commits", "shard-1.db", "shard-1.json"),
    ]
    assert read(copy) == before
    assert read(copy, 1) == read(state, 1)
    assert read_number(store_path(copy, 0)) == 3

    status, out, _ = penchant("restore", copy, "--replace")
    assert status == 0
    assert read(state) == before
    with closing(Store.open(state, 2, 0)) as store:
        assert store.get("learnt", "") == b"\x08"
    (aside,) = state.glob("replaced-*")
    assert str(aside) in out
    assert read(aside)["learnt", ""] == b"\x09", "what was replaced is still there, whole"


def test_what_is_restored_counts_as_broken_off(tmp_path):
    filled(tmp_path / "state")
    backup(tmp_path / "state", tmp_path / "copy")
    assert (KIND_ENDED, "") in read(tmp_path / "copy")
    assert restore(tmp_path / "copy", tmp_path / "other") is None
    assert (KIND_ENDED, "") not in read(tmp_path / "other")
    left = {path.name for path in (tmp_path / "other").iterdir()}
    assert not {"restore.part", "shard-0.unchecked"} & left


@pytest.mark.parametrize("there", ["file", "folder"])
def test_a_backup_overwrites_nothing(tmp_path, penchant, there):
    filled(tmp_path / "state")
    copy = tmp_path / "copy"
    if there == "file":
        copy.write_bytes(b"precious")
    else:
        copy.mkdir()
        (copy / "precious").touch()
    status, _, err = penchant("backup", copy)
    assert status == 2
    assert "there is something here already" in err
    assert copy.is_file() or [one.name for one in copy.iterdir()] == ["precious"]


def test_what_is_in_the_way_of_a_copy_is_not_deleted(tmp_path):
    filled(tmp_path / "state")
    (tmp_path / "copy.part").mkdir()
    (tmp_path / "copy.part" / "precious").touch()
    with pytest.raises(InputError, match="in the way"):
        backup(tmp_path / "state", tmp_path / "copy")
    assert (tmp_path / "copy.part" / "precious").exists()


def test_a_damaged_state_is_not_taken_for_a_backup(tmp_path):
    filled(tmp_path / "state")
    with closing(Store.open(tmp_path / "state", 2, 1)) as store:
        store._connection.execute("UPDATE records SET value = x'a0' WHERE key = '7'")
    with pytest.raises(InputError, match=r"state/shard-1\.db: the record clean:ids '7' is damaged"):
        backup(tmp_path / "state", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_half_a_backup_is_refused(tmp_path):
    filled(tmp_path / "state")
    backup(tmp_path / "state", tmp_path / "copy")
    store_path(tmp_path / "copy", 1).unlink()
    with pytest.raises(InputError, match=r"shard-1\.db: the file is missing"):
        restore(tmp_path / "copy", tmp_path / "other")
    marker_path(store_path(tmp_path / "copy", 1)).unlink()
    with pytest.raises(InputError, match="2 shards, but of these files are here: 0"):
        restore(tmp_path / "copy", tmp_path / "other")


def test_a_state_that_is_there_or_in_use_is_not_replaced(tmp_path, penchant):
    state = tmp_path / "state"
    filled(state)
    backup(state, tmp_path / "copy")
    before = read(state)
    status, _, err = penchant("restore", tmp_path / "copy")
    assert status == 2
    assert "--replace" in err
    with (
        closing(Store.open(state, 2, 1)),
        pytest.raises(StoreInUseError, match="another process has this state open"),
    ):
        restore(tmp_path / "copy", state, replace=True)
    assert read(state) == before
    assert list(state.glob("replaced-*")) == []
    with pytest.raises(InputError, match="the state folder itself"):
        restore(state, state, replace=True)


def test_a_state_that_lost_its_file_can_be_restored(tmp_path):
    state = tmp_path / "state"
    filled(state)
    backup(state, tmp_path / "copy")
    store_path(state, 0).unlink()
    with pytest.raises(InputError, match="the file is missing"):
        Store.open(state, 2, 0)
    assert restore(tmp_path / "copy", state, replace=True) is not None
    Store.open(state, 2, 0).close()
    assert read(state)["learnt", ""] == b"\x07"


def test_a_restore_that_is_killed_leaves_nothing_that_begins_anew(tmp_path):
    """Killed at each step that renames or deletes: refused, or one whole state or the other."""
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from dataflows.cli import state_copy\n"
        "left = int(sys.argv[1])\n"
        "def hook(event, _):\n"
        "    global left\n"
        "    if event in ('os.rename', 'os.remove'):\n"
        "        left -= 1\n"
        "        if left == 0:\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "for number in range(1, 99):\n"
        "    if os.fork() == 0:\n"
        "        left = number\n"
        "        sys.addaudithook(hook)\n"
        "        place = Path(sys.argv[2]) / str(number)\n"
        "        state_copy.restore(Path(sys.argv[3]), place, replace=True)\n"
        "        os._exit(0)\n"
        "    if os.wait()[1] == 0:\n"
        "        break\n"
        "print(number)\n"
    )
    filled(tmp_path / "new", number=30)
    backup(tmp_path / "new", tmp_path / "copy")
    places = tmp_path / "places"
    for number in range(1, 40):
        filled(places / str(number), number=5)
    done = subprocess.run(
        [sys.executable, "-c", script, "0", places, tmp_path / "copy"],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    steps = int(done.stdout)
    assert 10 < steps < 40
    ended = set()
    for number in range(1, steps + 1):
        try:
            sizes = [len(read_again(places / str(number), shard)) for shard in range(2)]
        except InputError as error:
            assert "the file is missing" in str(error)  # noqa: PT017
            ended.add("refused")
            restore(tmp_path / "copy", places / str(number), replace=True)
            sizes = [len(read_again(places / str(number), shard)) for shard in range(2)]
        assert sizes in ([7, 7], [31, 31])
    assert ended == {"refused"}


def read_again(folder: Path, shard: int) -> dict[tuple[str, str], bytes]:
    Store.open(folder, 2, shard).close()
    return read(folder, shard)


def test_a_restored_number_is_that_of_the_copy(tmp_path):
    filled(tmp_path / "state", shards=1)
    backup(tmp_path / "state", tmp_path / "copy")
    with closing(Store.open(tmp_path / "state")) as store:
        for n in range(5):
            store.commit([("learnt", "", bytes([n]))])
    state_copy.restore(tmp_path / "copy", tmp_path / "state", replace=True)
    path = store_path(tmp_path / "state", 0)
    assert read_number(path) == 2
    assert number_path(path).stat().st_mode & 0o777 == 0o600
    Store.open(tmp_path / "state").close()
