"""The records of one shard: read when first needed, written in one transaction per epoch.

A record is a blob under (kind, key). SQLite keeps them: LMDB was no faster where
both sync (docs/log/state.md has the figures), wants a size fixed beforehand, and takes no
key over 511 bytes.

Durability is SQLite's write-ahead log with `synchronous = FULL`: when `commit` has
returned, the transaction survives kill -9 and a power cut (as far as the disk keeps
what it says it has written). `NORMAL` would survive kill -9 alone, and was not
measurably faster.

Each record carries a checksum, which is checked whenever it is read. Records that a release
before that wrote have none, and go without until they are written again.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import IO

from dataflows.errors import InputError
from dataflows.state.damage import REMEDY, damaged_record, is_whole, unusable, unwritable
from dataflows.state.private_files import make_private_file, make_private_folder, open_private
from dataflows.state.records import Record, WritesAtOnce
from dataflows.state.row_blocks import write_rows
from dataflows.state.shard_files import (
    CommitNumber,
    Marker,
    close_files_to_others,
    is_complete,
    is_ours,
    open_connection,
    read_connection,
    read_number,
    refuse_lost,
    refuse_older,
    write_marker,
)
from learners.record_bytes import RecordBytes

FORMAT = "1"
COMMITS = "commits"
"""Under this name the number of the last commit stands in the table `identity`."""


_open: Counter[Path] = Counter()
"""How many connections this process has to a database, readers too."""


class StoreInUseError(InputError):
    """Another process has the state open."""


class Store(WritesAtOnce):
    """The records of one shard in `<folder>/shard-<n>.db`, open in one process only."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        lock: IO[str] | None = None,
        number: CommitNumber | None = None,
    ) -> None:
        self.path = path
        self._file = str(path)
        self._is_closed = False
        _open[path.absolute()] += 1
        self._connection = connection
        self._lock = lock
        self._number = number
        self._commits = commits_within(connection)
        self._refusal: InputError | None = None

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
        the same ever after, like the format and the number of shards. What is there
        already is closed to others than its owner.
        Raises InputError where it is not, where another process has the store, where
        the file cannot be used, and where it has lost what was committed.
        """
        path = store_path(folder, shard)
        wanted = _wanted(shards, identity or {})
        with ExitStack() as undo:
            try:
                make_private_folder(folder, is_ours)
                lock = undo.enter_context(lock_shard(path))
                refuse_lost(path, is_closed=not _open[path.absolute()])
                if not path.exists():
                    make_private_file(path)  # SQLite gives its other files the rights of this one
                close_files_to_others(path)
                connection = undo.enter_context(closing(open_connection(path)))
                _check(path, connection, wanted)
                refuse_older(path, read_number(path), commits_within(connection))
                if not is_complete(path):
                    # From here on the tables are in the file itself, not in its log alone.
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
                    write_marker(path, Marker(FORMAT, str(shards)))
                number = undo.enter_context(closing(CommitNumber(path)))
            except (OSError, sqlite3.Error) as error:
                raise unusable(path, error) from error
            undo.pop_all()
        return cls(path, connection, lock, number)

    @classmethod
    def reader(cls, folder: Path, shard: int = 0) -> Store | None:
        """Open a view of what is committed, beside the one writer; None where there is no store.

        Raises InputError as `open` does for a file that has lost something.
        """
        path = store_path(folder, shard)
        with ExitStack() as undo:
            try:
                refuse_lost(path, is_closed=not _open[path.absolute()])
                if not path.exists():
                    return None
                beside = read_number(path)  # before what is within, which may grow meanwhile
                connection = undo.enter_context(closing(read_connection(path)))
                if not _has_tables(connection):
                    _refuse_without_tables(path)
                    return None
                refuse_older(path, beside, commits_within(connection))
            except (OSError, sqlite3.Error) as error:
                raise unusable(path, error) from error
            undo.pop_all()
        return cls(path, connection)

    @classmethod
    def check(cls, folder: Path, shards: int, shard: int, identity: Mapping[str, str]) -> None:
        """Refuse as `open` would, without opening or changing anything; makes the folder."""
        try:
            make_private_folder(folder, is_ours)
        except OSError as error:
            raise unusable(folder, error) from error
        store = cls.reader(folder, shard)
        if store is not None:
            with closing(store):
                store.must_match(_wanted(shards, identity))

    def must_match(self, wanted: Mapping[str, str]) -> None:
        """Raise InputError where the state is bound to something else."""
        with self._reading():
            _compare(self.path, self._connection, wanted)

    def get(self, kind: str, key: str) -> bytes | None:
        """See `Records.get`; about 15 microseconds. Raises InputError for a damaged record."""
        try:
            # All columns: a view that was opened before there was a checksum has one less.
            row = self._connection.execute(
                "SELECT * FROM records WHERE kind = ? AND key = ?", (kind, key)
            ).fetchone()
        except sqlite3.DatabaseError as error:
            raise unusable(self.path, error) from error
        return None if row is None else self._stored(kind, key, *row[2:])

    def scan(self, kind: str, start: str = "") -> Iterator[tuple[str, bytes]]:
        """See `Records.scan`. Raises InputError for a damaged record."""
        with self._reading():
            for row in self._connection.execute(
                "SELECT * FROM records WHERE kind = ? AND key >= ? ORDER BY key", (kind, start)
            ):
                yield row[1], self._stored(kind, *row[1:])

    def _stored(self, kind: str, key: str, value: object, stored: object = None) -> bytes:
        if not isinstance(value, bytes) or not is_whole(kind, key, value, stored):
            raise damaged_record(self.path, kind, key)
        return RecordBytes(value, self._file, kind, key)

    @contextmanager
    def as_of_one_commit(self) -> Iterator[sqlite3.Connection]:
        """Return the database to look at; while this lasts, all reading is of the same commit."""
        self._connection.execute("BEGIN")
        try:
            yield self._connection
        finally:
            self._connection.execute("ROLLBACK")

    def keys(self, kind: str) -> Iterator[str]:
        """Yield the keys of a kind, without reading the records. Raises InputError as `commit`."""
        with self._reading():
            for row in self._connection.execute("SELECT key FROM records WHERE kind = ?", (kind,)):
                yield str(row[0])

    def identity(self, name: str) -> str | None:
        """Return what was written at creation under this name, None where nothing was."""
        with self._reading():
            row = self._connection.execute(
                "SELECT value FROM identity WHERE name = ?", (name,)
            ).fetchone()
        return None if row is None else str(row[0])

    def kinds(self) -> list[str]:
        """Return every kind that has a record."""
        with self._reading():
            rows = self._connection.execute("SELECT DISTINCT kind FROM records ORDER BY kind")
            return [str(row[0]) for row in rows]

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise unusable(self.path, error) from error

    def refuse(self, error: InputError) -> None:
        """Write nothing more: from now on `commit` raises this. Safe from another thread."""
        self._refusal = error

    def commit(self, records: Iterable[Record]) -> None:
        """See `Records.commit`. Raises InputError where the disk is full or failing."""
        if self._refusal is not None:
            raise self._refusal
        last = {(kind, key): blob for kind, key, blob in records}
        if not last:
            return
        try:
            self._write(last)
            self._commits += 1
            if self._number is not None:
                self._number.write(self._commits)
        except (OSError, sqlite3.Error) as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise unwritable(self.path, error) from error

    def _write(self, last: Mapping[tuple[str, str], bytes | None]) -> None:
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        write_rows(self._connection, last)
        execute(
            "INSERT INTO identity VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (COMMITS, str(self._commits + 1)),
        )
        execute("COMMIT")

    def close(self) -> None:
        """See `Records.close`."""
        self._connection.close()
        if not self._is_closed:
            self._is_closed = True
            _open[self.path.absolute()] -= 1
        if self._number is not None:
            self._number.close()
        if self._lock is not None:
            self._lock.close()


def store_path(folder: Path, shard: int) -> Path:
    """Return the path of the records of a shard."""
    return folder / f"shard-{shard}.db"


def lock_shard(path: Path) -> IO[str]:
    """Hold a shard as its only writer until what is given is closed.

    Raises StoreInUseError where another process has it, OSError where there is no folder.
    """
    lock = os.fdopen(open_private(path.with_suffix(".lock"), os.O_WRONLY), "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise StoreInUseError(
            f"{path}: another process has this state open; stop it, or give [state] another path"
        ) from error
    return lock


def _check(path: Path, connection: sqlite3.Connection, wanted: Mapping[str, str]) -> None:
    if not _has_tables(connection):
        _refuse_without_tables(path)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("CREATE TABLE IF NOT EXISTS identity (name TEXT PRIMARY KEY, value TEXT)")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS records"
        " (kind TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, checksum INTEGER,"
        " PRIMARY KEY (kind, key))"
    )
    columns = [row[1] for row in connection.execute("PRAGMA table_info(records)")]
    if "checksum" not in columns:  # made by a release that had none
        connection.execute("ALTER TABLE records ADD COLUMN checksum INTEGER")
    if connection.execute("SELECT count(*) FROM identity").fetchone() == (0,):
        connection.executemany("INSERT INTO identity VALUES (?, ?)", wanted.items())
    connection.execute("COMMIT")
    _compare(path, connection, wanted)


def _has_tables(connection: sqlite3.Connection) -> bool:
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {("records",), ("identity",)} <= set(found)


def _refuse_without_tables(path: Path) -> None:
    if is_complete(path):
        raise InputError(f"{path}: the file holds no state any more, though one was made; {REMEDY}")


def commits_within(connection: sqlite3.Connection) -> int:
    """Return the number of the last commit that a database knows, 0 before there were numbers."""
    row = connection.execute("SELECT value FROM identity WHERE name = ?", (COMMITS,)).fetchone()
    return 0 if row is None else int(row[0])


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
