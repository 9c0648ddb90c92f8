"""The file of decisions, followed beside that of the events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from dataflows.decisions import DECISIONS
from dataflows.errors import InputError
from dataflows.line_reader import LineReader
from dataflows.progress import Progress
from dataflows.record import Raw


def partition_of(path: Path) -> str:
    """Give the name of the file as a partition: never that of a file of events."""
    return f"{path.name} ({DECISIONS})"


class DecisionFile:
    """Gives the decisions that have come, before more events are read.

    In a state that has read none of this file they wait until the events were read to their end
    once: before the events that brought it nothing can be decided about a label. A file that is
    not there is made, for its owner alone. Raises InputError where it cannot be read.
    """

    def __init__(self, path: Path, progress: Progress, max_bytes: int) -> None:
        with suppress(OSError):  # what is wrong is told by who opens it
            path.touch(mode=0o600)
        partition = partition_of(path)
        at = progress.position(partition)
        self._is_due = at is not None
        self._reader = LineReader(path, DECISIONS, partition, start=at or 0, max_bytes=max_bytes)
        if self._reader.is_short:
            self._reader.close()
            raise InputError(
                f"{path}: the state has read {at} bytes of this file of decisions, and it is "
                "shorter now; give the file that was read, only longer, or another name"
            )

    def take(self, most: int, *, at_end: bool = False) -> list[Raw]:
        """Give what has come, at most so many; `at_end`: the events are read to their end."""
        self._is_due |= at_end
        if not self._is_due:
            return []
        found: Iterator[Raw] = self._reader.records()
        return list(islice(found, most))

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()
