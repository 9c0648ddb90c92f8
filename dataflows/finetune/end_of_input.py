"""The end of an input that might go on: all that was there is read, and nothing more comes."""

from __future__ import annotations

import time
from collections.abc import Callable

from dataflows.errors import InputError


class QuietInput:
    """Whether the input has been quiet for `seconds` since all of it was read; never for None.

    `is_read`, to be set, says whether all that was there is read. Until it is, silence is no
    end, but a broker that has not answered yet; where that lasts for `patience` seconds the
    input is over too, and `check` raises.
    """

    def __init__(
        self,
        seconds: float | None,
        patience: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.is_read: Callable[[], bool] = lambda: True
        self._seconds = seconds
        self._patience = patience
        self._clock = clock
        self._last: float | None = None
        self._was_read = False
        self._has_failed = False

    def arrived(self, count: int) -> None:  # noqa: ARG002 - that anything came is enough
        """Note that something was read."""
        self._last = self._clock()

    def is_over(self) -> bool:
        """Return whether nothing has come for so long."""
        if self._seconds is None or self._has_failed:
            return self._has_failed
        now = self._clock()
        if not self._was_read and self.is_read():
            self._was_read, self._last = True, now
        if self._last is None:
            self._last = now
        silence = now - self._last
        self._has_failed = not self._was_read and silence >= self._patience
        return self._has_failed or (self._was_read and silence >= self._seconds)

    @property
    def has_failed(self) -> bool:
        """Whether it was over before all was read."""
        return self._has_failed

    def check(self, servers: str, read: int) -> None:
        """Raise InputError where it was over before all was read; so many records were."""
        if self._has_failed:
            raise InputError(
                f"Kafka at {servers} gave nothing for {self._patience:g} s before its topics were "
                f"read to their end ({read:,} records read); nothing was trained. See whether its "
                "brokers answer and call again, or raise kafka.start_seconds"
            )
