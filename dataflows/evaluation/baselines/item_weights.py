"""What each item says for each other: EASE's weights, and those of items it was not solved for.

With P = (G + ridge I)^-1 over the solved items, the weights that speak for one of them, j, are
-P_ij / P_jj. For an item that is none of them they are P g, where g is its part of G: the
regression of that item alone on the solved ones.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack
from threadpoolctl import threadpool_limits

Matrix = NDArray[np.float32]
Rows = NDArray[np.int64]

OTHERS = 512
"""So many of the newest other items have weights."""


class ItemWeights:
    """Weights of one solution: `items` int64 `(n,)`, sorted, and `gram` float32 `(n, n)`.

    `again` `(n,)` is what an item says for itself. (EASE has nothing there, which changes no
    list where repeats are off.)
    """

    def __init__(self, items: Rows, gram: Matrix, again: Matrix) -> None:
        self.items = items
        self._places = np.full(int(items[-1]) + 1, -1)
        self._places[items] = np.arange(len(items))
        self._inverse = _inverse(gram)
        self._weights = self._inverse / -self._inverse.diagonal()
        np.fill_diagonal(self._weights, again)
        self._slots: OrderedDict[int, int] = OrderedDict()
        self._others = np.zeros((OTHERS, len(items)), dtype=np.float32)
        self._other_rows = np.full(OTHERS, -1)

    def has(self, rows: Rows) -> NDArray[np.bool_]:
        """Return which rows were solved for, bool `(m,)`."""
        placed = rows < len(self._places)
        placed[placed] = self._places[rows[placed]] >= 0
        return placed

    def add(self, row: int, gram: NDArray[np.float64]) -> None:
        """Solve for one other item, from its counts with the solved ones, `(n,)`."""
        slot = self._slots.pop(row, None)
        if slot is None:
            full = len(self._slots) == OTHERS
            slot = self._slots.popitem(last=False)[1] if full else len(self._slots)
        self._slots[row] = slot
        counted = np.flatnonzero(gram)
        self._other_rows[slot] = row
        self._others[slot] = gram[counted].astype(np.float32) @ self._inverse[counted]

    def speak(self, rows: Rows, amounts: NDArray[np.float64], scores: NDArray[np.float64]) -> None:
        """Add to the scores what solved rows, each times its amount, say for all items."""
        places, small = self._places[rows], amounts.astype(np.float32)
        met = self.items < len(scores)
        scores[self.items[met]] += (small @ self._weights[places])[met]
        others = self._other_rows[: len(self._slots)]
        met = others < len(scores)
        scores[others[met]] += (self._others[: len(others), places] @ small)[met]


def _inverse(matrix: Matrix) -> Matrix:
    """Invert a symmetric positive definite matrix by its Cholesky factor."""
    with threadpool_limits(1):
        factor, failed = lapack.spotrf(matrix, lower=1)
        half, failed_too = lapack.spotri(factor, lower=1)
    if failed or failed_too:
        raise ArithmeticError(f"a Gram matrix of {len(matrix)} items is not positive definite")
    lower: Matrix = np.tril(half)
    lower += np.tril(half, -1).T
    return lower
