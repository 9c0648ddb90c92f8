"""Where an item stands for a user, and what each signal adds to its score."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np

from learners.online_model.queries.lists import choose_by, places_of
from learners.online_model.queries.signal_effects import added_by_signals
from learners.ranking.explanations import entries
from learners.state.model import ModelState
from learners.users.user import User

Standing = Literal["listed", "ranked", "not_ranked", "had", "unavailable"]


class Account(NamedTuple):
    """How an item stands for a user, as `learners.recommender.Explanation` says.

    `signals` is what each of them adds to the score, the largest first: what the score loses where
    that signal is set to its average over the user's candidates. What takes away is below 0.
    """

    standing: Standing
    place: int | None = None
    score: float | None = None
    reasons: tuple[str, ...] = ()
    signals: Mapping[str, float] = MappingProxyType({})


_LISTED: Standing = "listed"
_RANKED: Standing = "ranked"


def account_of(state: ModelState, user_id: str, user: User, number: int) -> Account:
    """Return how an item stands for a user."""
    if not state.signals.items.available[number]:
        return Account("unavailable")
    # First as it is listed: with more to rank, more are looked for, and scores may differ a little.
    of = state.settings
    for k, standing in ((of.k, _LISTED), (of.candidates, _RANKED)):
        found = _found(state, user_id, user, number, k, standing)
        if found is not None:
            return found
    return Account("had" if user.has(number) else "not_ranked")


def _found(
    state: ModelState, user_id: str, user: User, number: int, k: int, standing: Standing
) -> Account | None:
    context, ruled = choose_by(state, user_id, user, k)
    chosen = ruled.chosen
    place = places_of(chosen, number)
    if place is None:
        return None
    signals, best = state.signals, np.array([place], np.intp)
    batch, rows, scores, places = chosen
    made = entries(signals, state.preference, batch, rows, context, best, scores, user)[0]
    adds = added_by_signals(state, user, batch, best)[0]
    at = 1 + int(np.flatnonzero(places == place)[0])
    return Account(standing, at, made.score, made.reasons, adds)
