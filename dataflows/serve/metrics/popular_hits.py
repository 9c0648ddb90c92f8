"""Whether an item was among those that everybody takes most: what lists must do better than."""

from __future__ import annotations

from learners.online_model import OnlineModel
from learners.signals.popularity import LONG
from learners.users.taken import ITEM
from learners.users.user import User

LOOK_EVERY = 32
"""Judged events after which the most popular items are looked up again."""


class PopularItems:
    """The items taken most lately (half-life `learner.popularity_half_life`), by their rank.

    They are at most `LOOK_EVERY` events old. `k` is the length of the list that they would make.
    Of a user who has nearly all of the 128 best the rank is known too low.
    """

    def __init__(self, k: int) -> None:
        self._k = k
        self._left = 0
        self._ranks: dict[int, int] = {}
        self._order: list[int] = []

    def holds(self, model: OnlineModel, item: int, user: User | None) -> bool:
        """Return whether an item is among the `k` most popular, without those that `user` has."""
        if self._left <= 0:
            self._look(model)
        self._left -= 1
        rank = self._ranks.get(item)
        if rank is None:
            return False
        if rank < self._k or user is None or user.taken is None:
            return rank < self._k
        has = set(user.taken[ITEM, : user.kinds].tolist())
        return sum(better not in has for better in self._order[:rank]) < self._k

    def _look(self, model: OnlineModel) -> None:
        popularity, available = model.signals.popularity, model.signals.items.available
        best = popularity.top(LONG)
        counts = popularity.counts[LONG, best]
        ordered = best[(-counts).argsort(kind="stable")].tolist()
        self._order = [item for item in ordered if available[item]]
        self._ranks = {item: rank for rank, item in enumerate(self._order)}
        self._left = LOOK_EVERY
