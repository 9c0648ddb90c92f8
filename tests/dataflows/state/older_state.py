"""A state as the release before wrote it, and one that refuses a record."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from dataflows.state.store import store_path

REFUSING = """
CREATE TEMP TRIGGER refusing BEFORE INSERT ON main.records WHEN NEW.key = 'refused'
BEGIN SELECT RAISE(ABORT, 'no'); END
"""
"""Makes SQLite refuse a record under this key, in the connection that executes it."""


def made_by_an_older_release(folder: Path) -> Path:
    """A state of the release before: no checksum, no marker, no number of commits."""
    path = store_path(folder, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as base:
        base.execute("PRAGMA journal_mode = WAL")
        base.execute("CREATE TABLE identity (name TEXT PRIMARY KEY, value TEXT)")
        base.execute(
            "CREATE TABLE records (kind TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,"
            " PRIMARY KEY (kind, key))"
        )
        base.executemany("INSERT INTO identity VALUES (?, ?)", [("format", "1"), ("shards", "1")])
        base.executemany(
            "INSERT INTO records VALUES (?, ?, ?)", [("a", str(n), b"old") for n in range(9)]
        )
    return path
