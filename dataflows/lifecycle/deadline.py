"""One time limit for all that the end of a process waits for."""

from __future__ import annotations

import time
from collections.abc import Callable


class Deadline:
    """So many seconds from the first wait on, however many parts wait one after another.

    It begins when something waits for the first time after `stop` has said that the process is
    to end: what is still to be learnt by then takes the time that it takes.
    """

    def __init__(
        self,
        seconds: float,
        stop: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = seconds
        self._stop = stop
        self._clock = clock
        self._end: float | None = None

    def left(self) -> float:
        """Return the seconds that are left, 0.0 where there are none; begins it."""
        now = self._clock()
        if self._end is None:
            self._end = now + self._seconds
        return max(0.0, self._end - now)

    @property
    def is_over(self) -> bool:
        """Whether the process is to end and has waited long enough; begins it where it is to."""
        return self._stop() and not self.left()
