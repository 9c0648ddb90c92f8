"""The intent learner: an online softmax regression over dense vectors.

The model is multinomial logistic regression, learnt one example at a time by
AdaGrad (Duchi, Hazan and Singer, 2011, "Adaptive subgradient methods for online
learning and stochastic optimization") or by plain SGD. It is the same model as
River's `SoftmaxRegression` (a test holds the two equal), with NumPy arrays for
weights, because a dict of several hundred floats costs milliseconds an event.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from learners.compiled import compiled
from learners.labels import Labels

Dense = NDArray[np.floating[Any]]

# Beyond these, products would overflow float32; unit vectors and event weights are far below.
_LONGEST_SQUARED = 1e12
_LARGEST_WEIGHT = 1e6
_LEAST_PROBABILITY = 1e-15
_FORGET_EVERY = 64
_FIRST_ROWS = 8


class IntentSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of the intent learner.

    `rate` is the learning rate. `epsilon` is where AdaGrad's sums of squared
    gradients start. `l2` pulls weights, never biases, towards 0. `half_life`: after
    this many learnt examples a label count and a squared gradient weigh half (None:
    they never fade). Raises ValueError with the value, the limit and the remedy.
    """

    optimizer: Literal["adagrad", "sgd"] = "adagrad"
    rate: float = 0.3
    l2: float = 0.0
    epsilon: float = 1e-8
    max_labels: int = 256
    half_life: float | None = 20_000.0
    bias: bool = True
    dtype: Literal["float32", "float64"] = "float32"

    def __post_init__(self) -> None:
        """Refuse settings under which weights would not stay finite."""
        if not 0 < self.rate < math.inf:
            raise ValueError(f"rate is {self.rate}; it must be above 0 and finite")
        if not 0 <= self.l2 * self.rate <= 1:
            raise ValueError(f"l2 x rate is {self.l2 * self.rate}; keep it from 0 to 1")
        if not 0 < self.epsilon < math.inf:
            raise ValueError(f"epsilon is {self.epsilon}; it must be above 0 and finite")
        if self.max_labels < 1:
            raise ValueError(f"max_labels is {self.max_labels}; it must be at least 1")
        if self.half_life is not None and not self.half_life > 0:
            raise ValueError(f"half_life is {self.half_life}; it must be above 0, or None")


class IntentLearner:
    """P(label | vector) for vectors of `dim` numbers and labels that may appear at any time.

    An empty learner knows no label and predicts an empty array. `predict` never
    changes anything. A vector that is None ("nothing is known") is answered by the
    learnt label frequencies; so is one that holds NaN, infinity or is absurdly long.
    """

    def __init__(self, dim: int, settings: IntentSettings | None = None) -> None:
        if dim < 0:
            raise ValueError(f"dim is {dim}; it must be at least 0")
        self.settings = settings or IntentSettings()
        self._dtype = np.dtype(self.settings.dtype)
        self._labels = Labels(self.settings.max_labels)
        self._allocate(0, dim)

    @property
    def dim(self) -> int:
        """The number of features."""
        return self._dim

    @property
    def labels(self) -> list[str]:
        """The known labels, in the order of what `predict` gives. Do not change it."""
        return self._labels.names

    @property
    def learnt(self) -> int:
        """How many examples were learnt."""
        return self._labels.clock

    def predict(self, x: Dense | None) -> NDArray[np.float64]:
        """Give P(label) `(n_labels,)` for a vector `(dim,)`; it sums to 1 unless n_labels is 0.

        Raises ValueError for a vector of another shape.
        """
        vector = self._usable(x)
        if vector is None:
            return self._labels.frequencies()
        return self._softmax(vector)

    def distribution(self, x: Dense | None) -> dict[str, float]:
        """Give P(label) for a vector `(dim,)` as a dict; {} while no label is known."""
        return dict(zip(self.labels, self.predict(x).tolist(), strict=True))

    def top(self, probabilities: NDArray[np.float64], n: int) -> list[tuple[str, float]]:
        """Give the `n` most probable labels of a prediction, best first; ties by slot."""
        order = np.argsort(-probabilities, kind="stable")[: max(n, 0)]
        return [(self.labels[slot], float(probabilities[slot])) for slot in order]

    def learn(self, x: Dense | None, label: str | None, weight: float = 1.0) -> float | None:
        """Learn one example; give its log loss (nats) before learning, at most 34.6.

        None says that nothing was learnt: no label, a vector that holds NaN or
        infinity, or a weight that is not above 0 and at most a million. An unknown label
        is taken to have had one share in `n_labels + 1`. With `x` None only the label's
        frequency is learnt. Raises ValueError for a vector of another shape.
        """
        if not label or not 0 < weight <= _LARGEST_WEIGHT:
            return None
        vector = self._usable(x)
        if vector is None and x is not None:
            return None
        before = self._labels.frequencies() if vector is None else self._softmax(vector)
        known = self._labels.slot(label)
        chance = 1.0 / (len(before) + 1) if known is None else float(before[known])
        slot, fresh = self._labels.see(label, weight)
        if fresh:
            self._clear(slot)
            before = np.append(before, 0.0) if slot == len(before) else before
            before[slot] = 0.0
        if vector is not None:
            before[slot] -= 1.0
            self._step(vector, before * weight)
        self._forget()
        return -math.log(max(chance, _LEAST_PROBABILITY))

    def learn_many(
        self, vectors: Iterable[Dense | None], labels: Sequence[str | None]
    ) -> list[float | None]:
        """Learn rows `(n, dim)` in order, exactly as `learn` one by one; give the losses."""
        return [self.learn(x, label) for x, label in zip(vectors, labels, strict=True)]

    def widen(self, dim: int) -> None:
        """Make room for more features; what was learnt stays, new weights are 0.

        Raises ValueError for fewer features than there are.
        """
        if dim < self._dim:
            raise ValueError(f"dim is {dim}; it cannot shrink from {self._dim}")
        weights, squares, used = self._weights, self._squares, self._dim
        self._allocate(len(weights), dim)
        for new, old in ((self._weights, weights), (self._squares, squares)):
            new[:, :used] = old[:, :-1]
            new[:, -1] = old[:, -1]

    def state(self) -> dict[str, object]:
        """Give all that was learnt as plain values and copies of arrays, for `learners.codec`."""
        n = len(self._labels)
        return {
            "dim": self._dim,
            "settings": msgspec.to_builtins(self.settings),
            "labels": self._labels.state(),
            "weights": self._weights[:n].copy(),
            "squares": self._squares[:n].copy(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> IntentLearner:
        """Build a learner that goes on, bit for bit, where the one of `state` stopped."""
        learner = cls(state["dim"], msgspec.convert(state["settings"], IntentSettings))
        learner._labels = Labels.restored(**state["labels"])
        learner._allocate(len(learner._labels), learner._dim)
        learner._weights[:] = state["weights"]
        learner._squares[:] = state["squares"]
        return learner

    def _allocate(self, rows: int, dim: int) -> None:
        """Make empty arrays of `rows` labels; their last column belongs to the bias."""
        self._dim = dim
        self._weights = np.zeros((rows, dim + 1), self._dtype)
        self._squares = np.full((rows, dim + 1), self.settings.epsilon, self._dtype)
        self._gradient = np.zeros((rows, dim + 1), self._dtype)

    def _clear(self, slot: int) -> None:
        """Make the row of a label as new, growing the arrays where there is none."""
        if slot == len(self._weights):
            weights, squares = self._weights, self._squares
            rows = min(max(_FIRST_ROWS, 2 * slot), self.settings.max_labels)
            self._allocate(rows, self._dim)
            self._weights[:slot], self._squares[:slot] = weights, squares
        self._weights[slot] = 0.0
        self._squares[slot] = self.settings.epsilon

    def _usable(self, x: Dense | None) -> Dense | None:
        """Give `x` with the bias's constant behind it, or None where it cannot be used."""
        if x is None:
            return None
        if x.shape != (self._dim,):
            raise ValueError(f"the vector has shape {x.shape}; this learner takes ({self._dim},)")
        vector = np.empty(self._dim + 1, self._dtype)
        vector[-1] = self.settings.bias
        with np.errstate(over="ignore", invalid="ignore"):
            vector[:-1] = x
            squared = vector.dot(vector)
        # Put this way round, the comparison is false for NaN as well.
        return vector if squared <= _LONGEST_SQUARED else None

    def _softmax(self, vector: Dense) -> NDArray[np.float64]:
        n = len(self._labels)
        logits: NDArray[np.float64] = self._weights[:n].dot(vector).astype(np.float64)
        if n:
            logits -= np.maximum.reduce(logits)
            np.exp(logits, out=logits)
            logits /= np.add.reduce(logits)
        return logits

    def _step(self, vector: Dense, error: NDArray[np.float64]) -> None:
        """Descend along the gradient, the outer product of error `(n,)` and vector."""
        n, kind = len(error), self._dtype.type
        weights, slope = self._weights[:n], error.astype(self._dtype)
        if self.settings.optimizer == "adagrad":
            rate, l2 = kind(self.settings.rate), kind(self.settings.l2)
            descend(weights, self._squares[:n], slope, vector, rate, l2)
            return
        gradient = self._gradient[:n]
        # A matrix product of one column and one row: exact, and twice as fast as broadcasting.
        np.dot(slope[:, None], vector[None, :], out=gradient)
        if self.settings.l2:
            gradient[:, :-1] += self.settings.l2 * weights[:, :-1]
        gradient *= self.settings.rate
        weights -= gradient

    def _forget(self) -> None:
        half_life = self.settings.half_life
        if half_life is None or self._labels.clock % _FORGET_EVERY:
            return
        factor = 0.5 ** (_FORGET_EVERY / half_life)
        self._labels.fade(factor)
        self._squares *= factor
        np.maximum(self._squares, self.settings.epsilon, out=self._squares)


@compiled
def descend(
    weights: Dense, squares: Dense, slope: Dense, vector: Dense, rate: Any, l2: Any
) -> None:
    """Take one AdaGrad step; `l2` pulls all weights but the last, the bias, towards 0."""
    for label in range(slope.size):
        row, square, share = weights[label], squares[label], slope[label]
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
