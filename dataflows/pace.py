"""How fast the live path is while a judge looks on: CPU time and latency, less the judge."""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np


class Moment(NamedTuple):
    """Seconds on two clocks, less what was spent apart: the wall's, and this process's CPU time."""

    wall: float
    cpu: float


class Pace:
    """Follows micro-batches from the source to their lists.

    What happens inside `apart` is not the live path, and is left out of both
    clocks; `inside` takes a part of that back in. Times count from the first
    micro-batch that holds an event.
    """

    def __init__(self) -> None:
        self.records = 0
        self._apart_wall = 0.0
        self._apart_cpu = 0.0
        self._begun: Moment | None = None
        self._under_way: dict[int, tuple[float, int]] = {}
        self._latencies = array("d")
        self._events = array("q")

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Leave out what is done inside."""
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            self._apart_wall += time.perf_counter() - wall
            self._apart_cpu += time.thread_time() - cpu

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Count what is done inside after all, in the midst of `apart`."""
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            self._apart_wall -= time.perf_counter() - wall
            self._apart_cpu -= time.thread_time() - cpu

    def leave(self, position: int, events: int) -> None:
        """A micro-batch of so many events leaves the source; they end before `position`."""
        now = self._now()
        if self._begun is None:
            self._begun = now
        self._under_way[position] = (now.wall, events)

    def arrive(self, position: int | None) -> None:
        """All events before `position` are learnt, and their lists made."""
        left = None if position is None else self._under_way.pop(position, None)
        if left is not None:
            started, events = left
            self._latencies.append(1000.0 * (self._now().wall - started))
            self._events.append(events)
            self.records += events

    def spent(self) -> Moment:
        """Give the seconds since the first events, less what was apart."""
        if self._begun is None:
            return Moment(0.0, 0.0)
        now = self._now()
        return Moment(now.wall - self._begun.wall, now.cpu - self._begun.cpu)

    def latency_ms(self) -> dict[str, float | None]:
        """Return p50 and p99 over events, in milliseconds from source to list; None before any."""
        if not self.records:
            return {"p50": None, "p99": None}
        each = np.repeat(np.array(self._latencies), np.array(self._events))
        p50, p99 = np.percentile(each, (50, 99)).tolist()
        return {"p50": p50, "p99": p99}

    def _now(self) -> Moment:
        wall = time.perf_counter() - self._apart_wall
        return Moment(wall, time.process_time() - self._apart_cpu)
