"""What each signal gives to the lists, over the stream, on a sample of the groups."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np

from learners.online_model import OnlineModel
from learners.ranking.columns import SIGNALS, SOMETIMES
from learners.ranking.context import CandidateBatch
from learners.ranking.explanations import effects

EVERY = 20
"""One group in so many is looked at."""

_PARTS = 24


class Contributions:
    """Measures what the score of the first `k` loses without each group of signals.

    The groups, and what it means to be without one, are those of the reasons in a list
    (`learners.ranking.explanations`).
    """

    def __init__(self, k: int) -> None:
        self._k = k
        self._last: CandidateBatch | None = None
        self._groups: tuple[str, ...] = SIGNALS
        self._positions = array("q")
        self._effects = array("d")

    def look(self, recommender: OnlineModel, groups: int) -> None:
        """Sample the newest group learnt, if `groups`, the number of those begun, says so."""
        batch = recommender.open
        if groups % EVERY or batch is None or batch is self._last or not len(batch.ids):
            return
        self._last = batch
        scores = recommender.pipeline.scores(batch)
        best = np.lexsort((batch.ids, -scores))[: self._k]
        columns = recommender.layout
        self._groups = columns.groups
        preference = recommender.preference
        gave = effects(batch.scaled, best, preference, batch.item_weights, columns)
        self._positions.append(batch.position)
        self._effects.extend(gave.mean(axis=1, dtype=np.float64).tolist())

    def figures(self) -> dict[str, Any]:
        """Return the mean effect of each group of signals, whole and over parts of the stream."""
        each = np.array(self._effects).reshape(-1, len(self._groups))
        named = {
            name: place
            for place, name in enumerate(self._groups)
            if name not in SOMETIMES or each[:, place].any()
        }
        positions = np.array(self._positions, dtype=np.int64)
        parts = [part for part in np.array_split(np.arange(len(each)), _PARTS) if len(part)]
        means = [each[part].mean(axis=0) for part in parts]
        return {
            "every": EVERY,
            "groups": len(each),
            "events": [int(positions[part[-1]]) for part in parts],
            "mean": {name: float(each[:, place].mean()) for name, place in named.items()}
            if parts
            else {},
            "over_time": {
                name: [float(mean[place]) for mean in means] for name, place in named.items()
            },
        }
