"""Telling a damaged SQLite file from a busy one, and putting it out of the way."""

from __future__ import annotations

import sqlite3
from pathlib import Path


def is_busy(error: sqlite3.DatabaseError) -> bool:
    """Return whether another connection held the file for too long."""
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Return whether the file itself is at fault: not when it is busy, full or read-only."""
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return True
    # A database without our table or columns was written by somebody else.
    return name == "SQLITE_ERROR" and "no such" in str(error)


def set_aside(path: Path) -> Path:
    """Rename a damaged file to the first free `NAME.damaged-N`, and return that path.

    Its journals go: they belong to the damaged content. Raises OSError.
    """
    number = 1
    while (kept := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    path.replace(kept)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return kept
