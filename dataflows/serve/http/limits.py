"""How often one may ask, and how many may be at work at once."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from dataflows.serve.http.problems import ProblemError


class RateLimit:
    """A token bucket for each caller: `rate` requests a second, `burst` at once after a pause.

    `rate` 0 is no limit. Of `callers` the one who asked longest ago is forgotten first, with a
    bucket that is full again all the sooner, the fewer are remembered. For one thread.
    """

    def __init__(
        self,
        rate: float,
        burst: int,
        callers: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.is_on = rate > 0
        self._rate = rate
        self._burst = float(burst)
        self._callers = callers
        self._clock = clock
        self._full_at: OrderedDict[bytes, float] = OrderedDict()
        """By caller, when the bucket will be full again."""

    def __len__(self) -> int:
        """Return how many callers are remembered."""
        return len(self._full_at)

    def take(self, caller: bytes) -> None:
        """Count a request. Raises ProblemError: 429, where the bucket is empty."""
        if not self.is_on:
            return
        now = self._clock()
        full_at = max(self._full_at.get(caller, now), now) + 1 / self._rate
        missing = full_at - now - self._burst / self._rate
        if missing > 1e-9:
            raise ProblemError(
                429,
                f"more than {self._rate:g} requests a second (serve.requests_per_second), and "
                f"{self._burst:g} at once (serve.requests_burst)",
                "ask more slowly, or raise the limit",
                {"retry-after": str(max(1, round(missing)))},
            )
        self._full_at[caller] = full_at
        self._full_at.move_to_end(caller)
        if len(self._full_at) > self._callers:
            self._full_at.popitem(last=False)


class AtOnce:
    """How many requests may be at work or wait for their turn; safe between threads."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self.refused = 0
        self._lock = threading.Lock()

    def enter(self) -> None:
        """Begin one. Raises ProblemError: 503, where as many are at work as may be."""
        with self._lock:
            if self.used >= self.limit:
                self.refused += 1
                raise ProblemError(
                    503,
                    f"{self.limit} requests are at work already (serve.answers_at_once)",
                    "ask again after the seconds in Retry-After",
                )
            self.used += 1

    def leave(self) -> None:
        """End one."""
        with self._lock:
            self.used -= 1
