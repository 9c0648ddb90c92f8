"""The records of one shard: read when first needed, written in one transaction per epoch.

A record is a blob under (kind, key). SQLite keeps them: LMDB was no faster where
both sync (docs/log.md has the figures), wants a size fixed beforehand, and takes no
key over 511 bytes.

Durability is SQLite's write-ahead log with `synchronous = FULL`: when `commit` has
returned, the transaction survives kill -9 and a power cut (as far as the disk keeps
what it says it has written). `NORMAL` would survive kill -9 alone, and was not
measurably faster.
"""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO

from dataflows.errors import FullDiskError, InputError
from dataflows.records import Record

FORMAT = "1"
PAGE_BYTES = 4096
WAL_BYTES = 16_000_000


class StoreInUseError(InputError):
    """Another process has the state open."""


class Store:
    """The records of one shard in `<folder>/shard-<n>.db`, open in one process only."""

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: IO[str] | None) -> None:
        self.path = path
        self._connection = connection
        self._lock = lock

    @classmethod
    def open(
        cls,
        folder: Path,
        shards: int = 1,
        shard: int = 0,
        identity: Mapping[str, str] | None = None,
    ) -> Store:
        """Open or create the store of shard `shard` of `shards`.

        `identity` (such as the encoder's version) is written at creation and must be
        the same ever after, like the format and the number of shards.
        Raises InputError where it is not, where another process has the store, and
        where the file cannot be used.
        """
        path = store_path(folder, shard)
        wanted = _wanted(shards, identity or {})
        with ExitStack() as undo:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                lock = undo.enter_context(_lock(path))
                connection = undo.enter_context(closing(_connect(path)))
                _check(path, connection, wanted)
            except (OSError, sqlite3.Error) as error:
                raise _unusable(path, error) from error
            undo.pop_all()
        return cls(path, connection, lock)

    @classmethod
    def reader(cls, folder: Path, shard: int = 0) -> Store | None:
        """A view of what is committed, beside the one writer; None where there is no store."""
        path = store_path(folder, shard)
        if not path.exists():
            return None
        try:
            connection = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=10.0
            )
            connection.execute("PRAGMA query_only = 1")
            tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
        except sqlite3.Error as error:
            raise _unusable(path, error) from error
        if ("records",) not in tables:
            connection.close()
            return None
        return cls(path, connection, None)

    @classmethod
    def check(cls, folder: Path, shards: int, shard: int, identity: Mapping[str, str]) -> None:
        """Refuse as `open` would, without opening or changing anything; makes the folder."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unusable(folder, error) from error
        store = cls.reader(folder, shard)
        if store is not None:
            with closing(store):
                store.must_match(_wanted(shards, identity))

    def must_match(self, wanted: Mapping[str, str]) -> None:
        """Raise InputError where the state is bound to something else."""
        _compare(self.path, self._connection, wanted)

    def get(self, kind: str, key: str) -> bytes | None:
        """As `Records.get`; about 15 microseconds."""
        row = self._connection.execute(
            "SELECT value FROM records WHERE kind = ? AND key = ?", (kind, key)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def scan(self, kind: str) -> Iterator[tuple[str, bytes]]:
        """As `Records.scan`."""
        yield from self._connection.execute(
            "SELECT key, value FROM records WHERE kind = ? ORDER BY key", (kind,)
        )

    def keys(self, kind: str) -> Iterator[str]:
        """Give the keys of a kind, without reading the records. Raises InputError as `commit`."""
        try:
            for row in self._connection.execute("SELECT key FROM records WHERE kind = ?", (kind,)):
                yield str(row[0])
        except sqlite3.Error as error:
            raise _unusable(self.path, error) from error

    def identity(self, name: str) -> str | None:
        """What was written at creation under this name, None where nothing was."""
        row = self._connection.execute(
            "SELECT value FROM identity WHERE name = ?", (name,)
        ).fetchone()
        return None if row is None else str(row[0])

    def kinds(self) -> list[str]:
        """Every kind that has a record."""
        rows = self._connection.execute("SELECT DISTINCT kind FROM records ORDER BY kind")
        return [str(row[0]) for row in rows]

    def commit(self, records: Iterable[Record]) -> None:
        """As `Records.commit`. Raises InputError where the disk is full or failing."""
        last = {(kind, key): blob for kind, key, blob in records}
        if not last:
            return
        try:
            self._write(last)
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise _unwritable(self.path, error) from error

    def _write(self, last: Mapping[tuple[str, str], bytes | None]) -> None:
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        self._connection.executemany(
            "INSERT INTO records VALUES (?, ?, ?)"
            " ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value",
            ((kind, key, blob) for (kind, key), blob in last.items() if blob is not None),
        )
        self._connection.executemany(
            "DELETE FROM records WHERE kind = ? AND key = ?",
            (where for where, blob in last.items() if blob is None),
        )
        execute("COMMIT")

    def close(self) -> None:
        """As `Records.close`."""
        self._connection.close()
        if self._lock is not None:
            self._lock.close()


def store_path(folder: Path, shard: int) -> Path:
    """Where the records of a shard lie."""
    return folder / f"shard-{shard}.db"


def _lock(path: Path) -> IO[str]:
    lock = path.with_suffix(".lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise StoreInUseError(
            f"{path}: another process has this state open; stop it, or give [state] another path"
        ) from error
    return lock


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0)
    for pragma in (
        f"page_size = {PAGE_BYTES}",
        "journal_mode = WAL",
        "synchronous = FULL",
        f"wal_autocheckpoint = {WAL_BYTES // PAGE_BYTES}",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _check(path: Path, connection: sqlite3.Connection, wanted: Mapping[str, str]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("CREATE TABLE IF NOT EXISTS identity (name TEXT PRIMARY KEY, value TEXT)")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS records"
        " (kind TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (kind, key))"
    )
    if connection.execute("SELECT count(*) FROM identity").fetchone() == (0,):
        connection.executemany("INSERT INTO identity VALUES (?, ?)", wanted.items())
    connection.execute("COMMIT")
    _compare(path, connection, wanted)


def _wanted(shards: int, identity: Mapping[str, str]) -> dict[str, str]:
    return {"format": FORMAT, "shards": str(shards), **identity}


def _compare(path: Path, connection: sqlite3.Connection, wanted: Mapping[str, str]) -> None:
    stored: dict[str, str] = dict(connection.execute("SELECT name, value FROM identity"))
    for name, value in wanted.items():
        if stored.get(name) != value:
            raise InputError(
                f"{path}: the state was made with {name} {stored.get(name, 'unknown')}, "
                f"the configuration says {value}; set it back, or start anew with an empty "
                "[state] path"
            )


def _unwritable(path: Path, error: Exception) -> FullDiskError:
    return FullDiskError(
        f"{path}: the state cannot be written ({error}); make room, or mend the disk, then start "
        "again: it goes on from what was last stored, and nothing is lost"
    )


def _unusable(path: Path, error: Exception) -> InputError:
    if getattr(error, "sqlite_errorname", "") == "SQLITE_FULL":
        return _unwritable(path, error)
    return InputError(
        f"{path}: the state cannot be used ({error}); check the disk and the rights of this "
        "folder, or start anew with an empty [state] path"
    )
