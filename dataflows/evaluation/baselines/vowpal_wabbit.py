"""Vowpal Wabbit: a logistic model over pairs of a user's newest items and an item.

Langford, Li and Strehl's online learner (Agarwal et al., "A reliable effective terascale linear
learning system", 2014), with its own steps: adaptive, normalised and safe. A wanted item is a
1, some drawn from those met are each a 0. The features of an item are itself, and itself
paired with each of the user's newest items; each pair is one place in the hashed weights, so
all items are scored with the weights that were learnt, read back after each step.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from vowpalwabbit import Workspace

from dataflows.evaluation.baselines.popularity import Fallback
from dataflows.evaluation.baselines.protocol import Scores
from dataflows.evaluation.baselines.recent import Recent
from dataflows.evaluation.judging.trace import Group

BITS = 23
STEPS = "--adaptive --invariant"
"""Not normalised by the size of a feature: that undoes the fading of a history."""

RATE = 0.5
NEGATIVES = 5
WINDOW = 20
FADES = 8.0
"""Values of the pairs with a user's newest items: exp(-age / FADES), up to WINDOW back."""

_SIZE = 1 << BITS
_SPREAD = 0x9E3779B1
"""Odd, and far from round: the pairs of neighbouring items start far from each other."""

Rows = NDArray[np.int64]


class VowpalWabbit:
    """`weights` mirrors the library's, float32 `(2^BITS,)`.

    Users without a history get popularity.
    """

    def __init__(self, seed: int = 0) -> None:
        model = f"--loss_function logistic --noconstant -b {BITS}"
        self._learner = Workspace(f"--quiet {model} {STEPS} -l {RATE}")
        self.weights = np.zeros(_SIZE, dtype=np.float32)
        self._rng = np.random.default_rng(seed)
        self._recent = Recent(WINDOW)
        self._values = np.concatenate([[1.0], np.exp(-np.arange(WINDOW) / FADES)])
        self._fallback = Fallback()
        self._own: dict[int, set[int]] = {}
        self._known = 0

    def scores(self, user: int, ts: float, items: int) -> Scores:  # noqa: ARG002
        """Score by the log-odds that the library gives."""
        recent = self._recent.of(user)
        if not len(recent):
            return self._fallback.fill(np.zeros(items))
        scores = np.zeros(items)
        for start, value in zip(_starts(recent), self._values, strict=False):
            places = np.arange(start, start + items)
            scores += value * self.weights.take(places, mode="wrap")
        return scores

    def learn(self, group: Group) -> None:
        """Learn each wanted item as a 1, and others as 0."""
        self._fallback.learn(group)
        self._known = max(self._known, int(group.items.max()) + 1)
        for row in group.wanted.tolist():
            own = self._own.setdefault(group.user, set())
            own.add(row)
            starts = _starts(self._recent.of(group.user))
            self._learn_item(starts, row, 1)
            for other in self._rng.integers(self._known, size=NEGATIVES).tolist():
                if other not in own:
                    self._learn_item(starts, other, -1)
            self._recent.add(group.user, row)

    def _learn_item(self, starts: Rows, row: int, wanted: int) -> None:
        places = ((starts + row) % _SIZE).tolist()
        self._learner.learn(describe(places, self._values, wanted))
        for place in places:
            self.weights[place] = self._learner.get_weight(place)


def describe(places: list[int], values: NDArray[np.float64], wanted: int) -> str:
    """Write an example in the library's text format."""
    features = (f"{place}:{value:.6g}" for place, value in zip(places, values, strict=False))
    return f"{wanted} | {' '.join(features)}"


def _starts(recent: Rows) -> Rows:
    """Return where the weights of an item alone begin, then those of its pairs, `(1 + n,)`."""
    return np.concatenate([[0], recent + 1]) * _SPREAD % _SIZE
