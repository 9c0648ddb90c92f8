"""Log lines that come again and again: each kind once in a while, and how many were left out."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

TELL_EVERY = 60.0
"""Seconds between two lines of one kind, unless said."""


class RareWarnings:
    """Warnings of a logger, at most one of a kind in `every` seconds. Safe between threads."""

    def __init__(
        self,
        log: logging.Logger,
        every: float = TELL_EVERY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._every = every
        self._clock = clock
        self._logged: dict[str, tuple[float, int]] = {}
        self._lock = threading.Lock()

    def warn(self, kind: str, text: str, *arguments: object) -> None:
        """Log a line, or count it where one of its kind was logged just before."""
        with self._lock:
            now = self._clock()
            last, left_out = self._logged.get(kind, (float("-inf"), 0))
            if now - last < self._every:
                self._logged[kind] = (last, left_out + 1)
                return
            self._logged[kind] = (now, 0)
        more = f" ({left_out:,} like it were not logged)" if left_out else ""
        self._log.warning(text + "%s", *arguments, more)

    def logged(self, kind: str) -> None:
        """Note that a line of a kind was just logged by other means: the next one waits."""
        with self._lock:
            self._logged[kind] = (self._clock(), 0)
