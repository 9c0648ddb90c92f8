"""What each signal adds to the score of an item among those that it was chosen from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learners.ranking.context import CandidateBatch
from learners.ranking.explanations import effects
from learners.ranking.features import layout_of
from learners.state.model import ModelState


def added_by_signals(
    state: ModelState, batch: CandidateBatch, places: NDArray[np.intp]
) -> list[dict[str, float]]:
    """Return for each of these places (k,) of a batch what each signal adds, the largest first.

    That is what the score loses where the signal is set to its average over the batch; what takes
    away is below 0, and what does neither is left out.
    """
    if not len(places):
        return []
    columns = layout_of(state.signals)
    gave = effects(batch.scaled, places, state.preference, batch.item_weights, columns)
    return [_told(columns.groups, one.tolist()) for one in gave.T]


def _told(groups: tuple[str, ...], gave: list[float]) -> dict[str, float]:
    told = sorted(zip(groups, gave, strict=True), key=lambda one: -one[1])
    return {name: round(more, 6) for name, more in told if round(more, 6) != 0.0}
