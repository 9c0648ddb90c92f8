"""Items that answer a text: by the words of their titles, and by meaning; in a user's order too.

Orders of different kinds are merged by their places (`learners.online_model.queries.fusion`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learners.online_model.queries.as_if import GivenSearch, as_if
from learners.online_model.queries.filters import OnlyCategories
from learners.online_model.queries.fusion import fused
from learners.online_model.queries.given_items import score_given
from learners.signals.tables import Signals
from learners.state.model import ModelState
from learners.users.user import User

_LEAST = 30
"""Of the answers, so many at least are put in a user's order."""
_EXACT = 20_000
"""So many items of some categories are compared one by one; of more, the most popular."""


def answers_to(
    state: ModelState,
    search: GivenSearch,
    k: int,
    only: OnlyCategories | None,
    user: tuple[str, User] | None = None,
    now: float = 0.0,
) -> list[tuple[int, float]]:
    """Return the `k` items that answer a search best, by number, with what they are ordered by.

    `user` are id and record of the one in whose order they are, if any; `now` as in `as_if`.
    Without categories no more are found by meaning than the index keeps of each item.
    """
    signals = state.signals
    words, shares = signals.words.best(search.text)
    by_words = words[np.lexsort((words, -shares))]
    listed = [_listable(signals, by_words, only), _listable(signals, _near(signals, search, only))]
    found = fused(listed)
    if user is None:
        return found[:k]
    user_id, known = user
    numbers = [number for number, _ in found[: max(2 * k, _LEAST)]]
    asked = as_if(state, known, [], search, now)
    scores = score_given(state, user_id, asked, numbers)
    liked = sorted(scores, key=lambda number: (-scores[number].score, number))
    return fused([numbers, liked])[:k]


def _near(signals: Signals, search: GivenSearch, only: OnlyCategories | None) -> NDArray[np.int32]:
    """Return the items nearest to a search in meaning, nearest first."""
    vector = search.vector
    if vector is None:
        return np.zeros(0, np.int32)
    if only is None:
        return signals.semantic.nearest(vector)
    items = signals.items.in_order().astype(np.int32)
    items = items[only.keep(items) & signals.semantic.has[items]]
    if len(items) > _EXACT:
        items = items[np.argsort(-signals.popularity.counts[0, items], kind="stable")[:_EXACT]]
    near = signals.semantic.nearness(items, vector)
    return items[np.lexsort((items, -near))]


def _listable(
    signals: Signals, items: NDArray[np.int32], only: OnlyCategories | None = None
) -> list[int]:
    kept = items[~signals.blocked[items]]
    found: list[int] = (kept if only is None else kept[only.keep(kept)]).tolist()
    return found
