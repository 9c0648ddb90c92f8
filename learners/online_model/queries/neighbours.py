"""Users like a user: those who took the same items, the rarer the more.

Nothing keeps who took an item, and an index of that would cost every event some. So the users who
are in memory are looked through, the newest so many: `gather` copies what they have, and needs the
model to hold still; `nearest` compares, and does not.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.state.model import ModelState
from learners.users.user import User

MOST_USERS = 2_000
"""So many users are looked through."""


class Taken(NamedTuple):
    """What users have: `items` (n,) int32 by number, those of each user side by side.

    `ends` (u,) is where those of each of `users` end; `rarity` (m,) float64 is by item number.
    """

    users: list[str]
    items: NDArray[np.int32]
    ends: NDArray[np.intp]
    own: NDArray[np.int32]
    rarity: NDArray[np.float64]


class LikeUser(NamedTuple):
    """A user like another: `score` is the cosine of what both have, `shared` the rarest first."""

    user_id: str
    score: float
    shared: list[int]


def gather(state: ModelState, user_id: str, user: User, most: int = MOST_USERS) -> Taken:
    """Return what a user has and what the newest `most` others in memory have."""
    users, items = [], []
    for other, known in state.users.newest(most + 1):
        if other != user_id and known.kinds:
            users.append(other)
            items.append(known.seen.copy())
    ends = np.cumsum([len(each) for each in items], dtype=np.intp)
    takers = state.signals.takers.at_stage.sum(axis=0, dtype=np.float64)
    rarity = 1.0 / np.log2(2.0 + takers)
    whole = np.concatenate(items) if items else np.zeros(0, np.int32)
    return Taken(users, whole, ends, user.seen.copy(), rarity)


def nearest(taken: Taken, k: int) -> list[LikeUser]:
    """Return the `k` users that have most in common with the user, best first, ties by id."""
    if not len(taken.items) or not len(taken.own):
        return []
    squares = np.square(taken.rarity)
    is_own = np.zeros(len(squares), bool)
    is_own[taken.own] = True
    worth = squares[taken.items]
    starts = np.concatenate((np.zeros(1, np.intp), taken.ends[:-1]))
    common = np.add.reduceat(np.where(is_own[taken.items], worth, 0.0), starts)
    lengths = np.sqrt(np.add.reduceat(worth, starts))
    own = math.sqrt(float(squares[taken.own].sum()))
    scores = common / np.maximum(lengths * own, 1e-12)
    order = sorted(
        np.flatnonzero(scores > 0.0).tolist(), key=lambda n: (-scores[n], taken.users[n])
    )
    return [_like(taken, place, float(scores[place]), is_own) for place in order[:k]]


def _like(taken: Taken, place: int, score: float, is_own: NDArray[np.bool_]) -> LikeUser:
    start = int(taken.ends[place - 1]) if place else 0
    items = taken.items[start : taken.ends[place]]
    shared = items[is_own[items]]
    order = np.lexsort((shared, -taken.rarity[shared]))
    return LikeUser(taken.users[place], round(score, 6), shared[order].tolist())
