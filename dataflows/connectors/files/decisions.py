"""The file of decisions, followed beside that of the events."""

from __future__ import annotations

from pathlib import Path

from dataflows.connectors.files.beside_file import BesideFile
from dataflows.messages.decisions import DECISIONS
from dataflows.messages.raw import Raw
from dataflows.state.positions import Progress


class DecisionFile(BesideFile):
    """Reads the decisions that have come, before more events are read.

    In a state that has read none of this file they wait until the events were read to their end
    once: before the events that brought it nothing can be decided about a label.
    """

    def __init__(self, path: Path, progress: Progress, max_bytes: int) -> None:
        super().__init__(path, DECISIONS, progress, max_bytes)
        self._is_due = self.was_read

    def take(self, most: int, *, at_end: bool = False) -> list[Raw]:
        """Return what has come, at most so many; `at_end`: the events are read to their end."""
        self._is_due |= at_end
        return self.read(most) if self._is_due else []
