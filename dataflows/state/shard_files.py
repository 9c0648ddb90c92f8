"""The files of one shard: beside the database a marker that it is complete, and a number.

    shard-0.db          the records (with -wal and -shm while it is open)
    shard-0.json        the marker, written once the database is complete
    shard-0.commits     the number of the last commit, written after it
    shard-0.lock        held by the process that has the shard open
    shard-0.unchecked   there while a look through the database after a crash is due

With the marker a database that is missing, empty or cut off is a loss, and is refused;
without it a kill came while it was made, and it begins anew. The number is written when
the commit has returned, so it is never ahead of the database: where it is, commits were
lost with the write-ahead log, or an older file was put in place.
"""

from __future__ import annotations

import os
import re
import sqlite3
import struct
import zlib
from pathlib import Path

import msgspec

from dataflows.errors import InputError
from dataflows.state.damage import REMEDY
from dataflows.state.private_files import close_to_others, open_private, write_private

PAGE_BYTES = 4096
WAL_BYTES = 16_000_000
_NUMBER = struct.Struct("<QI")
_MAGIC = b"SQLite format 3\0"
_HEADER_BYTES = 100
_OURS = re.compile(
    r"shard-\d+\..+|encoder-cache\.db.*|compiled|finetune|models|rounds|replaced-.+|restore\.part"
)


class Marker(msgspec.Struct, frozen=True):
    """What the marker says: of which format the database is, and of how many shards."""

    format: str
    shards: str


def is_ours(name: str) -> bool:
    """Return whether a file or folder of this name in a state folder is one of ours."""
    return _OURS.fullmatch(name) is not None


def shards_in(folder: Path) -> list[int]:
    """Return the numbers of the shards that a folder has anything of, in order."""
    names = [one.name for one in folder.iterdir()] if folder.is_dir() else []
    found = [re.fullmatch(r"shard-(\d+)\.(db|json)", name) for name in names]
    return sorted({int(one[1]) for one in found if one is not None})


def marker_path(database: Path) -> Path:
    """Return the path of the marker of a shard."""
    return database.with_suffix(".json")


def number_path(database: Path) -> Path:
    """Return the path of the number of the last commit."""
    return database.with_suffix(".commits")


def wal_path(database: Path) -> Path:
    """Return the path where SQLite keeps what was committed and is not yet in the database."""
    return database.with_name(database.name + "-wal")


def close_files_to_others(database: Path) -> None:
    """Remove all rights of group and others on a shard's files, and folders of ours beside it.

    Raises OSError.
    """
    for path in database.parent.iterdir():
        if path.name.startswith(f"{database.stem}.") or (is_ours(path.name) and path.is_dir()):
            close_to_others(path)


def write_marker(database: Path, marker: Marker) -> None:
    """Note that a database is complete. Raises OSError."""
    write_private(marker_path(database), msgspec.json.encode(marker) + b"\n")


def is_complete(database: Path) -> bool:
    """Return whether a database was complete once."""
    return marker_path(database).exists()


def refuse_lost(database: Path, *, is_closed: bool) -> None:
    """Raise InputError where a database that was complete is no more. Raises OSError.

    Only where it `is_closed` in this process is it looked into: the system lets go of all locks
    that a process has on a file as soon as it closes any descriptor of it, and the next reader
    elsewhere would take the log of what is committed away from under SQLite.
    """
    if not is_complete(database):
        return
    lost = _lost(database) if is_closed else _gone(database)
    if lost is not None:
        raise InputError(
            f"{database}: {lost}, though a state was made here ({marker_path(database).name} "
            f"says so); {REMEDY}"
        )


def refuse_older(database: Path, beside: int | None, within: int) -> None:
    """Raise InputError where the number `beside` a database is ahead of that `within` it."""
    if beside is None or beside <= within:
        return
    wal = wal_path(database).name
    raise InputError(
        f"{database}: its last commit is number {within:,}, but {beside:,} were made: {wal} was "
        f"lost, or an older file was put in place; put {wal} back, or {REMEDY}; or delete "
        f"{number_path(database).name} to go on from the older state (what came since is learnt "
        "again where the source still has it)"
    )


class CommitNumber:
    """Writes the number of the last commit beside a database: 12 bytes, in place, unsynced.

    A power cut may leave an older number, or none that can be read: then nothing is reported.
    """

    def __init__(self, database: Path) -> None:
        self._descriptor = open_private(number_path(database), os.O_RDWR)

    def write(self, number: int) -> None:
        """Note that this commit has been made. Raises OSError."""
        os.pwrite(self._descriptor, number_bytes(number), 0)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1


def number_bytes(number: int) -> bytes:
    """Return the bytes of a number: 8, and 4 that tell whether those are whole."""
    plain = number.to_bytes(8, "little")
    return _NUMBER.pack(number, zlib.crc32(plain))


def read_number(database: Path) -> int | None:
    """Return the number beside a database, None where there is none that can be read."""
    try:
        data = number_path(database).read_bytes()
    except FileNotFoundError:
        return None
    if len(data) != _NUMBER.size:
        return None
    number, checksum = _NUMBER.unpack(data)
    return int(number) if zlib.crc32(data[:8]) == checksum else None


def open_connection(
    path: Path, page_bytes: int = PAGE_BYTES, synchronous: str = "FULL"
) -> sqlite3.Connection:
    """Open a connection for any thread, in autocommit, with a write-ahead log."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0)
    for pragma in (
        f"page_size = {page_bytes}",
        "journal_mode = WAL",
        f"synchronous = {synchronous}",
        f"wal_autocheckpoint = {WAL_BYTES // page_bytes}",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def read_connection(database: Path) -> sqlite3.Connection:
    """Open a database to be read only, by several threads in turn. Raises sqlite3.Error."""
    connection = sqlite3.connect(
        f"{database.absolute().as_uri()}?mode=rw",
        isolation_level=None,
        check_same_thread=False,
        timeout=10.0,
        uri=True,
    )
    connection.execute("PRAGMA query_only = 1")
    return connection


def _gone(database: Path) -> str | None:
    """Return whether a database is there at all, without opening it."""
    if not database.exists():
        return "the file is missing"
    return None if database.stat().st_size else "the file is empty"


def _lost(database: Path) -> str | None:
    """Return what a database has lost, judged by its size and first bytes."""
    gone = _gone(database)
    if gone is not None:
        return gone
    with database.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(_HEADER_BYTES)
    if len(head) < _HEADER_BYTES or not head.startswith(_MAGIC):
        return "the file is no database"
    page_bytes, pages = int.from_bytes(head[16:18], "big"), int.from_bytes(head[28:32], "big")
    is_size_known = head[24:28] == head[92:96]  # else the number of pages is an old one
    if is_size_known and size < pages * page_bytes and not _has_content(wal_path(database)):
        return f"the file is cut off ({size:,} of {pages * page_bytes:,} bytes are left)"
    return None


def _has_content(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def database_size(path: Path) -> int:
    """Return the bytes of a shard's database on disk, with what is not yet folded into it."""
    files = (path, path.with_name(f"{path.name}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())
