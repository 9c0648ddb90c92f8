"""What the user had most often, and popularity behind it: hard to beat where things come back.

As GP-TopFreq in Li, Jullien, Ariannezhad and de Rijke, "A next basket recommendation reality
check", 2023, here with the newest of the user's events counting most.
"""

from __future__ import annotations

import numpy as np

from dataflows.evaluation.baselines.popularity import Fallback
from dataflows.evaluation.baselines.protocol import Scores
from dataflows.evaluation.judging.trace import Group

HALF_LIFE = 50.0
_TOO_LARGE = 2.0**500


class OwnPopularity:
    """Counts of each user's own items, decayed by `HALF_LIFE` in wanted events of that user.

    Items that they never had rank by popularity. Where repeats are off, nothing else is left.
    """

    def __init__(self) -> None:
        self._counts: dict[int, dict[int, float]] = {}
        self._steps: dict[int, float] = {}
        self._fallback = Fallback()

    def scores(self, user: int, ts: float, items: int) -> Scores:  # noqa: ARG002
        """Score by the user's own counts."""
        found = np.zeros(items)
        counts = self._counts.get(user)
        if counts:
            found[np.fromiter(counts, np.int64, len(counts))] = list(counts.values())
        return self._fallback.fill(found)

    def learn(self, group: Group) -> None:
        """Count each wanted item for its user; later ones weigh more."""
        counts = self._counts.setdefault(group.user, {})
        step = self._steps.get(group.user, 1.0)
        for row in group.wanted.tolist():
            step *= 2.0 ** (1.0 / HALF_LIFE)
            counts[row] = counts.get(row, 0.0) + step
        if step > _TOO_LARGE:
            for row in counts:
                counts[row] /= step
            step = 1.0
        self._steps[group.user] = step
        self._fallback.learn(group)
