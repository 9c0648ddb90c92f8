"""A plain file that is read while others write it, empty it or write over it."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from dataflows.messages.raw import HEAD

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class WatchedFile(io.FileIO):
    """The bytes of a file for as long as it is the one that it was.

    After each piece it is looked whether the file still begins as it did, and is no shorter
    than what was read before. Where that is not so, the piece may be of another text: it is
    not given, and `is_changed`.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.is_changed = False
        self.beginning = os.pread(self.fileno(), HEAD, 0)

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill `buffer` with what comes next; 0 at the present end, and once it is changed."""
        if self.is_changed:
            return 0
        at = self.tell()
        count = super().readinto(buffer) or 0
        known = len(self.beginning)
        if at <= known < min(HEAD, at + count):
            self.beginning += bytes(memoryview(buffer).cast("B")[known - at : count])
            self.beginning = self.beginning[:HEAD]
        self.is_changed = not self._is_same(at, known)
        return 0 if self.is_changed else count

    def _is_same(self, read: int, known: int) -> bool:
        handle = self.fileno()
        is_long = os.fstat(handle).st_size >= read
        return is_long and os.pread(handle, known, 0) == self.beginning[:known]
