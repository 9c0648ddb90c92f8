"""The files of a shard: what is lost is told, and no kill is taken for a loss."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from dataflows.errors import InputError
from dataflows.state.shard_files import (
    is_complete,
    marker_path,
    number_bytes,
    number_path,
    read_number,
    wal_path,
)
from dataflows.state.store import Store, commits_within, store_path
from tests.dataflows.state.older_state import REFUSING, made_by_an_older_release

KILLS = Path(__file__).with_name("store_kills.py")


def made(folder: Path, commits: int = 3) -> Path:
    """A state that was closed well."""
    with closing(Store.open(folder)) as store:
        for number in range(commits):
            store.commit([("a", str(number), b"x" * 3000), ("n", "", str(number).encode())])
    return store_path(folder, 0)


def refused(folder: Path) -> str:
    """The one line with which a writer and a reader are refused."""
    with pytest.raises(InputError) as read:
        Store.reader(folder)
    with pytest.raises(InputError) as caught:
        Store.open(folder)
    assert str(caught.value) == str(read.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda path: path.unlink(), "the file is missing"),
        (lambda path: path.write_bytes(b""), "the file is empty"),
        (lambda path: path.write_bytes(path.read_bytes()[:50]), "the file is no data"),
        (lambda path: path.write_bytes(path.read_bytes()[:4096]), "the file is cut off (4,096 of"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "the file is cut off (32,767 of"),
        (lambda path: path.write_bytes(bytes(9999)), "the file is no database, though"),
    ],
)
def test_a_database_that_was_complete_and_is_no_more_is_refused(tmp_path, damage, told):
    path = made(tmp_path)
    damage(path)
    line = refused(tmp_path)
    assert line.startswith(f"{path}: {told}")
    assert "penchant state restore" in line
    assert "empty [state] path" in line


@pytest.mark.parametrize("left", [None, b""])
def test_without_a_marker_a_state_begins_anew(tmp_path, left):
    path = made(tmp_path)
    marker_path(path).unlink()
    number_path(path).unlink()
    path.unlink()
    if left is not None:
        path.write_bytes(left)
    assert Store.reader(tmp_path) is None
    with closing(Store.open(tmp_path)) as store:
        assert store.kinds() == []
    assert is_complete(path)


def test_the_tables_alone_may_be_gone(tmp_path):
    path = made(tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as base:
        base.execute("DROP TABLE records")
    assert "holds no state any more" in refused(tmp_path)


def test_a_lost_write_ahead_log_is_told(tmp_path):
    store = Store.open(tmp_path)
    for number in range(4):
        store.commit([("a", str(number), b"x")])
    path = store.path
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for one in tmp_path.glob("shard-0.*"):  # as kill -9 leaves them
        (crashed / one.name).write_bytes(one.read_bytes())
    store.close()
    whole = crashed / "shard-0.db"
    wal = wal_path(whole).read_bytes()
    wal_path(whole).unlink()
    line = refused(crashed)
    assert "its last commit is number 0, but 4 were made: shard-0.db-wal was lost" in line
    assert "penchant state restore" in line

    wal_path(whole).write_bytes(wal)  # the first remedy: nothing was lost by the refusals
    with closing(Store.open(crashed)) as again:
        assert [key for key, _ in again.scan("a")] == ["0", "1", "2", "3"]
    assert path != whole


def test_a_log_that_is_cut_is_told_too(tmp_path):
    store = Store.open(tmp_path)
    for number in range(4):
        store.commit([("a", str(number), b"x")])
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for one in tmp_path.glob("shard-0.*"):
        (crashed / one.name).write_bytes(one.read_bytes())
    store.close()
    wal = wal_path(crashed / "shard-0.db")
    wal.write_bytes(wal.read_bytes()[:-100])
    assert "is number 3, but 4 were made" in refused(crashed)


def test_the_number_may_be_deleted_to_go_on_from_what_is_left(tmp_path):
    path = made(tmp_path)
    number_path(path).write_bytes(number_bytes(99))
    assert f"delete {number_path(path).name}" in refused(tmp_path)
    number_path(path).unlink()
    with closing(Store.open(tmp_path)) as store:
        assert store.get("n", "") == b"2"


@pytest.mark.parametrize("left", [b"", b"123", number_bytes(99)[:-1] + b"?", bytes(12)])
def test_a_number_that_cannot_be_read_tells_nothing(tmp_path, left):
    path = made(tmp_path)
    number_path(path).write_bytes(left)
    assert not read_number(path)
    with closing(Store.open(tmp_path)) as store:
        store.commit([("a", "more", b"x")])
    assert read_number(path) == 4


def test_the_number_within_is_that_beside(tmp_path):
    path = made(tmp_path, commits=5)
    with closing(sqlite3.connect(path)) as base:
        assert commits_within(base) == read_number(path) == 5


def test_a_commit_that_fails_is_not_counted(tmp_path):
    with closing(Store.open(tmp_path)) as store:
        store._connection.execute(REFUSING)
        with pytest.raises(InputError):
            store.commit([("a", "refused", b"x")])
        store.commit([("a", "1", b"x")])
    assert read_number(store_path(tmp_path, 0)) == 1


def test_a_state_of_an_older_release_goes_on_and_gets_a_marker(tmp_path):
    path = made_by_an_older_release(tmp_path)
    view = Store.reader(tmp_path)  # opened before there are checksums
    assert view is not None
    with closing(view):
        assert view.get("a", "3") == b"old"
        with closing(Store.open(tmp_path)) as store:
            assert is_complete(path)
            assert len(list(store.scan("a"))) == 9
            store.commit([("a", "3", b"new")])
            assert view.get("a", "3") == b"new"
            assert dict(view.scan("a")) == dict(store.scan("a"))
    path.unlink()
    assert "the file is missing" in refused(tmp_path)


def test_each_shard_has_files_of_its_own(tmp_path):
    for shard in range(3):
        with closing(Store.open(tmp_path, 3, shard)) as store:
            store.commit([("a", str(shard), b"x")])
    store_path(tmp_path, 1).unlink()
    Store.open(tmp_path, 3, 0).close()
    with pytest.raises(InputError, match=r"shard-1\.db: the file is missing"):
        Store.open(tmp_path, 3, 1)


def kills(*how: object) -> int:
    done = subprocess.run(
        [sys.executable, KILLS, *map(str, how)], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    return int(done.stdout)


@pytest.mark.parametrize("how", ["new", "older"])
def test_killed_at_every_ninth_line_it_starts_again_with_all_that_was_committed(tmp_path, how):
    assert kills("lines", how, 9, tmp_path) > 15, "there are more lines to be killed at"


@pytest.mark.slow
@pytest.mark.parametrize("how", ["new", "older"])
def test_killed_at_any_line_it_starts_again_with_all_that_was_committed(tmp_path, how):
    assert kills("lines", how, 1, tmp_path) > 150


def test_killed_at_any_moment_it_starts_again_with_all_that_was_committed(tmp_path):
    assert kills("moments", 5, 40, tmp_path) == 40


def test_a_reader_in_the_process_of_the_writer_loses_nothing_of_it(tmp_path):
    """Closing a descriptor of a file lets go of all locks that its process has on it."""
    store = Store.open(tmp_path)
    store.commit([("a", "1", b"x")])
    for _ in range(2):
        view = Store.reader(tmp_path)
        assert view is not None
        view.close()
    code = (
        "import sys; from pathlib import Path; from dataflows.state.store import Store; "
        "view = Store.reader(Path(sys.argv[1])); print(view.get('a', sys.argv[2])); view.close()"
    )
    for number in ("1", "2"):
        store.commit([("a", number, b"x")])
        read = [sys.executable, "-c", code, str(tmp_path), number]
        done = subprocess.run(read, check=True, capture_output=True, text=True)
        assert done.stdout.strip() == "b'x'"
    assert (tmp_path / "shard-0.db-wal").exists()
    store.close()
