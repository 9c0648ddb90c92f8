"""The stages that count an interaction in the signals, and remember it of its user."""

from __future__ import annotations

from learners.signals.neighbour_kernels import IN_ORDER, NEW
from learners.signals.searches import as_of, newest
from learners.signals.signal import Taking
from learners.signals.undo import UndoRecord, counted_as, hash32
from learners.state.model import ModelState
from learners.types import Interaction
from learners.users.chosen import last_taken
from learners.users.profile import Profile
from learners.users.user import User


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
