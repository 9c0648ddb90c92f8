"""What comes next: transitions from the items that the user had last.

A Markov chain over items is the usual yardstick for the next item (Rendle, Freudenthaler
and Schmidt-Thieme, "Factorizing personalized Markov chains for next-basket recommendation",
2010). Counting transitions that skip, too, is due to Shani, Heckerman and Brafman, "An
MDP-based recommender system", 2005.
"""

from __future__ import annotations

import numpy as np

from dataflows.evaluation.baselines.pairs import PairCounts
from dataflows.evaluation.baselines.popularity import Fallback
from dataflows.evaluation.baselines.protocol import Scores
from dataflows.evaluation.baselines.recent import Recent
from dataflows.evaluation.judging.trace import Group

STEPS = 20
REACH = 10.0
HALF_LIFE = 50_000.0
BACK = 0.5


class Markov:
    """Counts how often an item was wanted up to `steps` events after another.

    With one step this is the chain of the last item. A transition over a gap of so many
    events counts exp(-gap / `REACH`); counts fade with `HALF_LIFE` in events. The score of an
    item is the sum over the user's newest `steps` items, each weighing exp(-age / `REACH`),
    of the count divided by the total of the item that it comes from to the power of `BACK`.
    What came after none of them ranks by popularity.
    """

    def __init__(self, steps: int = STEPS) -> None:
        self._next = PairCounts(HALF_LIFE)
        self._recent = Recent(steps)
        self._fallback = Fallback()
        self._reach = np.exp(-np.arange(steps) / REACH)

    def scores(self, user: int, ts: float, items: int) -> Scores:  # noqa: ARG002
        """Score by what came after the user's newest items."""
        recent = self._recent.of(user)
        totals = np.maximum(self._next.totals(items)[recent], np.finfo(np.float64).tiny)
        weights = self._reach[: len(recent)] / totals**BACK
        return self._fallback.fill(self._next.add_up(recent, weights, items))

    def learn(self, group: Group) -> None:
        """Count each wanted item as coming after the user's newest before it."""
        for row in group.wanted.tolist():
            self._next.step()
            before = self._recent.of(group.user)
            self._next.add(before, np.full(len(before), row), self._reach[: len(before)])
            self._recent.add(group.user, row)
        self._fallback.learn(group)
