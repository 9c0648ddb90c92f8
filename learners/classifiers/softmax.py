"""Softmax regression: its weights, learnt one step at a time, and the plain intent learner on them.

The weights of a multinomial logistic regression, one row a label, are learnt by AdaGrad (Duchi,
Hazan and Singer, 2011, "Adaptive subgradient methods for online learning and stochastic
optimization") or plain SGD. It is the same model as River's `SoftmaxRegression` (a test holds the
two equal), with NumPy arrays for weights, because a dict of several hundred floats costs
milliseconds an event. `learners.classifiers.mixture` is the more accurate learner, of which
these weights are a part.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from learners.arrays import LabelRows, Slots, compiled
from learners.classifiers.base import FORGET_EVERY, Chances, Dense, LabelLearner, Labels
from learners.limited_settings import AboveZero, Count, FiniteAboveZero, LimitedSettings


class IntentSettings(LimitedSettings, frozen=True):
    """Settings of the softmax regression.

    `rate` is the learning rate. `epsilon` is where AdaGrad's sums of squared
    gradients start. `l2` pulls weights, never biases, towards 0. `half_life`: after
    this many learnt examples a label count and a squared gradient weigh half (None:
    they never fade). Raises ValueError with the value, the limit and the remedy.
    """

    optimizer: Literal["adagrad", "sgd"] = "adagrad"
    rate: FiniteAboveZero = 0.3
    l2: float = 0.0
    epsilon: FiniteAboveZero = 1e-8
    max_labels: Count = 256
    half_life: AboveZero | None = 20_000.0
    bias: bool = True
    dtype: Literal["float32", "float64"] = "float32"

    def __post_init__(self) -> None:
        """Refuse settings under which weights would not stay finite."""
        super().__post_init__()
        if not 0 <= self.l2 * self.rate <= 1:
            raise ValueError(f"l2 x rate is {self.l2 * self.rate}; keep it from 0 to 1")


class Softmax(LabelRows):
    """Weights `(rows, dim + 1)` of labels; the last column belongs to the bias.

    `skip`: with AdaGrad, a row whose error is at most this is left as it is, which saves
    most of the time and loses next to nothing; 0 skips none.
    """

    def __init__(self, dim: int, settings: IntentSettings, skip: float = 0.0) -> None:
        self.settings = settings
        self._dtype = np.dtype(settings.dtype)
        self._rate, self._l2 = self._dtype.type(settings.rate), self._dtype.type(settings.l2)
        self._skip = self._dtype.type(skip)
        super().__init__(Slots(settings.max_labels, self._blanks(dim)))

    def logits(self, n: int, vector: Dense) -> Dense:
        """Return the scores `(n,)` of a vector `(dim + 1,)`."""
        scores: Dense = self._weights[:n].dot(vector)
        return scores

    def step(self, vector: Dense, error: NDArray[np.floating[Any]]) -> None:
        """Descend along the gradient, the outer product of error `(n,)` and vector."""
        n = len(error)
        weights, slope = self._weights[:n], error.astype(self._dtype, copy=False)
        if self.settings.optimizer == "adagrad":
            descend(weights, self._squares[:n], slope, vector, self._rate, self._l2, self._skip)
        else:
            go_down(weights, slope, vector, self._rate, self._l2)

    def rehearse(self, n: int, vectors: Dense, slots: NDArray[np.int64]) -> None:
        """Take one AdaGrad step for each of some examples `(m, dim + 1)` of known slots.

        All gradients are taken before the first step.
        """
        weights, squares = self._weights[:n], self._squares[:n]
        errors = np.empty((len(vectors), n), self._dtype)
        for vector, error in zip(vectors, errors, strict=True):
            np.dot(weights, vector, out=error)
        descend_all(weights, squares, errors, vectors, slots, self._rate, self._l2, self._skip)

    def merge(self, gone: int, kept: int, share: float) -> None:
        """Mix the row of one label into another's, with this share."""
        for array in (self._weights, self._squares):
            array[kept] += self._dtype.type(share) * (array[gone] - array[kept])

    def fade(self, factor: float) -> None:
        """Multiply the sums of squared gradients by this, so that steps become longer again."""
        self._squares *= factor
        np.maximum(self._squares, self.settings.epsilon, out=self._squares)

    def widen(self, dim: int) -> None:
        """Make room for more features; what was learnt stays, new weights are 0."""
        used = self._weights.shape[1] - 1
        blanks = self._blanks(dim)
        wide = {name: np.tile(blank, (len(self._weights), 1)) for name, blank in blanks.items()}
        for name, array in wide.items():
            array[:, :used] = self._slots[name][:, :-1]
            array[:, -1] = self._slots[name][:, -1]
        self._slots.replace(blanks, wide)
        self._take()

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on, bit for bit, from what `state` gave, whatever else it holds."""
        super().restore({name: state[name] for name in ("weights", "squares")})

    def _blanks(self, dim: int) -> dict[str, NDArray[Any]]:
        return {
            "weights": np.zeros(dim + 1, self._dtype),
            "squares": np.full(dim + 1, self.settings.epsilon, self._dtype),
        }

    def _take(self) -> None:
        self._weights, self._squares = self._slots["weights"], self._slots["squares"]


@compiled
def to_error(logits: Dense, slot: int) -> None:
    """Turn logits (n,), in place, into P(label) less 1 for the true one."""
    highest = logits[0]
    for label in range(logits.size):
        highest = max(highest, logits[label])
    total = logits[0] * 0
    for label in range(logits.size):
        logits[label] = np.exp(logits[label] - highest)
        total += logits[label]
    for label in range(logits.size):
        logits[label] /= total
    logits[slot] -= 1


@compiled
def descend(
    weights: Dense, squares: Dense, slope: Dense, vector: Dense, rate: Any, l2: Any, skip: Any
) -> None:
    """Take one AdaGrad step; `l2` pulls all weights but the last, the bias, towards 0."""
    for label in range(slope.size):
        row, square, share = weights[label], squares[label], slope[label]
        if abs(share) <= skip and skip > 0:
            continue
        if l2 > 0:
            for column in range(vector.size):
                pull = l2 * row[column] if column < vector.size - 1 else row[column] * 0
                gradient = share * vector[column] + pull
                square[column] += gradient * gradient
                row[column] -= rate * (gradient / np.sqrt(square[column]))
        else:
            for column in range(vector.size):
                gradient = share * vector[column]
                square[column] += gradient * gradient
                row[column] -= rate * (gradient / np.sqrt(square[column]))


@compiled
def descend_all(
    weights: Dense,
    squares: Dense,
    errors: Dense,
    vectors: Dense,
    slots: Any,
    rate: Any,
    l2: Any,
    skip: Any,
) -> None:
    """Take one AdaGrad step for each row of logits (m, n), which become errors."""
    for number in range(slots.size):
        to_error(errors[number], slots[number])
        descend(weights, squares, errors[number], vectors[number], rate, l2, skip)


@compiled
def go_down(weights: Dense, slope: Dense, vector: Dense, rate: Any, l2: Any) -> None:
    """Take one step of plain SGD; `l2` pulls all weights but the last, the bias, towards 0."""
    for label in range(slope.size):
        row, share = weights[label], slope[label]
        if l2 > 0:
            for column in range(vector.size - 1):
                row[column] -= rate * (share * vector[column] + l2 * row[column])
            row[vector.size - 1] -= rate * (share * vector[vector.size - 1])
        else:
            for column in range(vector.size):
                row[column] -= rate * (share * vector[column])


class IntentLearner(LabelLearner):
    """P(label | vector) by multinomial logistic regression; `LabelLearner` says how to use it."""

    def __init__(self, dim: int, settings: IntentSettings | None = None) -> None:
        self.settings = chosen = settings or IntentSettings()
        super().__init__(dim, chosen.max_labels, chosen.dtype, chosen.bias)
        self._softmax = Softmax(dim, chosen)
        self._said: tuple[bytes, Chances] | None = None

    def widen(self, dim: int) -> None:
        """Make room for more features; what was learnt stays, new weights are 0.

        Raises ValueError for fewer features than there are.
        """
        if dim < self._dim:
            raise ValueError(f"dim is {dim}; it cannot shrink from {self._dim}")
        self._softmax.widen(dim)
        self._dim, self._said = dim, None

    def state(self) -> dict[str, object]:
        """Return all that was learnt as plain values and copies of arrays, for `learners.codec`."""
        return {
            "dim": self._dim,
            "settings": msgspec.to_builtins(self.settings),
            "labels": self._labels.state(),
            **self._softmax.state(len(self._labels.names)),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> IntentLearner:
        """Build a learner that goes on, bit for bit, where the one of `state` stopped."""
        learner = cls(state["dim"], msgspec.convert(state["settings"], IntentSettings))
        learner._labels = Labels.restored(state["labels"])
        learner._softmax.restore(state)
        return learner

    def _chances(self, vector: Dense) -> Chances:
        key = vector.tobytes()
        # Predicting and then learning the same example is the common case: worked out once.
        if self._said is not None and self._said[0] == key:
            return self._said[1].copy()
        logits = self._softmax.logits(len(self._labels.names), vector).astype(np.float64)
        logits -= np.maximum.reduce(logits)
        np.exp(logits, out=logits)
        logits /= np.add.reduce(logits)
        self._said = (key, logits.copy())
        return logits

    def _absorb(
        self, vector: Dense, slot: int, before: Chances, weight: float, *, fresh: bool
    ) -> None:
        error = np.append(before, 0.0) if slot == len(before) else before.copy()
        if fresh:
            error[slot] = 0.0
        error[slot] -= 1.0
        self._softmax.step(vector, error * weight)
        self._said = None

    def _clear(self, slot: int) -> None:
        self._softmax.clear(slot)
        self._said = None

    def _merge(self, gone: int, kept: int, share: float) -> None:
        self._softmax.merge(gone, kept, share)
        self._said = None

    def _remove(self, slot: int) -> None:
        self._softmax.remove(slot)
        self._said = None

    def _forget(self) -> None:
        self._said = None  # a label may have come without a vector
        half_life = self.settings.half_life
        if half_life is None or self._labels.clock % FORGET_EVERY:
            return
        factor = 0.5 ** (FORGET_EVERY / half_life)
        self._labels.counts *= factor
        self._softmax.fade(factor)
