"""How long the calls of each stage take, by size, for the metrics."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from dataflows.engine.status.histogram import SecondsHistogram
from dataflows.engine.status.stage_times import STAGES, StageTimes, one_each

R = TypeVar("R")


class StageHistograms(StageTimes):
    """Times the stages that it wraps: `seconds` is a histogram by name. Counts them too if `is_on`.

    About half a microsecond a call (docs/how-to/monitor.md). Shards of several threads may lose a
    count now and then to each other.
    """

    def __init__(
        self, *, is_on: bool = False, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        super().__init__(is_on=is_on, clock=clock)
        self.seconds = {name: SecondsHistogram() for name in STAGES}

    def wrapped(
        self,
        name: str,
        stage: Callable[..., R],
        *,
        taken: Callable[..., int] = one_each,
        given: Callable[[R], int] = one_each,
    ) -> Callable[..., R]:
        """Return a stage that is timed as `name`; a call that raises is not."""
        inner = super().wrapped(name, stage, taken=taken, given=given)
        add = self.seconds.setdefault(name, SecondsHistogram()).add
        clock = self._clock

        def timed(*args: Any, **kwargs: Any) -> R:
            since = clock()
            answer = inner(*args, **kwargs)
            add(clock() - since)
            return answer

        return timed
