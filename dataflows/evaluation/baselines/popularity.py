"""Popularity: how often each item was wanted, by anybody; all-time or decayed."""

from __future__ import annotations

import numpy as np

from dataflows.evaluation.baselines.protocol import Scores
from dataflows.evaluation.judging.trace import Group
from learners.arrays import grown

DECAYED_HALF_LIFE = 5000.0
"""Half-life in events of the decayed variant."""

_TOO_LARGE = 2.0**500


class PopularityBaseline:
    """Counts of each item, decayed by a half-life in wanted events, or all-time.

    Instead of shrinking every count at every event, each event adds more than the one
    before; only the proportions matter to a rank.
    """

    def __init__(self, half_life: float | None = None) -> None:
        self._growth = 1.0 if half_life is None else 2.0 ** (1.0 / half_life)
        self._step = 1.0
        self._counts = np.zeros(1024)

    def scores(self, user: int, ts: float, items: int) -> Scores:  # noqa: ARG002
        """Score by count; an item that nobody wanted has 0."""
        self._counts = grown(self._counts, items)
        return self._counts[:items]

    def learn(self, group: Group) -> None:
        """Count each wanted item."""
        for row in group.wanted.tolist():
            self._counts = grown(self._counts, row + 1)
            self._step *= self._growth
            self._counts[row] += self._step
            if self._step > _TOO_LARGE:
                self._counts /= self._step
                self._step = 1.0


class Fallback:
    """Puts the items that a baseline has no evidence for below all others, by decayed popularity.

    Without it, every user without a history would be a miss, which says little of a method.
    """

    def __init__(self, half_life: float = DECAYED_HALF_LIFE) -> None:
        self._popularity = PopularityBaseline(half_life)

    def learn(self, group: Group) -> None:
        """Count each wanted item."""
        self._popularity.learn(group)

    def fill(self, scores: Scores) -> Scores:
        """Return the scores, with a negative one in the place of each that is not above 0."""
        counts = self._popularity.scores(0, 0.0, len(scores))
        return np.where(scores > 0.0, scores, counts / (counts.max(initial=0.0) + 1.0) - 1.0)
