"""Damage in a state: the checksum that finds it, and the line that tells of it."""

from __future__ import annotations

import sqlite3
import zlib
from pathlib import Path

from dataflows.errors import FullDiskError, InputError
from encoders.cache.disk import is_damage
from learners.record_bytes import where

REMEDY = (
    "restore a backup (`penchant state restore`), or really start anew with an empty [state] path"
)
_LONGEST = 200


def checksum(kind: str, key: str, value: bytes) -> int:
    """Return the checksum of a record; kind and key count, so a blob in a wrong place is found."""
    return zlib.crc32(value, zlib.crc32(f"{kind}\0{key}".encode()))


def is_whole(kind: str, key: str, value: object, stored: object) -> bool:
    """Return whether a record is what was written; older releases wrote no checksum (None)."""
    if not isinstance(value, bytes):
        return False
    return stored is None or checksum(kind, key, value) == stored


def damaged_record(path: Path, kind: str, key: str) -> InputError:
    """Return the error for a record that is not what was written."""
    return InputError(
        f"{where(path, kind, key)} is damaged (its checksum is another); "
        f"{REMEDY}; `penchant state check` looks at all records"
    )


def damaged_file(path: Path, what: str) -> InputError:
    """Return the error for a database that is damaged; `what` is in SQLite's words."""
    return InputError(f"{path}: the file is damaged ({one_line(what)}); {REMEDY}")


def unusable(path: Path, error: Exception) -> InputError:
    """Return the error for a database that SQLite or the system refuses."""
    if isinstance(error, sqlite3.DatabaseError) and is_damage(error):
        return damaged_file(path, str(error))
    if getattr(error, "sqlite_errorname", "") == "SQLITE_FULL":
        return unwritable(path, error)
    return InputError(
        f"{path}: the state cannot be used ({one_line(str(error))}); check the disk and the "
        "rights of this folder, or start anew with an empty [state] path"
    )


def unwritable(path: Path, error: Exception) -> InputError:
    """Return the error for a commit that failed."""
    if isinstance(error, sqlite3.DatabaseError) and is_damage(error):
        return damaged_file(path, str(error))
    return FullDiskError(
        f"{path}: the state cannot be written ({one_line(str(error))}); make room, or mend the "
        "disk, then start again: it goes on from what was last stored, and nothing is lost"
    )


def unreadable(path: Path, error: Exception) -> InputError:
    """Return the error for records that are what was written, and yet cannot be taken up."""
    text = one_line(f"{type(error).__name__}: {error}")
    return InputError(f"{path}: the state cannot be taken up ({text}); {REMEDY}")


def one_line(what: str) -> str:
    """Return what SQLite says in one line that is not too long."""
    text = " ".join(what.split())
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
