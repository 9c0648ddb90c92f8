"""What every learner of labels over dense vectors does alike, whatever is inside it.

Vectors are checked once and here, so that no NaN reaches a weight; labels may appear at
any time, be renamed, merged and retired; "nothing" (None or "") is never a label.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learners.arrays import compiled

Dense = NDArray[np.floating[Any]]
Chances = NDArray[np.float64]

# Beyond these, products would overflow float32; unit vectors and event weights are far below.
LONGEST_SQUARED = 1e12
LARGEST_WEIGHT = 1e6
LEAST_PROBABILITY = 1e-15
FORGET_EVERY = 64
"""Examples from one fading of old ones to the next, in learners that fade them."""


class Labels:
    """At most `limit` labels, each in a slot of its own.

    A label that is new when the table is full takes the slot of the one that was
    seen least recently. `names[slot]` is the label, `slots` tells its slot; slots are handed out in
    order. `counts` (n,) tell how often each label was seen, by weight and faded.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.names: list[str] = []
        self.slots: dict[str, int] = {}
        self.counts, self._seen = np.zeros(0), np.zeros(0, np.int64)
        self.clock = 0

    def see(self, label: str, weight: float) -> tuple[int, bool]:
        """Count a label once with this weight; return its slot, and whether it is new there."""
        slot = self.slots.get(label)
        fresh = slot is None
        if slot is None:
            slot = self._place(label)
        self.counts[slot] += weight
        self._seen[slot] = self.clock
        self.clock += 1
        return slot, fresh

    def known(self, label: str) -> int:
        """Return the slot of a label. Raises KeyError where it is not known."""
        slot = self.slots.get(label)
        if slot is None:
            n = len(self.names)
            raise KeyError(f"there is no label {label!r} among the {n} that are known")
        return slot

    def rename(self, old: str, new: str) -> None:
        """Call a label by another name. Raises KeyError for an unknown one, ValueError for `new`.

        The new name must not be empty or that of another label.
        """
        slot = self.known(old)
        if not new or (new in self.slots and new != old):
            why = "is known already; merge the two" if new else "is no name"
            raise ValueError(f"{old!r} cannot be called {new!r}: that {why}")
        names = [*self.names]
        names[slot] = new
        self._take(names)

    def merge(self, gone: int, kept: int) -> float:
        """Add the count of one slot to another's and drop it; return its share of both."""
        both = float(self.counts[gone] + self.counts[kept])
        share = float(self.counts[gone]) / both if both > 0 else 0.5
        self.counts[kept] = both
        self._seen[kept] = max(self._seen[gone], self._seen[kept])
        self.remove(gone)
        return share

    def remove(self, slot: int) -> None:
        """Drop a slot; those behind it move up."""
        self.counts = np.delete(self.counts, slot)
        self._seen = np.delete(self._seen, slot)
        self._take([name for place, name in enumerate(self.names) if place != slot])

    def _take(self, names: list[str]) -> None:
        # A list of its own: whoever holds the old one sees that it is another.
        self.names = names
        self.slots = {name: slot for slot, name in enumerate(names)}

    def _place(self, label: str) -> int:
        if len(self.names) < self.limit:
            slot = len(self.names)
            self.names.append(label)
            self.counts = np.append(self.counts, 0.0)
            self._seen = np.append(self._seen, np.int64(self.clock))
        else:
            slot = int(np.argmin(self._seen))
            del self.slots[self.names[slot]]
            self.names[slot] = label
            self.counts[slot] = 0.0
        self.slots[label] = slot
        return slot

    def frequencies(self) -> Chances:
        """Return P(label) `(n,)` from the counts alone, with one pseudo-count each; sums to 1."""
        counts: Chances = self.counts + 1.0
        return counts / counts.sum() if len(counts) else counts

    def state(self) -> dict[str, object]:
        """Return the table as plain values and copies of its arrays."""
        arrays = {"counts": self.counts.copy(), "seen": self._seen.copy()}
        return {"limit": self.limit, "names": list(self.names), **arrays, "clock": self.clock}

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Labels:
        """Build the table from what `state` gave."""
        labels = cls(state["limit"])
        labels._take(list(state["names"]))
        labels.counts, labels._seen = state["counts"].copy(), state["seen"].copy()
        labels.clock = state["clock"]
        return labels


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
        if vector is None or not self._labels.names:
            return self._labels.frequencies()
        return self._chances(vector)

    def distribution(self, x: Dense | None) -> dict[str, float]:
        """Return P(label) for a vector `(dim,)` as a dict; {} while no label is known."""
        return dict(zip(self.labels, self.predict(x).tolist(), strict=True))

    def top(self, probabilities: Chances, n: int) -> list[tuple[str, float]]:
        """Return the `n` most probable labels of a prediction, best first; ties by slot."""
        order = np.argsort(-probabilities, kind="stable")[: max(n, 0)]
        return [(self.labels[slot], float(probabilities[slot])) for slot in order]

    def learn(
        self, x: Dense | None, label: str | None, weight: float = 1.0, before: Chances | None = None
    ) -> float | None:
        """Learn one example; return its log loss (nats) before learning, at most 34.6.

        None says that nothing was learnt: no label, a vector that holds NaN or
        infinity, or a weight that is not above 0 and at most a million. An unknown label
        is taken to have had one share in `n_labels + 1`. With `x` None only the label's
        frequency is learnt. `before` is what `predict` gives for `x`, where that is known.
        Raises ValueError for a vector of another shape.
        """
        if not label or not 0 < weight <= LARGEST_WEIGHT:
            return None
        vector = self._usable(x)
        if vector is None and x is not None:
            return None
        table = self._labels
        if before is None and vector is not None and table.names:
            before = self._chances(vector)
        elif before is None:
            before = table.frequencies()
        known = table.slots.get(label)
        chance = 1.0 / (len(before) + 1) if known is None else float(before[known])
        slot, fresh = table.see(label, weight)
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
        """Learn one example; `before`, not to be changed, is of before a label that is fresh."""

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
    """Copy (dim,) numbers into the longer `vector`; return the sum of the squares of all of it."""
    # NumPy would have to be told each time to keep quiet where that overflows.
    total = 0.0
    for place in range(x.size):
        vector[place] = x[place]
    for number in vector:
        total += np.float64(number) * np.float64(number)
    return total
