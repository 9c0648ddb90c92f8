"""What each signal adds to the score of an item among those that it was chosen from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learners.online_model.queries.first_search import answers_scorer
from learners.ranking.columns import SIGNALS
from learners.ranking.context import CandidateBatch
from learners.ranking.explanations import effects
from learners.ranking.features import layout_of
from learners.state.model import ModelState
from learners.users.user import User

_SEARCH = SIGNALS.index("search")


def added_by_signals(
    state: ModelState, user: User, batch: CandidateBatch, places: NDArray[np.intp]
) -> list[dict[str, float]]:
    """Return for each of these places (k,) of a user's batch what each signal adds.

    That is what the score loses where the signal is set to its average over the batch, and of the
    search what an answer was raised by to lead; the largest first. What takes away is below 0, and
    what does neither is left out.
    """
    if not len(places):
        return []
    columns, preference = layout_of(state.signals), state.preference
    gave = effects(batch.scaled, places, preference, batch.item_weights, columns)
    scorer = answers_scorer(state, user)
    if scorer is not None:
        learnt = preference.score(batch.scaled) + batch.item_weights
        gave[_SEARCH] += (scorer.score(batch, learnt) - learnt)[places]
    return [_told(columns.groups, one.tolist()) for one in gave.T]


def _told(groups: tuple[str, ...], gave: list[float]) -> dict[str, float]:
    told = sorted(zip(groups, gave, strict=True), key=lambda one: -one[1])
    return {name: round(more, 6) for name, more in told if round(more, 6) != 0.0}
