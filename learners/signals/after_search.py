"""What was taken after searches: in the row of the item nearest to the words of a search.

Under another encoder another item is nearest to the same words. So for each row the words of
its newest search are kept: where those lead then, the row's counts go.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from learners.arrays import compiled
from learners.signals.neighbour_kernels import TOGETHER, Numbers, Users, find
from learners.signals.neighbours import COUNTS, Neighbours

WIDTH = 128
"""Items that are remembered as taken after searches with the same nearest item."""
_LONGEST = 200  # characters of the words that are kept of a row
_NOTHING = np.zeros(0, np.int32)


class AfterSearch(Neighbours):
    """Counts of what was taken after searches, in the rows of the items nearest to them (hubs).

    `words[hub]` is what the vector of the newest search that led there was made of, cut.
    """

    def __init__(self, half_life: float) -> None:
        super().__init__(WIDTH, half_life, COUNTS)
        self.words: dict[int, str] = {}

    def row(self, hub: int) -> int:
        """Return the row of a hub, -1 where it has none."""
        return -1 if hub < 0 else int(self.row_of[hub])

    def taken(self, hub: int) -> Numbers:
        """Return the items (n,) that were taken after searches with this hub."""
        row = self.row(hub)
        return _NOTHING if row < 0 else self.ids[row][self.ids[row] >= 0]

    def note(self, hub: int, words: str | None) -> bool:
        """Keep the words of a search that leads to `hub`; True where they are not those known."""
        if not words or self.words.get(hub) == words[:_LONGEST]:
            return False
        self.words[hub] = words[:_LONGEST]
        return True

    def forget(self, item: int) -> None:
        """Empty the row of an item, and forget the words that led there."""
        super().forget(item)
        self.words.pop(item, None)

    def move(self, hubs: Mapping[int, int]) -> set[int]:
        """Put the counts of rows into those of other hubs; return the items whose records changed.

        `hubs` maps old ones to new ones; the counts of those that it lacks stay. Where rows meet
        counts add up; in a full group of slots a stronger one takes the place of the weakest,
        whose count is lost.
        """
        before = {owner: int(self.row_of[owner]) for owner in self._owners()}
        ids, counts, users, words = self.ids, self.counts, self.users, self.words
        self.words = {}
        for hub in sorted(words):  # in an order that a restart does not change
            self.words.setdefault(hubs.get(hub, hub), words[hub])
        self.row_of = np.full_like(self.row_of, -1)
        self.rows = 0
        self.ids, self.counts = np.full_like(ids, -1), np.zeros_like(counts)
        self.users = np.zeros_like(users)
        for owner, row in before.items():
            into = self._row(hubs.get(owner, owner))
            theirs = ids[row], counts[:, row], users[row]
            merge(self.ids, self.counts, self.users, into, *theirs)
        return {*before, *words, *self.words, *self._owners()}

    def _owners(self) -> list[int]:
        owners: list[int] = np.flatnonzero(self.row_of >= 0).tolist()
        return owners


@compiled
def merge(
    ids: Numbers,
    counts: NDArray[np.float32],
    users: Users,
    row: int,
    others: Numbers,
    theirs: NDArray[np.float32],
    their_users: Users,
) -> None:
    """Add the counts `theirs` (c, width) of items `others` (width,), -1 where empty, to a row.

    In a full group of slots a stronger one takes the place of the weakest. Users of both may be
    the same people: the larger number holds.
    """
    for column in range(others.size):
        item = others[column]
        if item < 0:
            continue
        place, least = find(ids, counts, row, item)
        if ids[row, place] == item:
            counts[:, row, place] += theirs[:, column]
            users[row, place] = max(users[row, place], their_users[column])
        elif theirs[TOGETHER, column] > least:
            ids[row, place] = item
            counts[:, row, place] = theirs[:, column]
            users[row, place] = their_users[column]
