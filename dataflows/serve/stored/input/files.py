"""Follows the files of a `penchant run` that writes to a folder, and its catalogue."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from dataflows.config.config import Config
from dataflows.connectors.files.item_changes import ItemChanges
from dataflows.connectors.files.line_reader import LineReader
from dataflows.connectors.files.sink import topic_file
from dataflows.connectors.files.succession import Succession
from dataflows.errors import InputError
from dataflows.messages.partition_names import split_generation
from dataflows.messages.raw import ITEMS, Raw
from dataflows.serve.status import Lag
from dataflows.serve.stored.input.items_file import ItemsFile
from dataflows.serve.stored.store.answer_store import AnswerStore
from dataflows.state.outbox import INTENTS, NARRATIVES, RECOMMENDATIONS

POLL_SECONDS = 0.02
LOOK_SECONDS = 1.0
"""Between two looks for a file that is not there, or has changed as a whole."""
BATCH = 5000
MOST_BYTES = 100_000_000
"""Of one message: a file has no other limit."""
NEEDED = (RECOMMENDATIONS, INTENTS)
"""A run makes these at its start; the file of narratives comes with the first one."""
_log = logging.getLogger(__name__)


class FileFollower:
    """The items file first and its changes, then lists, intents and narratives of `files.output`.

    Each is followed through rotation; a half line waits for its end. A file that is not the one
    that was read, nor one that came after it, makes what came of the former be forgotten.
    """

    def __init__(
        self, config: Config, store: AnswerStore, stop: threading.Event, *, accept_items: bool
    ) -> None:
        self._folder = Path(config.files.output)
        self._store = store
        self._stop = stop
        self._progress = store.progress()
        self._followed: dict[str, Succession] = {}
        self._is_read: set[str] = set()
        self._look_at = 0.0
        self._marks: list[Raw] = []
        self._items = (
            ItemsFile(
                *(Path(config.files.items), config, store.progress, store.item_ids),
                is_accepted=accept_items,
            )
            if config.files.items
            else None
        )
        self._config = config
        self._changes: ItemChanges | None = None
        self._changes_error: str | None = None

    @property
    def is_caught_up(self) -> bool:
        """Whether the files were read to their end once."""
        is_all_there = all(topic in self._is_read for topic in NEEDED)
        return is_all_there and (self._items is None or self._items.is_read)

    def take(self) -> list[Raw]:
        """Return what was written since; see `Follower`."""
        if time.monotonic() >= self._look_at:
            self._look()
        raws, self._marks = self._marks, []
        if not raws and self._items is not None:
            raws = self._items.take(BATCH)
        if not raws and self._changes is not None and self._is_catalogue_read:
            raws = self._changes.take(BATCH)
        if raws or not self._is_catalogue_read:
            return raws or self._rest()
        for topic, followed in self._followed.items():
            found = followed.take(BATCH)
            if not found:
                self._is_read.add(topic)
            raws += found
        return raws or self._rest()

    def stored(self, positions: Mapping[str, int]) -> None:
        """Note how far the store reaches."""
        self._progress.report(0, positions)

    def checks(self) -> dict[str, str]:
        """Return how each file does."""
        checks = {} if self._items is None else {ITEMS: self._items.check()}
        if self._changes_error is not None:
            checks["item_changes"] = self._changes_error
        for topic in (RECOMMENDATIONS, INTENTS, NARRATIVES):
            path = topic_file(self._folder, topic)
            if topic in self._followed:
                done = "read to its end" if topic in self._is_read else "being read"
                checks[topic] = f"{path}: {done}"
            elif topic in NEEDED:
                checks[topic] = f"{path}: not there yet; `penchant run` writes it (files.output)"
        return checks

    def lag(self) -> tuple[Lag, ...]:
        """Return the bytes that each file has and the store has not."""
        return tuple(
            Lag(
                partition=reader.partition,
                unread=max(0, size - (self._progress.position(reader.partition) or 0)),
                unit="bytes",
            )
            for followed in tuple(self._followed.values())
            if (size := _size((reader := followed.reader).path)) is not None
        )

    def close(self) -> None:
        """Close the files."""
        for followed in self._followed.values():
            followed.close()
        if self._items is not None:
            self._items.close()
        if self._changes is not None:
            self._changes.close()

    @property
    def _is_catalogue_read(self) -> bool:
        """Whether lists may follow: not before the catalogue, unless that cannot be read."""
        return self._items is None or self._items.is_read or self._items.is_refused

    def _rest(self) -> list[Raw]:
        self._stop.wait(POLL_SECONDS)
        return []

    def _look(self) -> None:
        """Open what is there by now."""
        self._look_at = time.monotonic() + LOOK_SECONDS
        if self._items is not None:
            self._items.look()
        self._look_for_changes()
        for topic in (RECOMMENDATIONS, INTENTS, NARRATIVES):
            path = topic_file(self._folder, topic)
            if topic not in self._followed and path.exists():
                self._followed[topic] = self._open(topic, path)

    def _look_for_changes(self) -> None:
        """Open the file of item changes once it is there; what is wrong with it is told once."""
        name = self._config.files.item_changes
        if name is None or self._changes is not None or self._changes_error is not None:
            return
        path, most = Path(name), self._config.events.max_record_bytes
        try:
            if path.exists():
                self._changes = ItemChanges(path, self._store.progress(), most, is_made=False)
        except InputError as error:
            self._changes_error = str(error)
            _log.warning("%s", error)

    def _open(self, topic: str, path: Path) -> Succession:
        def reader(path: Path, partition: str, start: int) -> LineReader:
            return LineReader(
                *(path, topic, partition),
                start=start,
                max_bytes=MOST_BYTES,
                whole_only=True,
                tells=True,
            )

        stored = [name for name in self._progress.names() if split_generation(name)[0] == path.name]
        followed = Succession(path, self._progress, reader, follow=True)
        if stored and followed.reader.partition not in stored:
            _log.warning(
                "%s is another file than the one that the store was made of, which is not beside "
                "it: what came of that is forgotten, and the store made anew of this one",
                path,
            )
            self._marks.append(
                Raw(
                    *(topic, followed.reader.partition, 0, 0, None, None),
                    is_mark=True,
                    is_anew=True,
                )
            )
        return followed


def _size(path: Path) -> int | None:
    """Return the bytes of a file, None where it is not there."""
    try:
        return path.stat().st_size
    except OSError:
        return None
