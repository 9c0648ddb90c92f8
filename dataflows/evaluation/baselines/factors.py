"""Rows of random factors that grow as users and items turn up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learners.arrays import grown

Amounts = NDArray[np.float64]


class Factors:
    """`rows` is float64 `(room, dim)`; a row is drawn, normal with `scale`, at its first use.

    Rows are drawn in the order of their numbers, so that the same seed gives the same rows
    whenever they turn up.
    """

    def __init__(self, dim: int, scale: float, seed: int) -> None:
        self.rows: Amounts = np.zeros((0, dim))
        self._count = 0
        self._scale = scale
        self._rng = np.random.default_rng(seed)

    def reach(self, count: int) -> Amounts:
        """Make sure that the first `count` rows are drawn; return all rows, `(room, dim)`."""
        if count > self._count:
            self.rows = grown(self.rows, count)
            size = (count - self._count, self.rows.shape[1])
            self.rows[self._count : count] = self._rng.normal(0.0, self._scale, size)
            self._count = count
        return self.rows
