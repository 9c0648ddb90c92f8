"""After a crash the database of a shard is looked through, beside the flow.

SQLite's `quick_check` reads the whole file, on a connection and in a thread of its own: the
start does not wait for it, and writers go on. Where it fails, nothing more is written and the
process ends with a line that says so. A look that the process did not live to finish, or that
its end broke off, is due again at the next start: an empty file beside the database says so.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from dataflows.errors import InputError
from dataflows.state.damage import damaged_file, unusable
from dataflows.state.private_files import make_private_file
from dataflows.state.shard_files import read_connection
from dataflows.state.store import Store

PATIENCE_SECONDS = 5.0
"""For how long the end of a process waits for a look that is under way."""
_AGAIN_SECONDS = 0.05

_log = logging.getLogger(__name__)


class CrashChecks:
    """The looks of one process. `found` is the first damage; `ends` is asked by the source."""

    def __init__(self) -> None:
        self.found: InputError | None = None
        self._looks: list[_Look] = []

    def begin(self, store: Store, *, after_crash: bool) -> None:
        """Look through the database of a store that is open, where that is due.

        Raises OSError where nothing can be written beside it.
        """
        due = due_path(store.path)
        if after_crash:
            make_private_file(due)
        if due.exists():
            look = _Look(store, due, self._tell)
            self._looks.append(look)
            look.start()

    def ends(self, stop: Callable[[], bool]) -> Callable[[], bool]:
        """Return what also says that it is time to stop where damage was found."""
        return lambda: self.found is not None or stop()

    def finish(self) -> None:
        """Wait a while for what is under way, and break it off. Raises the damage found."""
        looks, self._looks = self._looks, []
        until = time.monotonic() + PATIENCE_SECONDS
        for look in looks:
            look.join(max(0.0, until - time.monotonic()))
            if look.is_alive():
                look.break_off()
        if self.found is not None:
            raise self.found

    def _tell(self, error: InputError) -> None:
        if self.found is None:
            self.found = error


def due_path(database: Path) -> Path:
    """Return the path of the file that says that a look through a database is due."""
    return database.with_suffix(".unchecked")


def quick_check(connection: sqlite3.Connection) -> str | None:
    """Return what is wrong with a database in SQLite's words, None for nothing."""
    rows = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)")]
    return None if rows == ["ok"] else "; ".join(rows)


class _Look(threading.Thread):
    """One look through one database."""

    def __init__(self, store: Store, due: Path, tell: Callable[[InputError], None]) -> None:
        super().__init__(name=f"check-{store.path.stem}", daemon=True)
        self._store = store
        self._due = due
        self._tell = tell
        self._connection: sqlite3.Connection | None = None
        self._is_broken_off = False

    def run(self) -> None:
        path, started = self._store.path, time.monotonic()
        try:
            with closing(read_connection(path)) as connection:
                self._connection = connection
                wrong = None if self._is_broken_off else quick_check(connection)
            error = None if wrong is None else damaged_file(path, wrong)
        except sqlite3.Error as failed:
            error = None if self._is_broken_off else unusable(path, failed)
        if error is not None:
            self._store.refuse(error)
            self._tell(error)
            return
        if self._is_broken_off:
            return
        self._due.unlink(missing_ok=True)
        _log.info(
            "%s was looked through after a crash: nothing is wrong (%.1f s)",
            *(path, time.monotonic() - started),
        )

    def break_off(self) -> None:
        """End the look where it still goes on, and leave it due."""
        self._is_broken_off = True
        while self.is_alive():
            with suppress(sqlite3.ProgrammingError):  # it has just been closed
                if self._connection is not None:
                    self._connection.interrupt()
            self.join(_AGAIN_SECONDS)
        if self._due.exists():
            _log.warning(
                "%s: the look through the file after a crash was broken off; the next start, or "
                "`penchant state check`, makes it",
                self._store.path,
            )
