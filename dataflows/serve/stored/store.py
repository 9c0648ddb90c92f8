"""The store of what was sent: one SQLite file, written by one thread and read by many.

Rows that are asked for most are bytes ready to be sent. Positions of the input stand beside the
rows and change in the same transaction, so that after kill -9 both are as old as each other.
All of it can be had again from the input: `synchronous = NORMAL` may lose the last transactions
in a power cut, rows and positions together, and they are read again.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import msgspec

from dataflows.errors import InputError
from dataflows.lifecycle.rare_warnings import RareWarnings
from dataflows.messages.outgoing import Versions
from dataflows.messages.raw import LogId, Origin
from dataflows.serve.answers import NotReadyError
from dataflows.state.damage import one_line
from dataflows.state.positions import Progress
from dataflows.state.private_files import make_private_file, make_private_folder
from dataflows.state.store import StoreInUseError, lock_shard

LAYOUT = "1"
"""Raised where a table changes: a store of another layout is made anew from the input."""
NAME = "answers.db"
MAPPED_BYTES = 1 << 32
WAL_BYTES = 16_000_000
PAGE_BYTES = 4096

TABLES = """
CREATE TABLE identity (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE positions (partition TEXT PRIMARY KEY, topic TEXT NOT NULL, next INTEGER NOT NULL,
  origin BLOB, log BLOB);
CREATE TABLE answers (user_id TEXT PRIMARY KEY, answer BLOB NOT NULL, checksum INTEGER NOT NULL);
CREATE TABLE messages (topic TEXT NOT NULL, user_id TEXT NOT NULL, generation INTEGER NOT NULL,
  sequence INTEGER NOT NULL, message BLOB NOT NULL, checksum INTEGER NOT NULL,
  UNIQUE (topic, user_id));
CREATE TABLE listed (user_id TEXT PRIMARY KEY, items BLOB NOT NULL);
CREATE TABLE items (number INTEGER PRIMARY KEY, item_id TEXT NOT NULL UNIQUE, title TEXT NOT NULL,
  standing INTEGER NOT NULL, arrived INTEGER NOT NULL, lists INTEGER NOT NULL,
  rise REAL NOT NULL, record BLOB);
CREATE INDEX items_by_lists ON items (lists DESC, item_id) WHERE lists > 0 AND standing < 2;
CREATE INDEX items_by_rise ON items (rise DESC, item_id) WHERE rise > 0 AND standing < 2;
CREATE INDEX items_by_arrival ON items (arrived DESC) WHERE standing = 1;
CREATE TABLE categories (category TEXT NOT NULL, number INTEGER NOT NULL,
  PRIMARY KEY (category, number)) WITHOUT ROWID;
CREATE TABLE input (partition TEXT PRIMARY KEY, next INTEGER NOT NULL);
CREATE TABLE counts (name TEXT PRIMARY KEY, count INTEGER NOT NULL);
CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
"""
MESSAGE = "SELECT message, checksum FROM messages WHERE topic = ? AND user_id = ?"
_ANSWER = "SELECT answer, checksum FROM answers WHERE user_id = ?"
_log = logging.getLogger(__name__)


class StoredPosition(msgspec.Struct, frozen=True):
    """Where reading of a partition goes on, and what the partition is known by."""

    topic: str
    next: int
    origin: Origin | None = None
    log: LogId | None = None


class AnswerStore:
    """The file `answers.db` in a folder, open in one process. Any thread may read.

    `identity` is what the store is of, such as the names of topics: one that was made of something
    else, or by a release with another layout, is made anew, which the log tells. Raises InputError
    where the folder cannot be used or another process has it, and for a file that is damaged.
    """

    def __init__(self, folder: Path, identity: Mapping[str, str]) -> None:
        self.path = folder / NAME
        self._readers = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self.version = 0
        """Grows with every transaction."""
        self.damaged_rows = 0
        """Rows that were asked for since the start, and are not what was written."""
        self._is_complete = False
        self._seldom = RareWarnings(_log)
        wanted = {"layout": LAYOUT, **identity}
        with ExitStack() as undo:
            try:
                make_private_folder(folder, lambda name: name.startswith("answers."))
                self._held: IO[str] = undo.enter_context(_lock(self.path))
                self._writer = self._open(wanted)
            except (OSError, sqlite3.Error) as error:
                raise self._unusable(error) from error
            undo.pop_all()

    @property
    def reader(self) -> sqlite3.Connection:
        """The connection with which the present thread reads. Not for writing."""
        try:
            connection: sqlite3.Connection = self._readers.connection
        except AttributeError:
            connection = self._connect()
            connection.execute("PRAGMA query_only = ON")
            self._readers.connection = connection
            with self._lock:
                self._connections.append(connection)
        return connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write: all of it or nothing. For one thread at a time. Raises InputError."""
        writer = self._writer
        try:
            writer.execute("BEGIN IMMEDIATE")
            try:
                yield writer
                writer.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    writer.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        self.version += 1

    def positions(self) -> dict[str, StoredPosition]:
        """Return partition to position, of all that was read."""
        rows = self.read("SELECT partition, topic, next, origin, log FROM positions")
        return {
            name: StoredPosition(topic, at, _decoded(origin, Origin), _decoded(log, LogId))
            for name, topic, at, origin, log in rows
        }

    def progress(self) -> Progress:
        """Return the positions as those who read files take them."""
        stored = self.positions()
        return Progress(
            {0: {name: one.next for name, one in stored.items()}},
            origins={name: one.origin for name, one in stored.items() if one.origin is not None},
        )

    def item_ids(self) -> set[str]:
        """Return the ids of the items that a catalogue told of and did not take back."""
        rows = self.read("SELECT item_id FROM items WHERE standing IN (1, 2)")
        return {item_id for (item_id,) in rows}

    def as_of(self) -> dict[str, int]:
        """Return how far the input was learnt of which anything stored tells."""
        return dict(self.read("SELECT partition, next FROM input ORDER BY partition"))

    def counts(self) -> dict[str, int]:
        """Return what was counted since the store was made: `older`, `damaged`, ..."""
        return dict(self.read("SELECT name, count FROM counts ORDER BY name"))

    def sizes(self) -> dict[str, int]:
        """Return how many `users` have a list, and how many `items` there are.

        Of those as many as are `available`, and as are `listed` now.
        """
        query = (
            "SELECT (SELECT count(*) FROM listed), count(*), coalesce(sum(standing = 1), 0),"
            " coalesce(sum(lists > 0), 0) FROM items WHERE standing != 3"
        )
        return dict(
            zip(("users", "items", "available", "listed"), self.read(query)[0], strict=True)
        )

    def versions(self) -> Versions | None:
        """Return what made the newest message."""
        found = self.fact("versions")
        return None if found is None else msgspec.json.decode(found, type=Versions)

    def fact(self, name: str) -> Any:
        """Return one of the few facts that are kept of the whole, None where it is not known."""
        rows = self.read("SELECT value FROM facts WHERE name = ?", (name,))
        return rows[0][0] if rows else None

    @property
    def is_complete(self) -> bool:
        """Whether it has ever caught up with its input."""
        if not self._is_complete:
            self._is_complete = self.fact("complete") is not None
        return self._is_complete

    def set_complete(self) -> None:
        """Note that it has caught up with its input. Raises InputError."""
        if not self.is_complete:
            with self.transaction() as connection:
                connection.execute("INSERT OR REPLACE INTO facts VALUES ('complete', 1)")

    def read(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query. Raises NotReadyError where the store cannot be read."""
        try:
            return self.reader.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise self._unreadable(error) from error

    def answer(self, user_id: str) -> bytes | None:
        """Return the stored answer for a user, None where there is none.

        Raises DamagedRowError, and NotReadyError where the store cannot be read.
        """
        try:
            row = self.reader.execute(_ANSWER, (user_id,)).fetchone()
        except sqlite3.Error as error:
            raise self._unreadable(error) from error
        return None if row is None else self._whole(user_id, *row)

    def message(self, topic: str, user_id: str) -> bytes | None:
        """Return the stored message for a user, None where there is none; raises as `answer`."""
        rows = self.read(MESSAGE, (topic, user_id))
        return self._whole(user_id, *rows[0]) if rows else None

    def close(self) -> None:
        """Close it; those who read must have ended."""
        with self._lock:
            for connection in (*self._connections, self._writer):
                connection.close()
        self._held.close()

    def _whole(self, user_id: str, value: object, stored: object) -> bytes:
        """Return the value of a row; one that is damaged is counted and told."""
        try:
            return whole(user_id, value, stored)
        except DamagedRowError as error:
            self.damaged_rows += 1
            self._seldom.warn("damaged", "%s: %s", self.path, error)
            raise

    def _unreadable(self, error: sqlite3.Error) -> NotReadyError:
        text = str(self._unusable(error))
        self._seldom.warn("unreadable", "%s", text)
        return NotReadyError(text)

    def _open(self, wanted: Mapping[str, str]) -> sqlite3.Connection:
        if self.path.exists():
            why = self._differs(wanted)
            if why is None:
                return self._connect()
            _log.warning("%s: %s; it is made anew from the input", self.path, why)
            for suffix in ("", "-wal", "-shm"):
                self.path.with_name(NAME + suffix).unlink(missing_ok=True)
        make_private_file(self.path)
        connection = self._connect()
        connection.executescript(f"BEGIN; {TABLES}")
        connection.executemany("INSERT INTO identity VALUES (?, ?)", wanted.items())
        connection.execute("COMMIT")
        return connection

    def _differs(self, wanted: Mapping[str, str]) -> str | None:
        """Say what the store is of that is not wanted. Raises sqlite3.Error where it is none."""
        connection = self._connect()
        try:
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if tables == (0,):
                return "the store was never finished"
            found = dict(connection.execute("SELECT name, value FROM identity"))
        finally:
            connection.close()
        for name in wanted.keys() | found.keys():
            if found.get(name) != wanted.get(name):
                return (
                    f"the store was made with {name} {found.get(name)!r}, wanted is "
                    f"{wanted.get(name)!r}"
                )
        return None

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, timeout=10.0
        )
        for pragma in (
            f"page_size = {PAGE_BYTES}",
            "journal_mode = WAL",
            "synchronous = NORMAL",
            f"mmap_size = {MAPPED_BYTES}",
            f"wal_autocheckpoint = {WAL_BYTES // PAGE_BYTES}",
        ):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def _unusable(self, error: Exception) -> InputError:
        return InputError(
            f"{self.path}: the store cannot be used ({one_line(str(error))}); see to the disk and "
            "the rights of its folder, or delete this file and start again: it is made anew from "
            "the input"
        )


class DamagedRowError(NotReadyError):
    """A row is not what was written; the message says whose."""


def checksum(user_id: str, value: bytes) -> int:
    """Return the checksum of a row; whose it is counts, so a row in a wrong place is found."""
    return zlib.crc32(value, zlib.crc32(user_id.encode()))


def whole(user_id: str, value: object, stored: object) -> bytes:
    """Return the value of a row of this checksum. Raises DamagedRowError where it is another."""
    if not isinstance(value, bytes) or checksum(user_id, value) != stored:
        raise DamagedRowError(
            f"the row of {user_id!a} is damaged (its checksum is another): their next message "
            "mends it; or stop, delete the store and start again: it is made anew from the input"
        )
    return value


def _lock(path: Path) -> IO[str]:
    try:
        return lock_shard(path)
    except StoreInUseError:
        raise InputError(
            f"{path}: another process follows into this store; give each process a folder of its "
            "own (serve.store)"
        ) from None


def _decoded(blob: bytes | None, wanted: type[Any]) -> Any:
    return None if blob is None else msgspec.msgpack.decode(blob, type=wanted)
