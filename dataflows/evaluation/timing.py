"""How fast the live path is while a judge looks on: CPU time and latency, less the judge."""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_PERCENTILES = {"p50": 50, "p90": 90, "p95": 95, "p99": 99}
_PER_DOUBLING = 4


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
        """Note that a micro-batch of so many events leaves the source, ending before `position`."""
        now = self._now()
        if self._begun is None:
            self._begun = now
        self._under_way[position] = (now.wall, events)

    def arrive(self, position: int | None) -> None:
        """Note that all events before `position` are learnt, and their lists made."""
        left = None if position is None else self._under_way.pop(position, None)
        if left is not None:
            started, events = left
            self._latencies.append(1000.0 * (self._now().wall - started))
            self._events.append(events)
            self.records += events

    def spent(self) -> Moment:
        """Return the seconds since the first events, less what was apart."""
        if self._begun is None:
            return Moment(0.0, 0.0)
        now = self._now()
        return Moment(now.wall - self._begun.wall, now.cpu - self._begun.cpu)

    def latency_ms(self) -> dict[str, Any]:
        """Return percentiles over events, in milliseconds from source to list; None before any.

        `histogram` counts events between `edges`, which grow by a constant factor. `first` is
        the latency of the first micro-batch, for which code is compiled, and its `events`;
        `later` has the percentiles of all others.
        """
        latencies, events = np.array(self._latencies), np.array(self._events)
        figures = {
            **_percentiles(latencies, events),
            "max": float(latencies.max()) if len(latencies) else None,
            "first": {"ms": float(latencies[0]), "events": int(events[0])}
            if len(latencies)
            else None,
            "later": _percentiles(latencies[1:], events[1:]),
        }
        if not len(latencies):
            return {**figures, "histogram": {"edges": [], "events": []}}
        edges = _edges(float(latencies.min()), float(latencies.max()))
        counts = np.histogram(latencies, edges, weights=events)[0].astype(np.int64)
        return {**figures, "histogram": {"edges": edges.tolist(), "events": counts.tolist()}}

    def _first(self) -> dict[str, Any] | None:
        if not len(self._latencies):
            return None
        return {"ms": self._latencies[0], "events": self._events[0]}

    def _now(self) -> Moment:
        wall = time.perf_counter() - self._apart_wall
        return Moment(wall, time.process_time() - self._apart_cpu)


def _percentiles(
    latencies: NDArray[np.float64], events: NDArray[np.int64]
) -> dict[str, float | None]:
    """Return percentiles over events, None where there are none."""
    if not len(latencies):
        return dict.fromkeys(_PERCENTILES)
    found = np.percentile(np.repeat(latencies, events), list(_PERCENTILES.values()))
    return dict(zip(_PERCENTILES, found.tolist(), strict=True))


def _edges(least: float, most: float) -> NDArray[np.float64]:
    """Return edges by fixed fractions of a doubling, from below the least to above the most."""
    bottom = math.floor(_PER_DOUBLING * math.log2(max(least, 1e-3)))
    top = max(bottom + 1, math.ceil(_PER_DOUBLING * math.log2(max(most, 1e-3))))
    edges = 2.0 ** (np.arange(bottom, top + 1) / _PER_DOUBLING)
    edges[0], edges[-1] = min(edges[0], least), max(edges[-1], most)
    return edges
