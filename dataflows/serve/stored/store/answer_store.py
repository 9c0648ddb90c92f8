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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import msgspec

from dataflows.lifecycle.rare_warnings import RareWarnings
from dataflows.messages.outgoing import Versions
from dataflows.messages.raw import LogId, Origin
from dataflows.serve.answers import NotReadyError
from dataflows.serve.stored.store.checksums import DamagedRowError, whole
from dataflows.serve.stored.store.database import connect, lock, open_database, unusable
from dataflows.serve.stored.store.tables import LAYOUT
from dataflows.state.positions import Progress
from dataflows.state.private_files import make_private_folder

NAME = "answers.db"
OURS = ("answers.", "vectors.")
"""How the names of all files in its folder begin."""
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
        self.catalogue_version = 0
        """Grows with every transaction that changed what the catalogue says."""
        self.damaged_rows = 0
        """Rows that were asked for since the start, and are not what was written."""
        self._is_complete = False
        self._seldom = RareWarnings(_log)
        wanted = {"layout": LAYOUT, **identity}
        with ExitStack() as undo:
            try:
                make_private_folder(folder, lambda name: name.startswith(OURS))
                self._held: IO[str] = undo.enter_context(lock(self.path))
                self._writer = open_database(self.path, wanted)
            except (OSError, sqlite3.Error) as error:
                raise unusable(self.path, error) from error
            undo.pop_all()

    @property
    def reader(self) -> sqlite3.Connection:
        """The connection with which the present thread reads. Not for writing."""
        try:
            connection: sqlite3.Connection = self._readers.connection
        except AttributeError:
            connection = connect(self.path)
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
            raise unusable(self.path, error) from error
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
        text = str(unusable(self.path, error))
        self._seldom.warn("unreadable", "%s", text)
        return NotReadyError(text)


def _decoded(blob: bytes | None, wanted: type[Any]) -> Any:
    return None if blob is None else msgspec.msgpack.decode(blob, type=wanted)
