"""The catalogue in a file: read whole at the start, and again where it has changed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import chain, islice
from pathlib import Path

from dataflows.config.config import Config
from dataflows.connectors.files.full_catalogue import WholeCatalogue
from dataflows.connectors.files.line_reader import LineReader
from dataflows.connectors.files.readable import content_partition
from dataflows.errors import InputError
from dataflows.lifecycle.rare_warnings import RareWarnings
from dataflows.messages.raw import ITEMS, Raw
from dataflows.state.positions import Progress

_log = logging.getLogger(__name__)


class ItemsFile:
    """The rows of an items file from where the store ends, with removals for what it dropped.

    `progress` gives the positions in the store as they are now, `stored` the ids of the items
    there. A file that lacks too much is not taken, unless `is_accepted` (see `WholeCatalogue`).
    What stands in the way is told, and looked at again once the file is another.
    """

    def __init__(
        self,
        path: Path,
        config: Config,
        progress: Callable[[], Progress],
        stored: Callable[[], set[str]],
        *,
        is_accepted: bool,
    ) -> None:
        self.is_read = False
        """Whether a file was read to its end since the start."""
        self._path = path
        self._config = config
        self._progress = progress
        self._stored = stored
        self._is_accepted = is_accepted
        self._reader: LineReader | None = None
        self._rows: Iterator[Raw] = iter(())
        self._seen: tuple[int, int, int] | None = None
        self._settled: tuple[int, int, int] | None = None
        self._error: str | None = None
        self._seldom = RareWarnings(_log)

    @property
    def is_refused(self) -> bool:
        """Whether the file cannot be had as it stands."""
        return self._error is not None

    def look(self) -> None:
        """Open the file where it is new, or another than the one that was read.

        One that changed just now is left until it stands as it did at the last look.
        """
        try:
            status = self._path.stat()
        except OSError as error:
            self._refused(f"{self._path}: cannot be read ({error.strerror})")
            return
        seen = status.st_ino, status.st_size, status.st_mtime_ns
        is_settled = (
            self._seen in (None, seen) or time.time_ns() - status.st_mtime_ns > 1_000_000_000
        )
        self._seen = seen
        if seen == self._settled or not is_settled:
            return
        self._settled = seen
        self.close()
        try:
            self._open()
        except InputError as error:
            self._refused(str(error))

    def take(self, most: int) -> list[Raw]:
        """Return the next rows, at most so many; none where all were given."""
        rows = list(islice(self._rows, most))
        if not rows and self._reader is not None:
            self._reader.tell_torn()
            self.close()
            self.is_read = True
        return rows

    def check(self) -> str:
        """Return how it does, in words."""
        if self._error is not None:
            return self._error
        return f"{self._path}: {'read to its end' if self.is_read else 'being read'}"

    def close(self) -> None:
        """Close the file."""
        if self._reader is not None:
            self._reader.close()
        self._reader, self._rows = None, iter(())

    def _open(self) -> None:
        most, progress = self._config.events.max_record_bytes, self._progress()
        content = content_partition(self._path)
        removals: list[Raw] = []
        if self._config.files.items_are == "all":
            whole = WholeCatalogue(
                *(self._path, self._stored, progress, self._config.events),
                is_accepted=self._is_accepted,
            )
            with closing(LineReader(self._path, ITEMS, content, max_bytes=most)) as reader:
                reader.source.check_shape()
                removals = whole.removals(
                    ITEMS,
                    content,
                    reader.records(),
                    lambda: bool(reader.torn or reader.source.damage),
                )
        start = progress.position(content) or 0
        self._reader = LineReader(self._path, ITEMS, content, start=start, max_bytes=most)
        self._rows = chain(removals, self._reader.records())
        self._error = None

    def _refused(self, why: str) -> None:
        self._error = why
        self._seldom.warn(why, "%s", why)
