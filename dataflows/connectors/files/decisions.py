"""The file of decisions, followed beside that of the events."""

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
from dataflows.messages.decisions import DECISIONS
from dataflows.messages.raw import Raw
from dataflows.state.positions import Progress

_seldom = RareWarnings(logging.getLogger(__name__))


def partition_of(path: Path) -> str:
    """Return the name of the file as a partition: never that of a file of events."""
    return f"{path.name} ({DECISIONS})"


class DecisionFile:
    """Reads the decisions that have come, before more events are read.

    In a state that has read none of this file they wait until the events were read to their end
    once: before the events that brought it nothing can be decided about a label. A file that is
    not there is made, for its owner alone. Raises InputError where it cannot be read, or is not
    the file that was read before; a file that takes its place meanwhile is logged, and not read.
    """

    def __init__(self, path: Path, progress: Progress, max_bytes: int) -> None:
        with suppress(OSError):  # what is wrong is reported where it is opened
            path.touch(mode=0o600)
        partition = partition_of(path)
        at = progress.position(partition)
        self._is_due = at is not None
        origin = progress.origin(partition)
        self._reader = LineReader(
            path, DECISIONS, partition, start=at or 0, max_bytes=max_bytes, tells=True
        )
        is_other = origin is not None and not origin.fits(begins(path))
        if self._reader.is_short or is_other:
            self._reader.close()
            raise InputError(
                f"{path}: the state has read {at or 0} bytes of this file of decisions, and it is "
                f"{'another' if is_other else 'shorter'} now; give the file that was read, only "
                "longer, or another name"
            )

    def take(self, most: int, *, at_end: bool = False) -> list[Raw]:
        """Return what has come, at most so many; `at_end`: the events are read to their end."""
        self._is_due |= at_end
        if not self._is_due:
            return []
        found: Iterator[Raw] = self._reader.records()
        raws = list(islice(found, most))
        if not raws and self._is_replaced():
            _seldom.warn(
                "replaced",
                "%s: was emptied, or is another file than the one that decisions are read from; "
                "what is in it now is not heard: give that file again, or start with another name",
                self._reader.path,
            )
        return raws

    def _is_replaced(self) -> bool:
        source = self._reader.source
        return source.is_changed or id_of(self._reader.path) != source.file_id

    def close(self) -> None:
        """Close the file."""
        self._reader.close()
