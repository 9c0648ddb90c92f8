"""A mixture of experts whose weights are learnt online from the log loss of what they give.

The experts' scores of each label are added with a weight per expert, then normalised: a
product of experts (Hinton, 2002), whose weights follow the gradient of the log loss, as in
logistic mixing (Mattern, 2012, "Mixing strategies in data compression"). Where a linear
mixture (Hedge) has to choose between experts, a product lets each say what it knows: that
was worth a point of accuracy (docs/log.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learners.arrays import compiled

Floats = NDArray[np.float32]
Chances = NDArray[np.float64]

FIRST_SQUARE = 1e-2


class Blend:
    """Weights `(experts,)` of experts, from 0 to `most`, learnt by AdaGrad."""

    def __init__(self, first: Sequence[float], rate: float, most: float = 3.0) -> None:
        self.weights = np.array(first, np.float64)
        self._squares = np.full(len(first), FIRST_SQUARE)
        self._rate, self._most = rate, most

    def chances(self, scores: Floats) -> Chances:
        """Return P(label) `(n,)` from scores `(experts, n)`."""
        found = np.empty(scores.shape[1])
        mix(self.weights, scores, found)
        return found

    def learn(self, scores: Floats, chances: Chances, slot: int) -> None:
        """Learn from one example whose label is in this slot, and what was given for it."""
        follow(self.weights, self._squares, scores, chances, slot, self._rate, self._most)

    def fade(self, factor: float) -> None:
        """Multiply the sums of squared gradients by this, so that steps become longer again."""
        np.maximum(self._squares * factor, FIRST_SQUARE, out=self._squares)

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Return copies of all arrays."""
        return {"weights": self.weights.copy(), "squares": self._squares.copy()}

    def restore(self, state: Mapping[str, NDArray[np.float64]]) -> None:
        """Restore, bit for bit, what `state` returned."""
        self.weights, self._squares = state["weights"].copy(), state["squares"].copy()


@compiled
def mix(weights: Any, scores: Any, found: Any) -> None:
    """Write P(label) (n,) of a product of experts."""
    highest = -np.inf
    for label in range(found.size):
        total = 0.0
        for expert in range(weights.size):
            total += weights[expert] * scores[expert, label]
        found[label] = total
        highest = max(highest, total)
    total = 0.0
    for label in range(found.size):
        found[label] = np.exp(found[label] - highest)
        total += found[label]
    for label in range(found.size):
        found[label] /= total


@compiled
def follow(
    weights: Any, squares: Any, scores: Any, chances: Any, slot: int, rate: float, most: float
) -> None:
    """Take one AdaGrad step along the log loss; weights stay from 0 to `most`."""
    for expert in range(weights.size):
        gradient = -np.float64(scores[expert, slot])
        for label in range(chances.size):
            gradient += chances[label] * scores[expert, label]
        squares[expert] += gradient * gradient
        step = rate * gradient / np.sqrt(squares[expert])
        weights[expert] = min(max(weights[expert] - step, 0.0), most)
