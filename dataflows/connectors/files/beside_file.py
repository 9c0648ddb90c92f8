"""A file that is followed beside that of the events, and known again at the next start."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from dataflows.connectors.files.line_reader import LineReader
from dataflows.connectors.files.rotation import begins, id_of
from dataflows.errors import InputError
from dataflows.lifecycle.rare_warnings import RareWarnings
from dataflows.messages.raw import Raw
from dataflows.state.positions import Progress

_seldom = RareWarnings(logging.getLogger(__name__))


def partition_of(path: Path, topic: str) -> str:
    """Return the name of such a file as a partition: never that of a file of events."""
    return f"{path.name} ({topic})"


class BesideFile:
    """Reads what has come to a file since; `topic` is also what its records are called.

    A file that is not there is made, for its owner alone, unless `is_made` is false. Raises
    InputError where it cannot be read, or is not the file that was read before; a file that takes
    its place meanwhile is logged, and not read. With `whole_only` a half line waits for its end.
    """

    def __init__(
        self,
        path: Path,
        topic: str,
        progress: Progress,
        max_bytes: int,
        *,
        is_made: bool = True,
        whole_only: bool = False,
    ) -> None:
        if is_made:
            with suppress(OSError):  # what is wrong is reported where it is opened
                path.touch(mode=0o600)
        self._topic = topic
        self.partition = partition_of(path, topic)
        at = progress.position(self.partition)
        self.was_read = at is not None
        """Whether the state has read some of it before."""
        origin = progress.origin(self.partition)
        self._reader = LineReader(
            *(path, topic, self.partition),
            start=at or 0,
            max_bytes=max_bytes,
            whole_only=whole_only,
            tells=True,
        )
        is_other = origin is not None and not origin.fits(begins(path))
        if self._reader.is_short or is_other:
            self._reader.close()
            raise InputError(
                f"{path}: the state has read {at or 0} bytes of this file of {topic}, and it is "
                f"{'another' if is_other else 'shorter'} now; give the file that was read, only "
                "longer, or another name"
            )

    def read(self, most: int) -> list[Raw]:
        """Return what has come, at most so many."""
        found: Iterator[Raw] = self._reader.records()
        raws = list(islice(found, most))
        if not raws and self._is_replaced():
            _seldom.warn(
                f"replaced {self.partition}",
                "%s: was emptied, or is another file than the one that %s are read from; "
                "what is in it now is not heard: give that file again, or start with another name",
                *(self._reader.path, self._topic),
            )
        return raws

    def tell_torn(self) -> None:
        """Log that the end of the file was left unread, where it was."""
        self._reader.tell_torn()

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def _is_replaced(self) -> bool:
        source = self._reader.source
        return source.is_changed or id_of(self._reader.path) != source.file_id
