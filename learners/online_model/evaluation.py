"""What an evaluation asks that ranks each event before it is learnt."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.online_model.stages import context_of
from learners.state.model import ModelState


class Ranking(NamedTuple):
    """Scored candidates of one user, in no order: `ids` and finite `scores` (n,) float64."""

    ids: list[str]
    scores: NDArray[np.float64]


def rank(state: ModelState, user_id: str, before: float | None) -> Ranking:
    """Score all candidates of a user, as `OnlineModel.rank` says."""
    batch = state.open
    if before is None or batch is None or (batch.user_id, batch.before) != (user_id, before):
        user = state.users.get(user_id, state.position + 1)
        context = context_of(state, user_id, user, before, state.position + 1)
        batch, _ = state.pipeline.batch(user_id, context, before, negatives=True)
        if before is not None:
            state.peek = batch
    ids, scores = state.signals.items.ids, state.pipeline.scores(batch)
    return Ranking([ids[number] for number in batch.ids.tolist()], scores.astype(np.float64))
