"""What labels score whatever the text is, so that it can be taken off their scores.

Some labels are likely after anything, and some swing more than others from text to text. Both
are learnt from the texts themselves, without labels; at first, from no text at all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BLANK_SHARE = 0.75
"""How much of a label's score after no text at all is taken off at first."""
BLANK_COUNTS = 16.0
"""As how many texts that counts."""
EVEN_COUNTS = 8.0
"""As how many texts it counts that all labels swing alike."""
_MOST = 500.0  # texts that are remembered; older ones fade


class Usual:
    """Mean and spread of each label's score (labels,), less what all have in common.

    `blank` are the scores after no text. Labels that can never be found have -inf.
    """

    def __init__(self, blank: Floats) -> None:
        self._can = np.isfinite(blank)
        self._start = BLANK_SHARE * self._level(blank)
        self._count = 0.0
        self._mean = np.zeros(len(blank))
        self._squares = np.zeros(len(blank))

    def add(self, scores: Floats) -> None:
        """Add the scores (n, labels) of some texts."""
        level = self._level(scores)
        n, mean = len(level), level.mean(axis=0)
        count, apart = self._count + n, mean - self._mean
        # Chan, Golub and LeVeque, 1979: how means and sums of squares of two parts join.
        self._squares += ((level - mean) ** 2).sum(axis=0) + apart**2 * self._count * n / count
        self._mean += apart * n / count
        self._count = min(count, _MOST)
        self._squares *= self._count / count

    def chances(self, scores: Floats) -> Floats:
        """Return P(label | text), (n, labels), of texts with these scores."""
        middle = (BLANK_COUNTS * self._start + self._count * self._mean) / (
            BLANK_COUNTS + self._count
        )
        apart = np.where(self._can, (self._level(scores) - middle) / self._spread(), -np.inf)
        shares = np.exp(apart - apart.max(axis=1, keepdims=True))
        chances: Floats = shares / shares.sum(axis=1, keepdims=True)
        return chances

    def _spread(self) -> Floats:
        """Return how far each label swings, 1 on the average."""
        if not self._count:
            return np.ones(len(self._mean))
        each = self._squares / self._count
        even = max(float(each[self._can].mean()), 1e-12)
        spread: Floats = (EVEN_COUNTS * even + self._count * each) / (EVEN_COUNTS + self._count)
        return np.maximum(np.sqrt(spread / even), 1e-3)

    def _level(self, scores: Floats) -> Floats:
        """Return scores less their mean: a text that makes all labels unlikely says nothing."""
        mean = scores.mean(axis=-1, keepdims=True, where=self._can)
        return np.where(self._can, scores - mean, 0.0)
