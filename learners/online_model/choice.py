"""The stage that learns a choice: the network, the weights between items, answers to a search.

All that a user takes at one time is a group: its candidates are chosen once, and each of its
items is learnt as taken of them.
"""

from __future__ import annotations

import math

from learners.arrays import place_of
from learners.online_model.user_context import context_of
from learners.ranking.answers_first import is_asked
from learners.ranking.context import CandidateBatch
from learners.state.model import ModelState
from learners.types import Interaction
from learners.users.user import User

_OBSERVE_EVERY = 4
_OBSERVE_FIRST = 500


def learn_choice(state: ModelState, interaction: Interaction, user: User, item: int) -> int | None:
    """Learn that an item was taken; return the rank it had, None where it was no candidate.

    The second thing that is known of a user, taken at the time of the first, is learnt once more,
    with that as their history: users of one basket each would else never show the network what
    goes together. Both batches are made before either is learnt: the weights between items would
    tell the answer.
    """
    batch = _group(state, interaction, user)
    place = place_of(batch.ids, item)
    if place >= 0 and state.signals.searching and is_asked(batch.raw):
        learnt = state.network.score(batch, batch.item_weights)
        state.answers.learn(learnt, batch.raw, place, state.settings.k)
    if user.kept == 1 and user.times[0] == interaction.ts:
        user_id = interaction.user_id
        context = context_of(state, user_id, user, None)
        basket, _ = state.pipeline.batch(user_id, context, None, negatives=True)
        _learn(state, basket, place_of(basket.ids, item), interaction.weight)
    return _learn(state, batch, place, interaction.weight)


def _group(state: ModelState, interaction: Interaction, user: User) -> CandidateBatch:
    """Return the batch of the interaction's group: one user, one time, learnt in a row.

    What `rank` made for this very moment is taken up.
    """
    user_id, ts, batch = interaction.user_id, interaction.ts, state.open
    if batch is not None and batch.user_id == user_id and batch.before == ts:
        return batch
    batch = state.peek
    asked = None if batch is None else (batch.user_id, batch.before, batch.position)
    if batch is None or asked != (user_id, ts, state.position):
        context = context_of(state, user_id, user, ts)
        batch, _ = state.pipeline.batch(user_id, context, ts, negatives=True)
    state.open, state.peek = batch, None
    state.groups += 1
    if state.groups <= _OBSERVE_FIRST or state.groups % _OBSERVE_EVERY == 0:
        state.preference.observe(batch.raw)
    return batch


def _learn(state: ModelState, batch: CandidateBatch, place: int, weight: float) -> int | None:
    """Learn that the candidate at `place` was taken of a batch; return its rank before.

    An item that was no candidate (-1) teaches nothing of how candidates should be ordered: put
    among them, it would stand for all others of its kind that were not.
    """
    if place < 0:
        return None
    learnt = state.network.preference.learn(batch.scaled, place, weight, batch.item_weights)
    if learnt.loss < math.inf:  # not so for NaN
        state.dirty |= state.signals.learn_item_weights(
            batch.sources, batch.reach, batch.ids, learnt.slope
        )
    return learnt.rank
