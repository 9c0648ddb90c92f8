"""Prototypes: what is typical of each label, the running mean of its examples.

A few examples say much of a mean and little of a boundary (the nearest class mean of
Tibshirani et al., 2002, "Diagnosis of multiple cancer types by shrunken centroids"; in
few-shot learning, Snell et al., 2017, "Prototypical networks").
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from learners.arrays import LabelRows, Slots, compiled

Floats = NDArray[np.float32]

_LEAST_SQUARED = 1e-20


class Prototypes(LabelRows):
    """Decayed means of unit vectors `(dim,)`, one a label; the newest `span` count most."""

    def __init__(self, dim: int, limit: int, span: float) -> None:
        self.span = span
        super().__init__(Slots(limit, _blanks(dim)))

    def scores(self, n: int, unit: Floats) -> Floats:
        """Return the cosine `(n,)` of each mean with a unit vector."""
        scores: Floats = self._means[:n].dot(unit)
        scores *= self._factors[:n]
        return scores

    def add(self, slot: int, unit: Floats, weight: float) -> None:
        """Move a mean towards one more example."""
        count = min(float(self._counts[slot]), self.span) + weight
        self._counts[slot] = count
        self._factors[slot] = approach(self._means[slot], unit, np.float32(weight / count))

    def merge(self, gone: int, kept: int) -> None:
        """Merge the mean of one label into another's."""
        counts = self._counts[[gone, kept]]
        total = float(counts.sum())
        if total > 0:
            means = self._means[[gone, kept]].astype(np.float64)
            self._means[kept] = (counts @ means) / total
        self._counts[kept] = total
        length = float(np.linalg.norm(self._means[kept]))
        self._factors[kept] = 1.0 / length if length**2 > _LEAST_SQUARED else 0.0

    def widen(self, dim: int) -> None:
        """Make room for more features, which have been 0 so far."""
        missing = dim - self._means.shape[1]
        arrays = {name: self._slots[name] for name in ("counts", "factors")}
        arrays["means"] = np.pad(self._means, ((0, 0), (0, missing)))
        self._slots.replace(_blanks(dim), arrays)
        self._take()

    def _take(self) -> None:
        self._means = self._slots["means"]
        self._counts, self._factors = self._slots["counts"], self._slots["factors"]


@compiled
def approach(mean: Floats, unit: Floats, rate: Any) -> float:
    """Move a mean a part of the way to a vector; return 1 over its length, 0 for next to none."""
    squared = 0.0
    for place in range(mean.size):
        mean[place] += rate * (unit[place] - mean[place])
        squared += np.float64(mean[place]) * np.float64(mean[place])
    return 1.0 / np.sqrt(squared) if squared > _LEAST_SQUARED else 0.0


def _blanks(dim: int) -> dict[str, NDArray[Any]]:
    return {
        "means": np.zeros(dim, np.float32),
        "counts": np.array(0.0),
        "factors": np.array(0.0, np.float32),
    }
