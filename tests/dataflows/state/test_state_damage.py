"""A damaged state as a user meets it: one line that names file and record, and exit status 2."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from dataflows.app.run import run
from dataflows.cli.main import run_command
from dataflows.config.config import load_config
from dataflows.datasets.shop.shop import Shop
from dataflows.engine.status.end_note import KIND_ENDED
from dataflows.state import crash_check
from dataflows.state.crash_check import due_path
from dataflows.state.shard_files import read_connection, read_number, wal_path
from dataflows.state.store import store_path
from tests.dataflows.app.test_run import start
from tests.dataflows.state.test_crash_check import ENDLESS

PAGE = 4096


def write_config(folder: Path, *, follow: bool = False) -> Path:
    path = folder / "penchant.toml"
    path.write_text(
        f"""
        [flow]
        epoch_seconds = 0.05
        [files]
        events = "{folder}/events.jsonl"
        items = "{folder}/items.jsonl"
        output = "{folder}/output"
        follow = {str(follow).lower()}
        [state]
        path = "{folder}/state"
        [encoder]
        name = "hashing-32"
        disk_texts = 0
        """
    )
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A folder with a state that ended well."""
    folder = tmp_path_factory.mktemp("whole")
    Shop(seed=1, items=60, users=20).write(folder, 200)
    run(load_config(write_config(folder), environ={}))
    return folder


@pytest.fixture
def place(finished, tmp_path) -> Path:
    """A copy of it, with one more event of each user to come."""
    folder = tmp_path / "place"
    shutil.copytree(finished, folder)
    write_config(folder)
    return folder


def more_events(folder: Path) -> None:
    lines = (folder / "events.jsonl").read_text().splitlines()
    last = {json.loads(line)["user_id"]: json.loads(line) for line in lines}
    with (folder / "events.jsonl").open("a") as file:
        for user_id, event in last.items():
            file.write(json.dumps(event | {"event_id": f"more-{user_id}"}) + "\n")


@pytest.fixture
def penchant(monkeypatch, capsys):
    def call(folder: Path, *args: object) -> tuple[int, str, str]:
        config = str(folder / "penchant.toml")
        monkeypatch.setattr(sys, "argv", ["penchant", *map(str, args), "--config", config])
        status = run_command()
        told = capsys.readouterr()
        errors = [line for line in told.err.splitlines() if line.startswith("penchant: ")]
        assert "Traceback" not in told.err
        assert len(errors) == (status == 2)
        return status, told.out, "".join(errors)

    return call


def database(folder: Path) -> Path:
    return store_path(folder / "state", 0)


def change(folder: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(database(folder), isolation_level=None)) as base:
        assert base.execute(statement, values).rowcount > 0


def one_of(folder: Path, kind: str) -> tuple[str, bytes]:
    with closing(read_connection(database(folder))) as base:
        key, value = base.execute(
            "SELECT key, value FROM records WHERE kind = ? ORDER BY key", (kind,)
        ).fetchone()
    return key, value


READ = [
    "position",
    "learnt",
    "versions",
    "ledger",
    "item",
    "learner:user",
    "learner:item",
    "learner:shared",
    "learner:pending",
    "clean:clock",
    "clean:ids",
    "served:0",
    "served:state",
    "outbox:next",
]


@pytest.mark.parametrize("kind", READ)
def test_a_record_that_was_changed_is_told_by_file_and_key(place, penchant, kind):
    key, value = one_of(place, kind)
    flipped = bytes([*value[:-1], value[-1] ^ 1])
    change(place, "UPDATE records SET value = ? WHERE kind = ? AND key = ?", flipped, kind, key)
    more_events(place)
    status, _, line = penchant(place, "run")
    assert status == 2
    assert f"{database(place)}: the record {kind} '{key}' is damaged" in line
    assert "penchant state restore" in line


@pytest.mark.parametrize("kind", READ)
def test_a_record_of_an_older_release_is_told_by_file_and_key(place, penchant, kind):
    key, _ = one_of(place, kind)
    change(
        place,
        "UPDATE records SET value = ?, checksum = NULL WHERE kind = ? AND key = ?",
        *(b"\xd9\x05gone!", kind, key),
    )
    more_events(place)
    status, _, line = penchant(place, "run")
    assert status == 2
    assert f"{database(place)}: the record {kind} '{key}'" in line
    assert "restore" in line


def test_a_record_in_the_place_of_another_is_told(place, penchant):
    with closing(read_connection(database(place))) as base:
        (a, blob, its), (b, _, _) = base.execute(
            "SELECT key, value, checksum FROM records WHERE kind = 'learner:user' LIMIT 2"
        ).fetchall()
    assert a != b
    change(
        place,
        "UPDATE records SET value = ?, checksum = ? WHERE kind = 'learner:user' AND key = ?",
        *(blob, its, b),
    )
    more_events(place)
    assert f"learner:user '{b}' is damaged" in penchant(place, "run")[2]


def test_records_without_a_checksum_are_read(place, penchant):
    change(place, "UPDATE records SET checksum = NULL")
    more_events(place)
    assert penchant(place, "run")[0] == 0
    assert " with a checksum" in penchant(place, "state", "check")[1]


def pages(folder: Path, first_byte: int) -> list[int]:
    """Pages of the database by what they are: 0x0d leaves of tables, 0x0a leaves of indexes."""
    data = database(folder).read_bytes()
    return [at for at in range(PAGE, len(data), PAGE) if data[at] == first_byte]


def overwrite(folder: Path, at: int, data: bytes) -> None:
    with database(folder).open("r+b") as file:
        file.seek(at)
        file.write(data)


def crash(folder: Path) -> None:
    """Let it look as if the last run had broken off."""
    change(folder, "DELETE FROM records WHERE kind = ?", KIND_ENDED)


@pytest.mark.parametrize("leaf", [0x0D, 0x0A])
def test_a_damaged_page_is_found_after_a_crash(place, penchant, leaf):
    crash(place)
    found = pages(place, leaf)
    overwrite(place, found[len(found) // 2] + 8, b"\xff" * 400)
    status, _, line = penchant(place, "run")
    assert status == 2
    assert f"{database(place)}: the file is damaged (" in line
    assert "penchant state restore" in line
    assert penchant(place, "run")[0] == 2


def test_a_follower_that_has_nothing_to_read_ends_too(place):
    crash(place)
    user, _ = one_of(place, "learner:user")
    at = alone_on_a_page(place, user)
    overwrite(place, at + 1, b"\xff" * 30)
    process = start(
        place, "-m", "dataflows.cli.main", "run", "--config", str(write_config(place, follow=True))
    )
    try:
        errors = process.communicate(timeout=120)[1].decode()
    finally:
        process.kill()
    assert process.returncode == 2
    assert errors.splitlines()[-1].startswith(f"penchant: {database(place)}: the file is damaged (")


def test_the_flow_does_not_wait_for_the_look(place, monkeypatch):
    crash(place)
    more_events(place)
    monkeypatch.setattr(crash_check, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(crash_check, "quick_check", lambda base: base.execute(ENDLESS).fetchone())
    run(load_config(write_config(place), environ={}))
    assert (place / "output" / "recommendations.jsonl").read_text()
    assert due_path(database(place)).exists(), "it was under way until the end"


def alone_on_a_page(folder: Path, user: str) -> int:
    """Give a user a record that fills a page, which nothing reads at a start; say where it is."""
    change(
        folder,
        "UPDATE records SET value = ?, checksum = NULL WHERE kind = 'learner:user' AND key = ?",
        *(b"\xa0" * 3900, user),
    )
    with closing(sqlite3.connect(database(folder))) as base:
        base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return database(folder).read_bytes().index(b"\xa0" * 3900) // PAGE * PAGE


def test_a_crash_is_looked_into_once(place, penchant, caplog):
    crash(place)
    caplog.set_level("INFO")
    assert penchant(place, "run")[0] == 0
    assert "was looked through after a crash: nothing is wrong" in caplog.text
    assert not due_path(database(place)).exists()
    caplog.clear()
    assert penchant(place, "run")[0] == 0
    assert "looked through" not in caplog.text


def test_a_damaged_page_of_a_state_that_rests_is_found_by_the_command(place, penchant):
    found = pages(place, 0x0D)
    overwrite(place, found[len(found) // 2] + 8, b"\xff" * 400)
    status, out, _ = penchant(place, "state", "check")
    assert status == 1
    assert f"DAMAGED: {database(place)}" in out


@pytest.mark.parametrize(
    ("left", "told"), [(b"", "the file is empty"), (None, "the file is missing")]
)
def test_a_lost_database_is_no_new_state(place, penchant, left, told):
    database(place).unlink()
    if left is not None:
        database(place).write_bytes(left)
    for _ in range(2):
        status, _, line = penchant(place, "run")
        assert status == 2
        assert f"{database(place)}: {told}" in line
    assert penchant(place, "state", "check")[0] == 1


def test_a_log_that_is_lost_after_kill_9_is_told(place, penchant):
    shutil.rmtree(place / "state")
    (place / "output").rename(place / "earlier")
    process = start(write_config(place, follow=True))
    try:
        deadline = time.monotonic() + 120
        while not read_number(database(place)):
            assert process.poll() is None, process.communicate()[1].decode()
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        process.kill()
        process.communicate()
    shutil.copytree(place / "state", place / "kept")
    wal_path(database(place)).unlink()
    write_config(place)
    status, _, line = penchant(place, "run")
    assert status == 2
    assert "shard-0.db-wal was lost, or an older file was put in place" in line

    shutil.rmtree(place / "state")
    shutil.copytree(place / "kept", place / "state")
    assert penchant(place, "run")[0] == 0
