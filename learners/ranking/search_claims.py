"""What may be said of listed items with a search: each claim has a condition."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from learners.ranking.answers_first import MOST_WORDS
from learners.ranking.reason_words import Claim
from learners.signals.neighbour_kernels import users_of
from learners.signals.searches import Search
from learners.signals.tables import Signals

Conditions = Sequence[tuple[Claim, NDArray[np.bool_]]]
"""Claims, each with the places (k,) of a list where it holds."""

ALL_WORDS = 1.0 - 1e-4
"""So much of a search holds a title that has all of its words."""
SEARCH_COSINE = 0.3
"""So near at least are a search and the text of an item that is said to be near to it."""


def search_claims(
    signals: Signals, search: Search, items: NDArray[np.int32], nearest: int, users: int
) -> Conditions:
    """Return where titles have the words of a search, or are near to it, or what others took after.

    Near are at most the `nearest` items; others are so many `users` that took it after such
    searches.
    """
    held = signals.words.shares(search.text, items).astype(np.float64)
    is_nearest = (items[:, None] == search.near[:nearest]).any(axis=1)
    return [
        (Claim.SEARCH_WORDS, held >= ALL_WORDS),
        (Claim.SEARCH, is_nearest & _is_near(signals, search, items)),
        (Claim.SEARCH_WORD, held > MOST_WORDS),
        (Claim.SEARCHED, _takers(signals, search.hub, items) >= users),
    ]


def _is_near(signals: Signals, search: Search, items: NDArray[np.int32]) -> NDArray[np.bool_]:
    if search.vector is None:
        return np.zeros(len(items), bool)
    is_near: NDArray[np.bool_] = signals.semantic.nearness(items, search.vector) >= SEARCH_COSINE
    return is_near


def _takers(signals: Signals, hub: int, items: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Return how many users took items (k,) after searches with this hub."""
    table = signals.searched
    row = table.row(hub)
    if row < 0:
        return np.zeros(len(items), np.uint8)
    is_it = table.ids[row] == items[:, None]
    users, _ = users_of(table.users[row, is_it.argmax(axis=1)])
    return np.where(is_it.any(axis=1), users, np.uint8(0))
