"""EASE, solved anew as the stream goes, over what goes together within a user's history.

Steck, "Embarrassingly shallow autoencoders for sparse data" (2019), where the Gram matrix G
counts two events of one user by exp(-gap / `NEAR`), gap in events, instead of 1, so that
tastes of long ago do not speak for those of today.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dataflows.evaluation.baselines.item_weights import ItemWeights
from dataflows.evaluation.baselines.pairs import PairCounts
from dataflows.evaluation.baselines.popularity import DECAYED_HALF_LIFE, PopularityBaseline
from dataflows.evaluation.baselines.protocol import Scores
from dataflows.evaluation.baselines.recent import Recent
from dataflows.evaluation.judging.trace import Group

MOST_ITEMS = 3000
"""Only so many items, the most wanted, are solved for: the inverse is dense."""

RIDGE = 200.0
WINDOW = 80
"""Gaps that count. From 75 on what is cut off is so little that G stays positive definite."""

NEAR = 20.0
FADES = 5.0
"""Weights of a user's newest items in an answer: exp(-age / FADES)."""

TIE_BREAK = 1e-6

_ONE = np.ones(1)


class Ease:
    """Solves each `every` events, or each hundredth more where that is rarer."""

    def __init__(self, every: int = 1000) -> None:
        self._every = every
        self._due = every
        self._learnt = 0
        self._met = 0
        self._solved = 0
        self._left_out = 0
        self._pairs = PairCounts()
        self._wanted = PopularityBaseline()
        self._popularity = PopularityBaseline(DECAYED_HALF_LIFE)
        self._recent = Recent(WINDOW)
        self._near = np.exp(-np.arange(1, WINDOW + 1) / NEAR)
        self._fades = np.exp(-np.arange(WINDOW) / FADES)
        self._weights: ItemWeights | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """How often it was solved, and what the bound on items left out."""
        solved = f"solved {self._solved} times, for the {MOST_ITEMS} most wanted items at most"
        return (f"{solved}; {self._left_out} others were left out the last time",)

    def scores(self, user: int, ts: float, items: int) -> Scores:
        """Score by what speaks for an item; popularity settles ties, and all before a solution."""
        counts = self._popularity.scores(user, ts, items)
        recent = self._recent.of(user)
        if self._weights is None:
            return counts
        solved = self._weights.has(recent)
        scores: Scores = counts * (TIE_BREAK / max(counts.max(), 1.0))
        fades = self._fades[: len(recent)]
        self._weights.speak(recent[solved], fades[solved], scores)
        # An item that was not solved for speaks by the regression on it alone.
        alone = recent[~solved]
        itself = self._wanted.scores(user, ts, self._met)[alone] + RIDGE
        scores += self._pairs.add_up(alone, fades[~solved] / itself, items)
        return scores

    def learn(self, group: Group) -> None:
        """Count each wanted item with the user's newest; solve when it is time."""
        self._popularity.learn(group)
        self._wanted.learn(group)
        for row in group.wanted.tolist():
            before = self._recent.of(group.user)
            near, same = self._near[: len(before)], np.full(len(before), row)
            self._pairs.add(before, same, near)
            self._pairs.add(same, before, near)
            self._recent.add(group.user, row)
            self._met = max(self._met, row + 1)
            self._learnt += 1
            if self._weights is not None and not self._weights.has(same[:1]).all():
                self._weights.add(row, self._counts(row)[self._weights.items])
        if self._learnt >= self._due:
            self._solve()
            self._due = self._learnt + max(self._every, self._learnt // 100)

    def _counts(self, row: int) -> NDArray[np.float64]:
        """Return how often an item went with each other, `(met,)`."""
        return self._pairs.add_up(np.array([row]), _ONE, self._met)

    def _solve(self) -> None:
        """Choose the most wanted items, and solve the weights among them."""
        wanted = self._wanted.scores(0, 0.0, self._met)
        order = np.argsort(-wanted, kind="stable")
        order = order[wanted[order] > 0]
        items = np.sort(order[:MOST_ITEMS])
        self._left_out = len(order) - len(items)
        gram = np.empty((len(items), len(items)), dtype=np.float32)
        for place, row in enumerate(items.tolist()):
            gram[place] = self._counts(row)[items]
        itself = wanted[items] + RIDGE
        again = (gram.diagonal() / itself).astype(np.float32)
        # Each event is at no distance from itself, besides what a repeated item is near to.
        gram[np.diag_indices(len(items))] += itself
        self._weights = ItemWeights(items, gram, again)
        self._solved += 1
