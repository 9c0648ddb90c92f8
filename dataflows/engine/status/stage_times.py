"""What goes into each stage of an event's way and comes out of it, and how long each stage takes.

A stage is a function that is wrapped once, where the stages are put together; none of them counts
by itself. Where nothing is to be counted the function is left as it is, and costs nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from learners.ranking.components import Passed

R = TypeVar("R")

STAGES = ("decode", "encode", "clean", "learn", "list", "publish", "commit")
"""In the order of an event's way."""


def one_each(*_: Any, **__: Any) -> int:
    """Return 1: a call takes in one thing, or gives one."""
    return 1


class StageTimes:
    """Counts and times the stages that it wraps, by name: `passed`.

    Of a stage that several shards have it is the sum over all of them; times are of the wall.

    Arguments:
        is_on: False: stages are left as they are, and `passed` stays empty.
        clock: returns seconds.
    """

    def __init__(
        self, *, is_on: bool = True, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        names = STAGES if is_on else ()
        self.passed: dict[str, Passed] = dict.fromkeys(names, Passed(0, 0, 0.0))
        self._is_on = is_on
        self._clock = clock

    def wrapped(
        self,
        name: str,
        stage: Callable[..., R],
        *,
        taken: Callable[..., int] = one_each,
        given: Callable[[R], int] = one_each,
    ) -> Callable[..., R]:
        """Return a stage that is counted as `name`.

        `taken` says of its arguments how many things go in, `given` of its answer how many come
        out. A call that raises is not counted.
        """
        if not self._is_on:
            return stage
        self.passed.setdefault(name, Passed(0, 0, 0.0))

        def counted(*args: Any, **kwargs: Any) -> R:
            since = self._clock()
            answer = stage(*args, **kwargs)
            seconds = self._clock() - since
            before = self.passed[name]
            self.passed[name] = Passed(
                before.entered + taken(*args, **kwargs),
                before.stayed + given(answer),
                before.seconds + seconds,
            )
            return answer

        return counted

    def summary(self) -> str:
        """Describe all stages in one line: how many things in and out, and seconds."""
        return "; ".join(
            f"{name} {each.entered:,} in, {each.stayed:,} out, {each.seconds:.3f} s"
            for name, each in self.passed.items()
        )


UNTIMED = StageTimes(is_on=False)
"""Of whoever counts no stages."""
