"""The stage of context: a user at one moment, as ranking sees them."""

from __future__ import annotations

import numpy as np

from learners.ranking.context import Context
from learners.signals.searches import as_of
from learners.state.model import ModelState
from learners.users.generated import NOTHING
from learners.users.taken import ITEM, resting
from learners.users.user import User


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
