"""What events say of an item with a number, such as a rating or a price: its usual value.

Values are put in deviations from the running mean of all, and cut at three, so that stars and
prices need no settings. An item's level is their mean, held to 0 by five values of nothing. How
far an item is from what a user has just taken tells where they are in a list that is ordered by
it, which what goes together with what does not say.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learners.arrays import grown

_PRIOR = 5.0
_MOST = 1_000.0  # an item's mean is of about so many of its newest values
_SLOWEST = 1e-4
_FARTHEST = 3.0
_LARGEST = 1e12

Floats = NDArray[np.float64]


class Values:
    """`level` (items,) is 0 for an item as usual, or of which nothing is known.

    `sums` (2, items) are what its values add up to, in deviations, and how many there were.
    """

    def __init__(self) -> None:
        self.sums = np.zeros((2, 0))
        self.level = np.zeros(0)
        self._seen = 0
        self._mean = 0.0
        self._variance = 0.0

    def make_room(self, items: int) -> None:
        """Make room for item numbers below `items`."""
        self.level = grown(self.level, items, 0.0)
        if self.sums.shape[1] < len(self.level):
            wider = np.zeros((2, len(self.level)))
            wider[:, : self.sums.shape[1]] = self.sums
            self.sums = wider

    def learn(self, item: int, value: float | None) -> float | None:
        """Learn one value; return what it counted for, in deviations.

        None, NaN, infinity and numbers beyond 1e12 teach nothing, and return None.
        """
        if value is None or not abs(value) < _LARGEST:  # false for NaN as well
            return None
        self._seen += 1
        share = max(1.0 / self._seen, _SLOWEST)
        apart = value - self._mean
        self._mean += share * apart
        self._variance += share * (apart * (value - self._mean) - self._variance)
        deviation = apart / math.sqrt(self._variance) if self._variance > 0 else 0.0
        if self.sums[1, item] >= _MOST:
            self.sums[:, item] *= (_MOST - 1.0) / _MOST
        deviation = min(max(deviation, -_FARTHEST), _FARTHEST)
        self.sums[0, item] += deviation
        self.sums[1, item] += 1.0
        self.level[item] = self.sums[0, item] / (self.sums[1, item] + _PRIOR)
        return deviation

    def unlearn(self, item: int, deviation: float | None) -> None:
        """Subtract a value that counted for this from what is known of an item.

        What all values are measured by stays: it is of everybody's.
        """
        if deviation is not None:
            few = self.sums[1, item] <= 1.0
            self.put(item, np.zeros(2) if few else self.sums[:, item] - (deviation, 1.0))

    def forget(self, item: int) -> None:
        """Forget what is known of an item."""
        self.put(item, np.zeros(2))

    def put(self, item: int, sums: Floats) -> None:
        """Put back the sums (2,) of an item."""
        self.sums[:, item] = sums
        self.level[item] = self.sums[0, item] / (self.sums[1, item] + _PRIOR)

    def state(self) -> dict[str, Any]:
        """Return what is shared by all items."""
        return {"seen": self._seen, "mean": self._mean, "variance": self._variance}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned; the sums come with the items."""
        self._seen, self._mean = state["seen"], state["mean"]
        self._variance = state["variance"]
