"""Popularity by the hour of the day (UTC): how often each item was wanted about this time."""

from __future__ import annotations

import numpy as np

from dataflows.evaluation.baselines.protocol import Scores
from dataflows.evaluation.judging.trace import Group
from learners.arrays import grown

HOURS = 24
BEFORE_AND_AFTER = 0.5
"""What a wish counts in the hour before its own and in the hour after."""
AT_ANY_TIME = 0.01
"""What a wish counts in all other hours: items that are new to an hour rank by it."""


class Hourly:
    """Counts `(items,)` for each hour; memory grows with the number of items alone."""

    def __init__(self) -> None:
        self._counts = [np.zeros(1024) for _ in range(HOURS)]

    def scores(self, user: int, ts: float, items: int) -> Scores:  # noqa: ARG002 - for anybody
        """Score by how often an item was wanted at this hour of the day."""
        hour = _hour(ts)
        self._counts[hour] = grown(self._counts[hour], items)
        return self._counts[hour][:items]

    def learn(self, group: Group) -> None:
        """Count each wanted item."""
        hour = _hour(group.ts)
        for row in group.wanted.tolist():
            for other in range(HOURS):
                apart = min((other - hour) % HOURS, (hour - other) % HOURS)
                counts = self._counts[other] = grown(self._counts[other], row + 1)
                counts[row] += (1.0, BEFORE_AND_AFTER)[apart] if apart < 2 else AT_ANY_TIME


def make(seed: int) -> Hourly:  # noqa: ARG001 - nothing is drawn at random
    """Make one; the same whatever the seed."""
    return Hourly()


def _hour(ts: float) -> int:
    return int(ts // 3600) % HOURS
