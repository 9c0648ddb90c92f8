"""Durations counted by size, for quantiles: cheap enough to be counted at each event."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

_STEPS = (1.0, 2.5, 5.0)
BOUNDS = (
    *(step * 10.0**power for power in range(-5, 2) for step in _STEPS),
    *(100.0, 600.0, 3600.0, 86_400.0),
)
"""Seconds, each the largest of its bucket: 10 µs to 50 s in steps of 1, 2.5 and 5, and above."""


class SecondsHistogram:
    """Counts durations by bucket; for one writer at a time, and any number of readers.

    `counts` (len(bounds) + 1,) holds how many were at most each bound and above the one before,
    the last one how many were above all. `total` is their sum in seconds.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float] = BOUNDS) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def add(self, seconds: float, n: int = 1) -> None:
        """Count `n` durations of so many seconds each."""
        self.counts[bisect_left(self.bounds, seconds)] += n
        self.total += seconds * n

    def merge(self, other: SecondsHistogram) -> None:
        """Count what another one of the same bounds has counted."""
        self.counts = [
            mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)
        ]
        self.total += other.total

    def __len__(self) -> int:
        return sum(self.counts)

    def since(self, earlier: Sequence[int]) -> SecondsHistogram:
        """Return what was counted since `counts` were `earlier`; its `total` is not known, 0."""
        found = SecondsHistogram(self.bounds)
        found.counts = [now - then for now, then in zip(self.counts, earlier, strict=True)]
        return found

    def quantile(self, share: float) -> float | None:
        """Return the duration that a share of all are at most, None where there is none.

        Within a bucket they count as evenly spread; above the last bound it is that bound.
        """
        wanted = share * len(self)
        if wanted <= 0:
            return None
        below, low = 0, 0.0
        for high, count in zip(self.bounds, self.counts, strict=False):
            if below + count >= wanted:
                return low + (high - low) * (wanted - below) / count
            below, low = below + count, high
        return low
