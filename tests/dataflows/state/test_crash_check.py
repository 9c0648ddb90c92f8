"""The look through a database after a crash: beside the flow, and never taken for done."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from dataflows.errors import InputError
from dataflows.state import crash_check
from dataflows.state.crash_check import CrashChecks, due_path
from dataflows.state.store import Store, store_path

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"


@pytest.fixture
def database(tmp_path) -> Path:
    with closing(Store.open(tmp_path)) as store:
        store.commit([("a", f"{n:04d}", b"x" * 500) for n in range(400)])
    return store_path(tmp_path, 0)


@pytest.fixture
def endless(monkeypatch):
    """A look that takes for ever, and an end that does not wait for it."""
    monkeypatch.setattr(crash_check, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(crash_check, "quick_check", lambda base: base.execute(ENDLESS).fetchone())


def begun(store: Store, *, after_crash: bool = True) -> CrashChecks:
    checks = CrashChecks()
    checks.begin(store, after_crash=after_crash)
    return checks


def spoil(database: Path) -> None:
    data = bytearray(database.read_bytes())
    at = len(data) // 2 // 4096 * 4096
    data[at : at + 400] = b"\xff" * 400
    database.write_bytes(bytes(data))


def test_damage_ends_the_process_and_nothing_more_is_written(tmp_path, database):
    spoil(database)
    with closing(Store.open(tmp_path)) as store:
        checks = begun(store)
        with pytest.raises(InputError, match=r"shard-0\.db: the file is damaged") as caught:
            checks.finish()
        assert checks.ends(lambda: False)()
        with pytest.raises(InputError) as refused:
            store.commit([("a", "more", b"x")])
        assert refused.value is caught.value
    assert due_path(database).exists(), "it is due until one ends well"


def test_a_whole_database_is_looked_through_once(tmp_path, database):
    with closing(Store.open(tmp_path)) as store:
        checks = begun(store)
        checks.finish()
        assert checks.found is None
        assert not checks.ends(lambda: False)()
        assert checks.ends(lambda: True)()
    assert not due_path(database).exists()


def test_it_is_broken_off_at_the_end_and_made_at_the_next_start(tmp_path, database, monkeypatch):
    with monkeypatch.context() as patched, closing(Store.open(tmp_path)) as store:
        patched.setattr(crash_check, "PATIENCE_SECONDS", 0.0)
        patched.setattr(crash_check, "quick_check", lambda base: base.execute(ENDLESS).fetchone())
        begun(store).finish()
    assert due_path(database).exists()
    with closing(Store.open(tmp_path)) as store:
        begun(store, after_crash=False).finish()
    assert not due_path(database).exists()


@pytest.mark.usefixtures("endless")
def test_writers_go_on_beside_it(tmp_path, database):
    with closing(Store.open(tmp_path)) as store:
        checks = begun(store)
        for number in range(20):
            store.commit([("a", "0000", str(number).encode())])
        assert store.get("a", "0000") == b"19"
        checks.finish()
    with closing(sqlite3.connect(database)) as base:
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_after_a_good_end_nothing_is_looked_at(tmp_path, database):
    with closing(Store.open(tmp_path)) as store:
        begun(store, after_crash=False).finish()
    assert not due_path(database).exists()
