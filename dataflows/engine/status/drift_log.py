"""Alarms of drift in the log: a line a minute at most, which counts those it leaves out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from learners.drift import Alarm

TELL_EVERY = 60.0
"""Seconds between two lines."""

_log = logging.getLogger(__name__)


class DriftLog:
    """Writes alarms into the log. `clock` returns seconds; nothing but the log hangs on it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: float | None = None
        self._left_out = 0

    def tell(self, alarm: Alarm) -> None:
        """Write a line, or count the alarm where one was written just before."""
        now = self._clock()
        if self._last is not None and now - self._last < TELL_EVERY:
            self._left_out += 1
            return
        self._last = now
        _log.warning(
            "drift: %s at learnt event %d%s", _describe(alarm), alarm.position, self._more()
        )
        self._left_out = 0

    def finish(self) -> None:
        """Log how many alarms no line has counted yet, if any."""
        if self._left_out:
            _log.warning("drift: %d more since then", self._left_out)
            self._left_out = 0

    def _more(self) -> str:
        return f" ({self._left_out} others before it were left out)" if self._left_out else ""


def _describe(alarm: Alarm) -> str:
    means = f"from {alarm.before:.3f} to {alarm.after:.3f}"
    if alarm.label is not None:
        return f"the label {alarm.label!r} changed its meaning, its share of hits went {means}"
    return f"the mean {alarm.signal} went {means}"
