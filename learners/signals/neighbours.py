"""Which items go together: windowed co-visitation and next-item transitions, in bounded rows.

Each item keeps a row of at most `width` other items and for each two counts and a weight:

- `TOGETHER`: both in one user's recent window, in any order, less the farther apart;
- `NEXT`: the other came after this one, a few steps at most, or at the very same time;
- `ITEM_WEIGHT`: what the other gains, in score, by this one being among the user's recent items.
  It is learnt from each choice, and corrects what the counts get wrong (a sparse linear
  model of items by items, as in Ning and Karypis, 2011, "SLIM: sparse linear methods for
  top-n recommender systems", here with the listwise loss of the preference learner, by
  AdaGrad: Duchi, Hazan and Singer, 2011); `STEEPNESS` is its sum of squared gradients.

A row is a set-associative table: an item has its place in one group of eight slots, by
its number, so that finding it costs the same in a long row. Where all eight are taken,
the weakest makes room, as in the Space-Saving sketch (Metwally, Agrawal and El Abbadi,
2005, "Efficient computation of frequent and top-k elements in data streams"), except
that the newcomer starts from nothing. Counts fade by forward decay, as in
`learners.signals.popularity`. Item-based neighbours over a recent window: Sarwar et al., 2001,
"Item-based collaborative filtering recommendation algorithms"; Jannach and Ludewig,
2017, "When recurrent neural networks meet the neighborhood for session-based
recommendation".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learners.arrays import grown
from learners.signals.neighbour_kernels import (
    TOGETHER,
    WAYS,
    Numbers,
    add,
    amend,
    less,
    one_more,
    put,
)

COUNTS = 2
CHANNELS = 4
_REBASE_AFTER = 60.0  # half-lives; float32 reaches 2**127
_LONGEST = 126.0  # half-lives without a count, after which all is as good as forgotten


class Neighbours:
    """Bounded rows of neighbours; `row_of[item]` is the row of an item, -1 where it has none.

    `ids` (rows, width) int32, -1 where empty; `counts` (channels, rows, width) float32, the first
    two in units of `unit(position)`, which was 1 at `base`; `users` (rows, width) uint8, how many
    users took both near each other (low four bits), and the other right after the owner (high
    four). `width` is rounded up to a multiple of eight. With `channels` of 2 there are no
    item-to-item weights.
    """

    def __init__(self, width: int, half_life: float, channels: int = CHANNELS) -> None:
        self.groups = -(-width // WAYS)
        self.width = self.groups * WAYS
        self.half_life = half_life
        self.base = 0
        self.rows = 0
        self.row_of = np.full(0, -1, np.int32)
        self.ids = np.full((0, self.width), -1, np.int32)
        self.counts = np.zeros((channels, 0, self.width), np.float32)
        self.users = np.zeros((0, self.width), np.uint8)

    def make_room(self, items: int) -> None:
        """Make room for item numbers below `items`."""
        self.row_of = grown(self.row_of, items, -1)

    def learn(
        self,
        item: int,
        others: Numbers,
        gaps: NDArray[np.float64],
        counted: NDArray[np.float64],
        position: int,
        says: int = 0,
    ) -> bool:
        """Count that `item` came at `position` after `others` (n,), which are distinct.

        `gaps` (n,) float64 are how many steps lie between, -1 for items of the same step, and
        `counted` (n,) float64 what each pair counts as; `says` tells what users are counted by
        (`learners.signals.neighbour_kernels`). True says that all counts were rebased, so that all
        of them changed.
        """
        if not len(others):
            return False
        rebased = self._rebase(position)
        items = np.concatenate((np.array([item], np.int32), others))
        rows, units = self._rows(items), self.unit(position) * counted.astype(np.float32)
        add(self.ids, self.counts, self.users, rows, items, gaps, units, says)
        return rebased

    def learn_one_way(
        self,
        owner: int,
        item: int,
        position: int,
        *,
        is_new: bool = False,
        counted: float = 1.0,
    ) -> bool:
        """Count `item`, as `counted`, in the row of `owner` alone. True as above.

        `is_new`: for one more user.
        """
        rebased = self._rebase(position)
        row = self._row(owner)
        place = put(self.ids, self.counts, self.users, row, item)
        self.counts[TOGETHER, row, place] += self.unit(position) * np.float32(counted)
        if is_new:
            one_more(self.users, row, place, False)
        return rebased

    def unlearn(
        self,
        item: int,
        others: Numbers,
        gaps: NDArray[np.float64],
        counted: NDArray[np.float64],
        position: int,
        cleared: NDArray[np.float64],
    ) -> None:
        """Take back what `learn` counted when it was called with the same.

        `cleared` (items,) is up to which position the row of an item was emptied since.
        """
        self._amend(item, others, gaps, -counted, position, cleared)

    def put_back(
        self,
        item: int,
        others: Numbers,
        gaps: NDArray[np.float64],
        counted: NDArray[np.float64],
        position: int,
        cleared: NDArray[np.float64],
    ) -> None:
        """Count late what came at `position`, in the rows that were not emptied since.

        Where a row is full it pushes out only what is weaker.
        """
        self._amend(item, others, gaps, counted, position, cleared)

    def _amend(
        self,
        item: int,
        others: Numbers,
        gaps: NDArray[np.float64],
        counted: NDArray[np.float64],
        position: int,
        cleared: NDArray[np.float64],
    ) -> None:
        items = np.concatenate((np.array([item], np.int32), others))
        rows = self._rows(items) if counted[0] > 0.0 else self.row_of[items]
        rows = np.where(cleared[items] < position, rows, -1).astype(np.int32)
        units = self.unit(position) * counted.astype(np.float32)
        amend(self.ids, self.counts, self.users, rows, items, gaps, units)

    def unlearn_one_way(self, owner: int, item: int, position: int, counted: float = 1.0) -> None:
        """Take back what `learn_one_way` counted when it was called with the same."""
        row, unit = self.row_of[owner], self.unit(position) * np.float32(counted)
        less(self.ids, self.counts, self.users, row, item, unit, np.float32(0.0))

    def unit(self, position: int) -> np.float32:
        """Return what one count of weight 1 adds at `position`; divide by it to read a count."""
        return np.float32(2.0 ** min((position - self.base) / self.half_life, _LONGEST))

    def forget(self, item: int) -> None:
        """Empty the row of an item."""
        row = self.row_of[item] if item < len(self.row_of) else -1
        if row >= 0:
            self.ids[row] = -1
            self.counts[:, row] = 0.0
            self.users[row] = 0

    def row_out(self, item: int) -> tuple[Numbers, Numbers, NDArray[np.float32]] | None:
        """Return the slots in use (n,), their ids (n,) and counts (c, n); None without a row."""
        row = int(self.row_of[item])
        if row < 0:
            return None
        ids = self.ids[row]
        used = np.flatnonzero(ids >= 0)
        return used.astype(np.int32), ids.take(used), self.counts[:, row].take(used, axis=1)

    def users_out(self, item: int) -> bytes:
        """Return what `users` holds for the slots in use, in the order of `row_out`."""
        row = int(self.row_of[item])
        return self.users[row][self.ids[row] >= 0].tobytes() if row >= 0 else b""

    def row_in(self, item: int, used: Numbers, ids: Numbers, counts: NDArray[np.float32]) -> None:
        """Put back what `row_out` gave."""
        row = self._row(item)
        self.ids[row, used] = ids
        self.counts[:, row, used] = counts

    def users_in(self, item: int, users: bytes) -> None:
        """Put back, after its row, what `users_out` gave; nothing where no users were counted."""
        if users:
            row = int(self.row_of[item])
            self.users[row, self.ids[row] >= 0] = np.frombuffer(users, np.uint8)

    def _rebase(self, position: int) -> bool:
        if position - self.base < _REBASE_AFTER * self.half_life:
            return False
        self.counts[:COUNTS] /= self.unit(position)
        self.base = position
        return True

    def _row(self, item: int) -> int:
        row = int(self.row_of[item])
        return row if row >= 0 else int(self._rows(np.array([item], np.int32))[0])

    def _rows(self, items: Numbers) -> NDArray[np.int32]:
        """Return the row of each item, made where it has none."""
        rows = self.row_of[items]
        if (rows < 0).any():
            missing = items[rows < 0]
            self._make_rows(self.rows + len(missing))
            self.row_of[missing] = np.arange(self.rows, self.rows + len(missing))
            self.rows += len(missing)
            rows = self.row_of[items]
        return rows

    def _make_rows(self, rows: int) -> None:
        if rows <= len(self.ids):
            return
        self.ids = grown(self.ids, rows, -1)
        counts = np.zeros((len(self.counts), *self.ids.shape), np.float32)
        counts[:, : self.rows] = self.counts[:, : self.rows]
        self.counts = counts
        self.users = grown(self.users, rows)
