"""The file of a store: opened by one process, and made anew where it is of something else."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import IO

from dataflows.errors import InputError
from dataflows.serve.stored.store.tables import TABLES
from dataflows.state.damage import one_line
from dataflows.state.private_files import make_private_file
from dataflows.state.shard_files import open_connection
from dataflows.state.store import StoreInUseError, lock_shard

MAPPED_BYTES = 1 << 32
PAGE_BYTES = 8192
"""Two messages to a page of SQLite's usual 4096 bytes would leave a third of it empty."""
_log = logging.getLogger(__name__)


def open_database(path: Path, wanted: Mapping[str, str]) -> sqlite3.Connection:
    """Open a store of this identity for writing; one of another is made anew, and the log says so.

    Raises sqlite3.Error for a file that is damaged, or no store.
    """
    if path.exists():
        why = _differs(path, wanted)
        if why is None:
            return connect(path)
        _log.warning("%s: %s; it is made anew from the input", path, why)
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    make_private_file(path)
    connection = connect(path)
    connection.executescript(f"BEGIN; {TABLES}")
    connection.executemany("INSERT INTO identity VALUES (?, ?)", wanted.items())
    connection.execute("COMMIT")
    return connection


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection for any thread, in autocommit."""
    connection = open_connection(path, PAGE_BYTES, "NORMAL")
    connection.execute(f"PRAGMA mmap_size = {MAPPED_BYTES}")
    return connection


def lock(path: Path) -> IO[str]:
    """Hold a store as its only process. Raises InputError where another one has it."""
    try:
        return lock_shard(path)
    except StoreInUseError:
        raise InputError(
            f"{path}: another process follows into this store; give each process a folder of its "
            "own (serve.store)"
        ) from None


def unusable(path: Path, error: Exception) -> InputError:
    """Return the error for a store that cannot be used."""
    return InputError(
        f"{path}: the store cannot be used ({one_line(str(error))}); see to the disk and the "
        "rights of its folder, or delete this file and start again: it is made anew from the input"
    )


def _differs(path: Path, wanted: Mapping[str, str]) -> str | None:
    """Say what a store is of that is not wanted. Raises sqlite3.Error where it is none."""
    with closing(connect(path)) as connection:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            return "the store was never finished"
        found = dict(connection.execute("SELECT name, value FROM identity"))
    for name in wanted.keys() | found.keys():
        if found.get(name) != wanted.get(name):
            return (
                f"the store was made with {name} {found.get(name)!r}, wanted is "
                f"{wanted.get(name)!r}"
            )
    return None
