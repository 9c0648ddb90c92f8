"""The stages of learning an interaction: context, choice, counts, and what is remembered of a user.

The choice is learnt by groups: for all that a user takes at one time candidates are chosen once,
and each of its items is learnt as taken of them.
"""

from __future__ import annotations

import math

import numpy as np

from learners.arrays import place_of
from learners.ranking.answers_first import is_asked
from learners.ranking.context import CandidateBatch, Context
from learners.ranking.rules.choose import Ruled, choose
from learners.ranking.rules.rule_set import Asker, RuleSet
from learners.signals.neighbour_kernels import IN_ORDER, NEW
from learners.signals.searches import as_of, newest
from learners.signals.signal import Taking
from learners.signals.undo import UndoRecord, counted_as, hash32
from learners.state.model import ModelState
from learners.types import Interaction
from learners.users.chosen import last_taken
from learners.users.generated import NOTHING
from learners.users.profile import Profile
from learners.users.taken import ITEM, resting
from learners.users.user import User

_OBSERVE_EVERY = 4
_OBSERVE_FIRST = 500


def context_of(
    state: ModelState, user_id: str, user: User, before: float | None, at: int | None = None
) -> Context:
    """Return what the signals need of a user; `at` is the position that it is as of.

    `before` is a time in seconds since 1970, whose own events are not to be seen; None: all are.
    """
    signals, repeats = state.signals, state.repeats_on
    held, items, back, gap, session = user.look_back(before, state.settings.recent)
    chances = state.tracker.predict(user.intent, before)
    length, position = user.length - held, state.position if at is None else at
    taken, now = user.had_and_taken(), user.newest_time() if before is None else before
    generated = state.generated
    return Context(
        items,
        back,
        length,
        user.steps - (held > 0),
        taken,
        resting(taken, now, length + (not held)) if repeats else taken[ITEM],
        now,
        repeats,
        position,
        np.array(state.profiles.likings(user.profile, signals.items.category_index), np.float32),
        state.tracker.per_category(chances, signals.items),
        chances,
        generated.of(user_id, length, before, position) if generated.made else NOTHING,
        gap,
        session,
        None if user.search is None else as_of(user.search, before),
    )


def choose_by_rules(
    state: ModelState, rules: RuleSet, user_id: str, user: User, context: Context, k: int
) -> Ruled:
    """Return the list of a user as of their newest event, by rules."""
    asker = Asker(user_id, user.newest_time())
    return choose(state.pipeline, rules, state.signals.semantic, user_id, context, k, asker)


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
        state.network.preference.observe(batch.raw)
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


def count(
    state: ModelState, interaction: Interaction, user: User, item: int, column: int
) -> UndoRecord:
    """Count an interaction with an item in the signals; return what undoes it.

    `column` is that of the item among those that the user has, -1 where it is new to them.
    """
    signals, ts, kinds = state.signals, interaction.ts, state.settings.taken_limit
    recent = user.window_before(item, ts, state.settings.window)
    search = None if user.search is None else as_of(user.search, ts)
    kind, last = hash32(interaction.type), None if column < 0 else last_taken(user, column)
    undo = UndoRecord(
        *(hash32(interaction.event_id), kind, user.steps - user.is_under_way(ts)),
        *(-1 if search is None else search.hub, interaction.position, interaction.weight),
        signals.values.learn(item, interaction.value),
        counted=counted_as(interaction.weight),
        returned=signals.rests.learn(item, kind, ts, last),
        until=signals.rests.until(kind, ts, interaction.rest),
        value=interaction.value,
    )
    # An event that comes late, or at the same time as another, follows nothing.
    is_later = not user.kept or bool(ts > user.times[user.kept - 1])
    is_later = is_later and (user.profile is None or ts > user.profile.ts)
    # Where no more are kept they may have had it, and it made room.
    is_new = column < 0 and user.kinds + 1 < kinds
    says = is_later * IN_ORDER + is_new * NEW
    state.dirty |= signals.count(item, recent, undo, says)
    if undo.hub >= 0:
        state.dirty |= signals.learn_searched(item, undo, is_new=is_new)
    if signals.added.signals:
        taking = Taking.of(item, ts, undo._replace(again=column >= 0), recent)
        state.dirty |= signals.added.count(taking)
    state.learnt += 1
    state.repeats += column >= 0
    if signals.rests.is_learnt and not signals.returning and state.repeats_on:
        state.widen(returning=True)
    return undo


def remember(
    state: ModelState,
    interaction: Interaction,
    user: User,
    item: int,
    column: int,
    undo: UndoRecord,
    categories: list[str],
) -> None:
    """Add an interaction, counted as `undo` says, to what is known of its user."""
    of = state.settings
    user.add(item, interaction.ts, undo, of.recent, of.taken_limit, column)
    if user.profile is None:
        user.profile = Profile()
    state.profiles.learn(user.profile, categories, interaction.ts, interaction.weight)


def set_aside(
    state: ModelState, interaction: Interaction, user: User, item: int, column: int
) -> None:
    """Remember an interaction that speaks against its item: the user has it, and it rests."""
    column = user.take(item, state.settings.taken_limit, column)
    user.set_aside(hash32(interaction.event_id), hash32(interaction.type), item)
    user.rest(column, state.signals.rests.until(0, interaction.ts, interaction.rest))


def learn_search(state: ModelState, interaction: Interaction, user: User) -> None:
    """Learn an interaction without an item, which may be a search.

    From the first search on all are ranked by searches as well.
    """
    signals = state.signals
    search = newest(interaction, user.search, user.length, signals.semantic, signals.words)
    if search is None or search is user.search:
        return
    user.search = search
    if search.hub >= 0 and signals.searched.note(search.hub, interaction.encoded):
        state.dirty.add(search.hub)
    if not signals.searching:
        state.peek = None
        state.widen(searching=True)
