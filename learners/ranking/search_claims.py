"""What may be said of a listed item with a search: each claim has a condition."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learners.ranking.answers_first import MOST_WORDS
from learners.ranking.reason_words import Claim, worded
from learners.signals.neighbour_kernels import users_of
from learners.signals.searches import Search
from learners.signals.tables import Signals

ALL_WORDS = 1.0 - 1e-4
"""So much of a search holds a title that has all of its words."""
SEARCH_COSINE = 0.3
"""So near at least are a search and the text of an item that is said to be near to it."""


def search_claim(
    signals: Signals, search: Search, item: int, nearest: int, users: int
) -> str | None:
    """Say that a title has the words of a search, or is near to it; or what others took after it.

    Near are at most the `nearest` items; others are so many `users` that took it after such
    searches.
    """
    one = np.array([item], np.int32)
    held = float(signals.words.shares(search.text, one)[0])
    if held >= ALL_WORDS:
        return worded(Claim.SEARCH_WORDS, search.text)
    if item in search.near[:nearest] and _is_near(signals, search, one):
        return worded(Claim.SEARCH, search.text)
    if held > MOST_WORDS:
        return worded(Claim.SEARCH_WORD, search.text)
    return worded(Claim.SEARCHED) if _takers(signals, search.hub, item) >= users else None


def _is_near(signals: Signals, search: Search, item: NDArray[np.int32]) -> bool:
    if search.vector is None:
        return False
    return bool(signals.semantic.nearness(item, search.vector)[0] >= SEARCH_COSINE)


def _takers(signals: Signals, hub: int, item: int) -> int:
    """Return how many users took an item after searches with this hub."""
    table = signals.searched
    row = table.row(hub)
    columns = np.flatnonzero(table.ids[row] == item).tolist() if row >= 0 else []
    return users_of(int(table.users[row, columns[0]]))[0] if columns else 0
