"""The lasting half of the cache: vectors in one SQLite file, bounded in rows.

The file is a copy of what can be computed again, so nothing that happens to it
is fatal: a damaged one is set aside under another name with a warning, and a
new one begun; a busy one (another process) is passed over. It is never synced
to the disk: a power cut may cost rows, not answers. It tells which texts were met to
whoever guesses them, so its owner alone may read it.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from encoders.base import EncoderError

Row = NDArray[np.float32]

_log = logging.getLogger(__name__)

# How far the length of a stored row may be from 1 before it counts as damaged.
_LENGTH_TOLERANCE = 1e-3
_BUSY_SECONDS = 2.0
_SCHEMA = """
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = OFF;
    CREATE TABLE IF NOT EXISTS vectors
        (key BLOB PRIMARY KEY, used INTEGER NOT NULL, version TEXT NOT NULL, row BLOB NOT NULL);
    CREATE INDEX IF NOT EXISTS vectors_used ON vectors (used);
"""


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


class VectorFile:
    """Up to `capacity` rows in a file, the longest unused out first. Safe across threads.

    `used` is a number that grows with every call that touches a row. Raises
    EncoderError where the file cannot be made at all.
    """

    def __init__(self, path: Path, capacity: int, dim: int) -> None:
        if capacity < 1:
            raise ValueError(f"a cache file cannot hold {capacity} vectors: the least is 1")
        self.path = path
        self.capacity = capacity
        self.evictions = 0
        self.passed_over = 0
        self.set_aside = 0
        self._bytes = dim * 4
        self._lock = threading.Lock()
        self._base: sqlite3.Connection | None = None
        self._count = self._clock = 0
        self._seen: int | None = None
        with self._lock:
            self._guarded(self._open)

    def read(self, keys: Sequence[bytes]) -> dict[bytes, Row]:
        """Return the rows of those keys that the file has and that are whole."""
        found: dict[bytes, Row] = {}
        if keys:
            with self._lock:
                self._guarded(lambda: self._read(keys, found))
        return found

    def holds(self, keys: Sequence[bytes]) -> set[bytes]:
        """Return which of those keys have a row in the file, whole or not."""
        found: set[bytes] = set()
        if keys:
            with self._lock:
                self._guarded(lambda: self._find(keys, found))
        return found

    def write(self, rows: Mapping[bytes, Row], version: str) -> None:
        """Add rows made with this version, and drop the longest unused beyond the capacity."""
        if rows:
            with self._lock:
                self._guarded(lambda: self._write(rows, version))

    def close(self) -> None:
        """Close the file; later reads find nothing and later writes are dropped."""
        with self._lock:
            if self._base is not None:
                self._base.close()
            self._base = None

    def _open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _make_private(self.path)
            base = sqlite3.connect(
                self.path, timeout=_BUSY_SECONDS, check_same_thread=False, isolation_level=None
            )
        except (OSError, sqlite3.OperationalError) as error:
            raise self._unusable(error) from error
        try:
            base.executescript(_SCHEMA)
            self._look(base)
        except sqlite3.DatabaseError as error:
            base.close()
            if is_damage(error) or is_busy(error):
                raise
            raise self._unusable(error) from error
        self._base = base

    def _look(self, base: sqlite3.Connection) -> None:
        """Count the rows and read the clock, where another connection has written meanwhile."""
        (seen,) = base.execute("PRAGMA data_version").fetchone()
        if seen != self._seen:
            state = base.execute("SELECT count(*), ifnull(max(used), 0) FROM vectors").fetchone()
            self._count, self._clock = state
            self._seen = seen

    def _unusable(self, error: Exception) -> EncoderError:
        return EncoderError(
            f"cannot write the cache of vectors {self.path}: {error}. Name a file in a folder "
            f"that can be written, or leave the cache file out"
        )

    def _read(self, keys: Sequence[bytes], found: dict[bytes, Row]) -> None:
        if self._base is None:
            return
        for key in keys:
            record = self._base.execute("SELECT row FROM vectors WHERE key = ?", (key,)).fetchone()
            row = self._whole(record[0]) if record else None
            if row is not None:
                found[key] = row
        if found:
            self._clock += 1
            self._base.execute("BEGIN IMMEDIATE")
            self._base.executemany(
                "UPDATE vectors SET used = ? WHERE key = ?", [(self._clock, key) for key in found]
            )
            self._base.execute("COMMIT")

    def _find(self, keys: Sequence[bytes], found: set[bytes]) -> None:
        if self._base is None:
            return
        for key in keys:
            if self._base.execute("SELECT 1 FROM vectors WHERE key = ?", (key,)).fetchone():
                found.add(key)

    def _whole(self, blob: object) -> Row | None:
        """Read a row, or None where it is damaged: wrong size, NaN, neither unit nor zero."""
        if not isinstance(blob, bytes) or len(blob) != self._bytes:
            return None
        row = np.frombuffer(blob, dtype="<f4").astype(np.float32)
        length = float(row @ row)
        return row if length == 0.0 or abs(length - 1.0) < _LENGTH_TOLERANCE else None

    def _write(self, rows: Mapping[bytes, Row], version: str) -> None:
        if self._base is None:
            return
        self._base.execute("BEGIN IMMEDIATE")
        self._look(self._base)
        self._clock += 1
        before = self._base.total_changes
        self._base.executemany(
            "INSERT OR REPLACE INTO vectors (key, used, version, row) VALUES (?, ?, ?, ?)",
            [(k, self._clock, version, row.astype("<f4").tobytes()) for k, row in rows.items()],
        )
        self._count += self._base.total_changes - before
        if self._count > self.capacity:
            self._trim(self._base)
        self._base.execute("COMMIT")

    def _trim(self, base: sqlite3.Connection) -> None:
        """Drop a tenth more than must go, so that not every call has to."""
        (self._count,) = base.execute("SELECT count(*) FROM vectors").fetchone()
        if self._count <= self.capacity:
            return
        drop = self._count - self.capacity + self.capacity // 10
        gone = base.execute(
            "DELETE FROM vectors WHERE key IN (SELECT key FROM vectors ORDER BY used LIMIT ?)",
            (drop,),
        ).rowcount
        self._count -= gone
        self.evictions += gone

    def _guarded(self, work: Callable[[], None]) -> None:
        """Work on the file; a busy or full one is passed over, a damaged one set aside."""
        try:
            work()
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                self._begin_anew(error)
            else:
                self._pass_over(error)

    def _pass_over(self, error: Exception) -> None:
        self.passed_over += 1
        # At the first, second, fourth, eighth, ... time: seen, but no flood.
        if self.passed_over & (self.passed_over - 1) == 0:
            _log.warning(
                "the cache of vectors %s was passed over (%d times so far): %s",
                self.path,
                self.passed_over,
                error,
            )
        if self._base is not None and self._base.in_transaction:
            with suppress(sqlite3.DatabaseError):
                self._base.execute("ROLLBACK")

    def _begin_anew(self, error: Exception) -> None:
        if self._base is not None:
            self._base.close()
        self._base = self._seen = None
        self.set_aside += 1
        try:
            kept = set_aside(self.path)
            self._open()
        except (OSError, sqlite3.DatabaseError, EncoderError) as second:
            _log.warning("going on without the cache of vectors %s: %s", self.path, second)
            return
        _log.warning(
            "the cache of vectors %s is damaged (%s): kept as %s, a new one is begun",
            self.path,
            error,
            kept.name,
        )


def _make_private(path: Path) -> None:
    """Make the file for its owner alone, and close one that is there; SQLite's own follow it.

    One that is there is not opened: closing a descriptor drops all locks that this process has
    on the file, those of another connection's transaction too.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    for one in path.parent.glob(f"{path.name}*"):
        with suppress(FileNotFoundError):  # another process has just closed, and taken it away
            status = one.stat()
            if status.st_mode & 0o077 and status.st_uid == os.geteuid():
                one.chmod(stat.S_IMODE(status.st_mode) & ~0o077)
