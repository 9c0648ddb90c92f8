"""Popularity, ranked in the same clock over the same candidates: what any method must beat."""

from __future__ import annotations

from array import array

import numpy as np

from dataflows.figures import MISS

_TOO_LARGE = 2.0**500


class Popularity:
    """How often each item was met, all-time or decayed by a half-life in events.

    Instead of shrinking every count at every event, each event adds more than
    the one before; only the proportions matter to a rank. Ties count against it,
    as for every method.
    """

    def __init__(self, half_life: float | None = None) -> None:
        self._growth = 1.0 if half_life is None else 2.0 ** (1.0 / half_life)
        self._step = 1.0
        self._counts = np.zeros(1024)
        self._size = 0

    def learn(self, row: int) -> None:
        """Count one event of the item with this row; rows are 0, 1, 2, ... by first appearance."""
        if row >= len(self._counts):
            self._counts = np.concatenate([self._counts, np.zeros(max(row, len(self._counts)))])
        self._size = max(self._size, row + 1)
        self._step *= self._growth
        self._counts[row] += self._step
        if self._step > _TOO_LARGE:
            self._counts /= self._step
            self._step = 1.0

    def rank(self, row: int | None, own: array[int] | None) -> int:
        """Return the pessimistic rank of an item among all met so far, less the rows `own`.

        `MISS` where the item has not been met (row None).
        """
        if row is None or row >= self._size:
            return MISS
        counts = self._counts[: self._size]
        level = counts[row]
        rivals = int(np.count_nonzero(counts >= level))
        if own:
            rivals -= int(np.count_nonzero(counts[np.frombuffer(own, np.int64)] >= level))
        return rivals
