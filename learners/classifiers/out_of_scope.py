"""Out of scope: how likely it is that an example has none of the known labels.

An online logistic regression over a few numbers that say how well the example fits: the
share of the likeliest label, the nearest kept example, the best label by its examples and
by its prototype, and, where the stream has examples of a label `outside`, what speaks for
that label. It learns at every label: an example of `outside` was out of scope, and so was
the first example of a label that was new. What it gives is a probability, so the threshold
at which "none of these" is the likelier answer is learnt with it.

Before it has learnt anything, all of these numbers count alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learners.arrays import compiled

Floats = NDArray[np.float32]
Numbers = NDArray[np.float64]

OUT_OF_SCOPE = "out_of_scope"
"""The label of an example that no other label fits."""

_FIRST = np.array([-0.5, -0.5, -0.5, -0.5, 0.5, 0.5, -3.0])
_RATE = 0.2
_FIRST_SQUARE = 1e-2
_LEAST = 1e-9
_LARGEST = 5.0
_SLOWEST = 1e-3
_FIRM = 0.1
"""A better fit never speaks for out of scope: no weight changes its sign, or comes nearer to 0."""


class Scope:
    """P(none of the known labels), from what the experts say of an example."""

    def __init__(self) -> None:
        self._weights = _FIRST.copy()
        self._squares = np.full(len(_FIRST), _FIRST_SQUARE)
        self._means = np.array([-0.5, 0.7, -7.0, 12.0, -7.0, -7.0])
        self._variances = np.array([0.5, 0.03, 8.0, 8.0, 5.0, 5.0])
        self._learnt = 0

    def look(self, scores: Floats, best: Floats, chances: Numbers, outside: int) -> Numbers:
        """Return the numbers `(6,)` that tell how well an example fits.

        All arrays are by label: the scores `(3, n)` of softmax, prototypes and kept
        examples, the best cosine `(n,)` of a kept example, and P(label) `(n,)`. `outside`
        is the slot of the label for out of scope, -1 where it is not known.
        """
        found = np.empty(len(self._means))
        fit(scores, best, chances, outside, found)
        return found

    def chance(self, found: Numbers) -> float:
        """Return P(none of the known labels)."""
        return float(judge(self._weights, self._means, self._variances, found))

    def learn(self, found: Numbers, *, was_outside: bool) -> None:
        """Learn from one example whether it had none of the labels known before."""
        self._learnt += 1
        rate = max(1.0 / (self._learnt + 100.0), _SLOWEST)
        teach(
            self._weights, self._squares, self._means, self._variances, found,
            float(was_outside), rate,
        )  # fmt: skip

    def fade(self, factor: float) -> None:
        """Multiply the sums of squared gradients by this, so that steps become longer again."""
        np.maximum(self._squares * factor, _FIRST_SQUARE, out=self._squares)

    def state(self) -> dict[str, Any]:
        """Return all as plain values and copies of arrays."""
        arrays = {name: getattr(self, f"_{name}").copy() for name in _ARRAYS}
        return {"learnt": self._learnt, **arrays}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore, bit for bit, what `state` returned."""
        self._learnt = state["learnt"]
        for name in _ARRAYS:
            setattr(self, f"_{name}", state[name].copy())


_ARRAYS = ("weights", "squares", "means", "variances")
_UNKNOWN = -1e30
"""Stands for a number that there is none of: it counts as usual."""


@compiled
def fit(scores: Any, best: Any, chances: Any, outside: int, found: Numbers) -> None:
    """Write the numbers that `Scope.look` gives."""
    logits, typical, near = scores[0], scores[1], scores[2]
    share = total = 0.0
    nearest = densest = likest = highest = _UNKNOWN
    for slot in range(chances.size):
        if slot == outside:
            continue
        total += chances[slot]
        share = max(share, chances[slot])
        nearest = max(nearest, best[slot])
        densest = max(densest, near[slot])
        likest = max(likest, typical[slot])
        highest = max(highest, logits[slot])
    found[0] = np.log(max(share, _LEAST) / max(total, _LEAST))
    found[1], found[2], found[3] = nearest, densest, likest
    found[4] = found[5] = _UNKNOWN
    if outside >= 0:
        found[4] = np.log(max(chances[outside], _LEAST))
        if chances.size > 1:
            found[5] = logits[outside] - highest


@compiled
def scaled(means: Any, variances: Any, found: Any, place: int) -> float:
    """Return one number as it lies among the usual ones, from -5 to 5; 0 where there is none."""
    if found[place] == _UNKNOWN:
        return 0.0
    far = (found[place] - means[place]) / np.sqrt(variances[place] + 1e-6)
    return float(min(max(far, -_LARGEST), _LARGEST))


@compiled
def judge(weights: Any, means: Any, variances: Any, found: Any) -> float:
    """Return the chance by the logistic regression; its last weight is the bias."""
    total = weights[found.size]
    for place in range(found.size):
        total += weights[place] * scaled(means, variances, found, place)
    return float(1.0 / (1.0 + np.exp(-total)))


@compiled
def teach(
    weights: Any, squares: Any, means: Any, variances: Any, found: Any, truth: float, rate: float
) -> None:
    """Take one AdaGrad step on the log loss, then let moments follow."""
    error = judge(weights, means, variances, found) - truth
    for place in range(found.size + 1):
        number = scaled(means, variances, found, place) if place < found.size else 1.0
        gradient = error * number
        squares[place] += gradient * gradient
        weights[place] -= _RATE * gradient / np.sqrt(squares[place])
        if place < 4:
            weights[place] = min(weights[place], -_FIRM)
        elif place < found.size:
            weights[place] = max(weights[place], _FIRM)
    for place in range(found.size):
        if found[place] != _UNKNOWN:
            off = found[place] - means[place]
            means[place] += rate * off
            variances[place] += rate * (off * off - variances[place])
