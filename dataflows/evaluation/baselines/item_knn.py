"""Items that go with what the user had last: co-occurrence within a window of events.

Item-based neighbours (Sarwar et al., "Item-based collaborative filtering recommendation
algorithms", 2001), counted over a window instead of whole histories, as is done for
sessions (Jannach and Ludewig, "When recurrent neural networks meet the neighborhood for
session-based recommendation", 2017).
"""

from __future__ import annotations

import numpy as np

from dataflows.evaluation.baselines.pairs import PairCounts
from dataflows.evaluation.baselines.popularity import Fallback
from dataflows.evaluation.baselines.protocol import Scores
from dataflows.evaluation.baselines.recent import Recent
from dataflows.evaluation.judging.trace import Group

WINDOW = 30
NEAR = 15.0
FADES = 5.0
HALF_LIFE = 50_000.0
BACK, AHEAD = 0.5, 0.3
SHRINK = 10.0


class ItemKnn:
    """Two items go together where one user wanted both within `WINDOW` events.

    A pair counts exp(-gap / `NEAR`) for a gap of so many events, in both directions; counts
    fade with `HALF_LIFE` in events. The score of an item is the sum over the user's newest
    events, each weighing exp(-age / `FADES`), of count / (total of that event's item^`BACK` x
    its own total^`AHEAD`), where a total is all that an item's pairs count, plus `SHRINK`.
    With both powers at 1/2 this is the cosine. What goes with nothing ranks by popularity.
    """

    def __init__(self) -> None:
        self._pairs = PairCounts(HALF_LIFE)
        self._recent = Recent(WINDOW)
        self._fallback = Fallback()
        self._near = np.exp(-np.arange(WINDOW) / NEAR)
        self._fades = np.exp(-np.arange(WINDOW) / FADES)

    def scores(self, user: int, ts: float, items: int) -> Scores:  # noqa: ARG002
        """Score by what the user's newest events go with."""
        recent = self._recent.of(user)
        totals = self._pairs.totals(items) + SHRINK
        weights = self._fades[: len(recent)] / totals[recent] ** BACK
        found = self._pairs.add_up(recent, weights, items) / totals**AHEAD
        return self._fallback.fill(found)

    def learn(self, group: Group) -> None:
        """Count each wanted item with the user's newest before it."""
        for row in group.wanted.tolist():
            self._pairs.step()
            before = self._recent.of(group.user)
            amounts = self._near[: len(before)]
            self._pairs.add(np.full(len(before), row), before, amounts)
            other = before != row  # an item with itself is one pair, not two
            back = before[other]
            self._pairs.add(back, np.full(len(back), row), amounts[other])
            self._recent.add(group.user, row)
        self._fallback.learn(group)
