"""What every learner of labels over dense vectors does alike, whatever is inside it.

Vectors are checked once and here, so that no NaN reaches a weight; labels may appear at
any time, be renamed, merged and retired; "nothing" (None or "") is never a label.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learners.arrays import compiled
from learners.classifiers.labels import Labels

Dense = NDArray[np.floating[Any]]
Chances = NDArray[np.float64]

# Beyond these, products would overflow float32; unit vectors and event weights are far below.
LONGEST_SQUARED = 1e12
LARGEST_WEIGHT = 1e6
LEAST_PROBABILITY = 1e-15
FORGET_EVERY = 64
"""Examples from one fading of old ones to the next, in learners that fade them."""


class LabelLearner(ABC):
    """P(label | vector) for vectors of `dim` numbers and labels that may appear at any time.

    An empty learner knows no label and predicts an empty array. `predict` never
    changes anything. A vector that is None ("nothing is known") is answered by the
    learnt label frequencies; so is one that holds NaN, infinity or is absurdly long.
    """

    def __init__(self, dim: int, max_labels: int, dtype: str = "float32", bias: float = 1) -> None:
        if dim < 0:
            raise ValueError(f"dim is {dim}; it must be at least 0")
        self._dim = dim
        self._dtype = np.dtype(dtype)
        self._bias = bias
        self._labels = Labels(max_labels)

    @property
    def dim(self) -> int:
        """The number of features."""
        return self._dim

    @property
    def labels(self) -> list[str]:
        """The known labels, in the order of what `predict` gives. Do not change it."""
        return self._labels.names

    @property
    def counts(self) -> Chances:
        """How often each label was learnt `(n_labels,)`, by weight and faded. Do not change it."""
        return self._labels.counts

    @property
    def learnt(self) -> int:
        """How many examples were learnt."""
        return self._labels.clock

    def predict(self, x: Dense | None) -> Chances:
        """Return P(label) `(n_labels,)` for a vector `(dim,)`; it sums to 1 unless n_labels is 0.

        Raises ValueError for a vector of another shape.
        """
        vector = self._usable(x)
        if vector is None or not len(self._labels):
            return self._labels.frequencies()
        return self._chances(vector)

    def distribution(self, x: Dense | None) -> dict[str, float]:
        """Return P(label) for a vector `(dim,)` as a dict; {} while no label is known."""
        return dict(zip(self.labels, self.predict(x).tolist(), strict=True))

    def top(self, probabilities: Chances, n: int) -> list[tuple[str, float]]:
        """Return the `n` most probable labels of a prediction, best first; ties by slot."""
        order = np.argsort(-probabilities, kind="stable")[: max(n, 0)]
        return [(self.labels[slot], float(probabilities[slot])) for slot in order]

    def learn(self, x: Dense | None, label: str | None, weight: float = 1.0) -> float | None:
        """Learn one example; return its log loss (nats) before learning, at most 34.6.

        None says that nothing was learnt: no label, a vector that holds NaN or
        infinity, or a weight that is not above 0 and at most a million. An unknown label
        is taken to have had one share in `n_labels + 1`. With `x` None only the label's
        frequency is learnt. Raises ValueError for a vector of another shape.
        """
        if not label or not 0 < weight <= LARGEST_WEIGHT:
            return None
        vector = self._usable(x)
        if vector is None and x is not None:
            return None
        n = len(self._labels)
        before = self._labels.frequencies() if vector is None or not n else self._chances(vector)
        known = self._labels.slot(label)
        chance = 1.0 / (n + 1) if known is None else float(before[known])
        slot, fresh = self._labels.see(label, weight)
        if fresh:
            self._clear(slot)
        if vector is not None:
            self._absorb(vector, slot, before, weight, fresh=fresh)
        self._forget()
        return -math.log(max(chance, LEAST_PROBABILITY))

    def learn_many(
        self, vectors: Iterable[Dense | None], labels: Sequence[str | None]
    ) -> list[float | None]:
        """Learn rows `(n, dim)` in order, exactly as `learn` one by one; return the losses."""
        return [self.learn(x, label) for x, label in zip(vectors, labels, strict=True)]

    def rename(self, old: str, new: str) -> None:
        """Call a label by another name; what was learnt of it stays.

        Raises KeyError for an unknown label, ValueError where `new` is empty or known.
        """
        self._labels.rename(old, new)

    def merge(self, label: str, into: str) -> None:
        """Merge what was learnt of one label into another; the first one goes.

        Raises KeyError for an unknown label, ValueError where both are the same.
        """
        gone, kept = self._labels.known(label), self._labels.known(into)
        if gone == kept:
            raise ValueError(f"{label!r} cannot be merged into itself; name two labels")
        self._merge(gone, kept, self._labels.merge(gone, kept))
        self._remove(gone)

    def retire(self, label: str) -> None:
        """Forget a label and all that was learnt of it. Raises KeyError for an unknown one.

        It may come back, as new.
        """
        gone = self._labels.known(label)
        self._labels.remove(gone)
        self._remove(gone)

    def _usable(self, x: Dense | None) -> Dense | None:
        """Return `x` with the bias's constant behind it, or None where it cannot be used."""
        if x is None:
            return None
        if x.shape != (self._dim,):
            raise ValueError(f"the vector has shape {x.shape}; this learner takes ({self._dim},)")
        vector = np.empty(self._dim + 1, self._dtype)
        vector[-1] = self._bias
        if x.dtype != self._dtype:
            with np.errstate(over="ignore", invalid="ignore"):
                x = x.astype(self._dtype)
        # Put this way round, the comparison is false for NaN as well.
        return vector if copied(x, vector) <= LONGEST_SQUARED else None

    @abstractmethod
    def _chances(self, vector: Dense) -> Chances:
        """Return P(label) as an array of its own, where at least one label is known."""

    @abstractmethod
    def _absorb(
        self, vector: Dense, slot: int, before: Chances, weight: float, *, fresh: bool
    ) -> None:
        """Learn one example; `before` is what `_chances` gave, without a label that is fresh."""

    @abstractmethod
    def _clear(self, slot: int) -> None:
        """Make room for a label that is new in this slot."""

    @abstractmethod
    def _merge(self, gone: int, kept: int, share: float) -> None:
        """Merge one slot into another; `share` is its part of what both were counted."""

    @abstractmethod
    def _remove(self, slot: int) -> None:
        """Drop a slot; those behind it move up."""

    @abstractmethod
    def _forget(self) -> None:
        """Fade what is to fade, after each example."""


@compiled
def copied(x: Dense, vector: Dense) -> float:
    """Copy (dim,) numbers into the longer `vector`; return the sum of the squares of all of it.

    NumPy would have to be told each time to keep quiet where that overflows.
    """
    total = 0.0
    for place in range(x.size):
        vector[place] = x[place]
    for number in vector:
        total += np.float64(number) * np.float64(number)
    return total
