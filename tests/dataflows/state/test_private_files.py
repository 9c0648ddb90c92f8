"""What a state writes is for its owner alone, whatever the umask; what lies there already too."""

from __future__ import annotations

import logging
import os
import stat
from contextlib import closing
from pathlib import Path

import pytest

from dataflows.app.run import run
from dataflows.cli.state_copy import backup
from dataflows.config.config import load_config
from dataflows.datasets.shop.shop import Shop
from dataflows.state.private_files import write_private
from dataflows.state.store import Store
from tests.dataflows.state.older_state import made_by_an_older_release


@pytest.fixture(autouse=True)
def open_handed():
    """An umask that leaves everything to everybody."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def open_to_others(folder: Path) -> list[str]:
    return [str(one) for one in (folder, *folder.rglob("*")) if mode(one) & 0o077]


def test_all_that_a_run_writes_to_the_state_is_closed_while_it_runs_and_after(tmp_path):
    Shop(seed=1, items=60, users=20).write(tmp_path, 100)
    given = {
        "files.events": str(tmp_path / "events.jsonl"),
        "files.items": str(tmp_path / "items.jsonl"),
        "files.output": str(tmp_path / "output"),
        "state.path": str(tmp_path / "deep" / "state"),
        "encoder.name": "hashing-32",
    }
    run(load_config(None, given, {}))
    state = tmp_path / "deep" / "state"
    assert (state / "encoder-cache.db").exists()
    assert mode(state) == 0o700
    assert mode(state / "shard-0.db") == 0o600
    assert open_to_others(state) == []
    assert mode(tmp_path / "output" / "recommendations.jsonl") & 0o044, "lists are for others"

    with closing(Store.open(state, 1, 0)) as store:
        store.commit([("a", "1", b"x")])
        names = {one.name for one in state.iterdir()}
        assert {"shard-0.db-wal", "shard-0.db-shm", "shard-0.lock", "shard-0.json"} <= names
        assert open_to_others(state) == []


def test_a_state_of_an_older_release_is_closed_at_its_first_open(tmp_path):
    path = made_by_an_older_release(tmp_path / "state")
    path.with_suffix(".lock").touch()
    (tmp_path / "state" / "models").mkdir()
    assert len(open_to_others(tmp_path / "state")) == 4
    Store.open(tmp_path / "state").close()
    assert open_to_others(tmp_path / "state") == []


def test_a_folder_that_holds_other_things_stays_open_and_the_state_in_it_is_closed(
    tmp_path, caplog
):
    caplog.set_level(logging.INFO)
    folder = tmp_path / "shared"
    folder.mkdir(mode=0o755)
    (folder / "reports.csv").touch()
    Store.open(folder).close()
    assert mode(folder) == 0o755
    assert {one for one in folder.iterdir() if mode(one) & 0o077} == {folder / "reports.csv"}
    assert "holds more than the state (reports.csv)" in caplog.text


def test_rights_are_taken_and_never_given(tmp_path):
    path = made_by_an_older_release(tmp_path / "state")
    path.chmod(0o444)
    Store.open(tmp_path / "state").close()
    assert mode(path) == 0o400


def test_a_backup_is_closed_too(tmp_path):
    with closing(Store.open(tmp_path / "state")) as store:
        store.commit([("learnt", "", b"\x01")])
    backup(tmp_path / "state", tmp_path / "copy")
    assert mode(tmp_path / "copy") == 0o700
    assert open_to_others(tmp_path / "copy") == []


def test_what_is_written_whole_replaces_what_was_open(tmp_path):
    (tmp_path / "one").write_bytes(b"before")
    write_private(tmp_path / "one", b"after")
    assert (tmp_path / "one").read_bytes() == b"after"
    assert [one.name for one in tmp_path.iterdir()] == ["one"]
    assert mode(tmp_path / "one") == 0o600


def test_a_file_that_goes_meanwhile_stops_nothing(tmp_path):
    path = made_by_an_older_release(tmp_path / "state")
    path.with_name("shard-0.gone").symlink_to(tmp_path / "gone")
    Store.open(tmp_path / "state").close()
    assert mode(path) == 0o600
