"""Which items go together: windowed co-visitation and next-item transitions, in bounded rows.

Each item keeps a row of at most `width` other items and two counts for each:

- `TOGETHER`: both in one user's recent window, in any order, less the farther apart;
- `NEXT`: the other came after this one, a few steps at most.

When a row is full, the weakest neighbour makes room, as in the Space-Saving sketch
(Metwally, Agrawal and El Abbadi, 2005, "Efficient computation of frequent and top-k
elements in data streams"), except that the newcomer starts from nothing. Counts fade
by forward decay, as in `learners.popularity`. Item-based neighbours over a recent
window: Sarwar et al., 2001, "Item-based collaborative filtering recommendation
algorithms"; Jannach and Ludewig, 2017, "When recurrent neural networks meet the
neighborhood for session-based recommendation".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learners.growth import grown

TOGETHER, NEXT = 0, 1
CHANNELS = 2
_TOGETHER_REACH = 10.0
_NEXT_REACH = 2.0
_REBASE_AFTER = 60.0  # half-lives; float32 reaches 2**127

Numbers = NDArray[np.int32]


class Neighbours:
    """Bounded rows of neighbours; `row_of[item]` is the row of an item, -1 where it has none.

    `ids` (rows, width) int32, -1 where empty; `used` (rows,) slots are filled, from the left;
    `counts` (2, rows, width) float32, in units
    of `unit(position)`; `base` is the position at which the unit was 1.
    """

    def __init__(self, width: int, window: int, half_life: float) -> None:
        self.width = width
        self.half_life = half_life
        gaps = np.arange(window)
        self._together = np.exp(-gaps / _TOGETHER_REACH).astype(np.float32)
        self._next = np.exp(-gaps / _NEXT_REACH).astype(np.float32)
        self.rows = 0
        self.row_of = np.full(0, -1, np.int32)
        self.ids = np.full((0, width), -1, np.int32)
        self.counts = np.zeros((CHANNELS, 0, width), np.float32)
        self.used = np.zeros(0, np.int32)
        self.base = 0

    def make_room(self, items: int) -> None:
        """Make room for item numbers below `items`."""
        self.row_of = grown(self.row_of, items, -1)

    def learn(self, item: int, recent: Numbers, position: int) -> bool:
        """Count that `item` came after `recent` (distinct others, newest first) at `position`.

        True says that all counts were rebased, so that all of them changed.
        """
        n = len(recent)
        if not n:
            return False
        rebased = self._rebase(position)
        unit = self.unit(position)
        together, following = self._together[:n] * unit, self._next[:n] * unit
        rows = self._rows(recent)
        own = int(self._rows(np.array([item], np.int32))[0])
        slots = self._slots_of_one(rows, item)
        self.counts[TOGETHER, rows, slots] += together
        self.counts[NEXT, rows, slots] += following
        slots = self._slots_of_many(own, recent)
        self.counts[TOGETHER, own, slots] += together
        return rebased

    def unit(self, position: int) -> np.float32:
        """Give what one count of weight 1 adds at `position`; divide by it to read a count."""
        return np.float32(2.0 ** ((position - self.base) / self.half_life))

    def forget(self, item: int) -> None:
        """Empty the row of an item."""
        row = self.row_of[item] if item < len(self.row_of) else -1
        if row >= 0:
            self.ids[row] = -1
            self.counts[:, row] = 0.0
            self.used[row] = 0

    def row_out(self, item: int) -> tuple[NDArray[np.int32], NDArray[np.float32]] | None:
        """Give ids `(n,)` and counts `(2, n)` of an item's row; None where it has none."""
        row = int(self.row_of[item])
        if row < 0:
            return None
        used = int(self.used[row])
        return self.ids[row, :used], self.counts[:, row, :used]

    def row_in(self, item: int, ids: NDArray[np.int32], counts: NDArray[np.float32]) -> None:
        """Put back what `row_out` gave."""
        row = self._rows(np.array([item], np.int32))[0]
        self.used[row] = len(ids)
        self.ids[row, : len(ids)] = ids
        self.counts[:, row, : len(ids)] = counts

    def _rebase(self, position: int) -> bool:
        if position - self.base < _REBASE_AFTER * self.half_life:
            return False
        self.counts /= self.unit(position)
        self.base = position
        return True

    def _rows(self, items: Numbers) -> NDArray[np.int32]:
        rows = self.row_of[items]
        missing = items[rows < 0]
        if len(missing):
            self._make_rows(self.rows + len(missing))
            self.row_of[missing] = np.arange(self.rows, self.rows + len(missing))
            self.rows += len(missing)
            rows = self.row_of[items]
        return rows

    def _make_rows(self, rows: int) -> None:
        if rows <= len(self.ids):
            return
        self.ids = grown(self.ids, rows, -1)
        self.used = grown(self.used, rows)
        counts = np.zeros((CHANNELS, *self.ids.shape), np.float32)
        counts[:, : self.rows] = self.counts[:, : self.rows]
        self.counts = counts

    def _slots_of_one(self, rows: NDArray[np.int32], item: int) -> NDArray[np.intp]:
        """Give the slot of `item` in each of `rows`, made where it is missing."""
        equal = self.ids[rows] == item
        slots = equal.argmax(axis=1)
        missing = np.flatnonzero(~equal[np.arange(len(rows)), slots])
        if len(missing):
            which = rows[missing]
            slots[missing] = free = self._free(which)
            self.ids[which, free] = item
            self.counts[:, which, free] = 0.0
        return slots

    def _slots_of_many(self, row: int, items: Numbers) -> NDArray[np.intp]:
        """Give the slot of each of `items` in one row, made where it is missing."""
        equal = self.ids[row] == items[:, None]
        slots = equal.argmax(axis=1)
        found = equal[np.arange(len(items)), slots]
        missing = np.flatnonzero(~found)
        if len(missing):
            kept = slots[found]
            slots[missing] = free = self._free_of_row(row, len(missing), kept)
            self.ids[row, free] = items[missing]
            self.counts[:, row, free] = 0.0
        return slots

    def _free(self, rows: NDArray[np.int32]) -> NDArray[np.intp]:
        """Give one slot in each row: the next empty one, or else the weakest."""
        used = self.used[rows]
        free = used.astype(np.intp)
        full = np.flatnonzero(used >= self.width)
        if len(full):
            free[full] = self._strength(rows[full]).argmin(axis=1)
        self.used[rows] = np.minimum(used + 1, self.width)
        return free

    def _free_of_row(self, row: int, n: int, kept: NDArray[np.intp]) -> NDArray[np.intp]:
        """Give `n` slots of one row: empty ones first, then the weakest that are not `kept`."""
        used = int(self.used[row])
        empty = np.arange(used, min(used + n, self.width))
        self.used[row] = used + len(empty)
        if len(empty) == n:
            return empty
        strength = self._strength(np.array([row], np.int32))[0]
        strength[kept] = np.inf
        strength[empty] = np.inf
        return np.concatenate((empty, np.argsort(strength, kind="stable")[: n - len(empty)]))

    def _strength(self, rows: NDArray[np.int32]) -> NDArray[np.float32]:
        """Give what decides who makes room in a full row."""
        strength: NDArray[np.float32] = self.counts[NEXT, rows]
        strength *= 0.5
        strength += self.counts[TOGETHER, rows]
        return strength
