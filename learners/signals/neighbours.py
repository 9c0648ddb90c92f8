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

from learners.arrays import compiled, grown

TOGETHER, NEXT, ITEM_WEIGHT, STEEPNESS = 0, 1, 2, 3
COUNTS = 2
CHANNELS = 4
WAYS = 8
_TOGETHER_REACH = 10.0
_NEXT_REACH = 0.8
_REBASE_AFTER = 60.0  # half-lives; float32 reaches 2**127
_GENTLE = np.float32(0.1)  # where the sums of squared gradients start
_LEAST_SLOPE = np.float32(2e-3)
_NOTHING_LEFT = np.float32(1e-5)  # of what was taken off a count: rounding, not a count
_LONGEST = 126.0  # half-lives without a count, after which all is as good as forgotten

Numbers = NDArray[np.int32]


class Neighbours:
    """Bounded rows of neighbours; `row_of[item]` is the row of an item, -1 where it has none.

    `ids` (rows, width) int32, -1 where empty; `counts` (channels, rows, width) float32, the first
    two in units of `unit(position)`; `base` is the position at which the unit was 1. `width` is
    rounded up to a multiple of eight. With `channels` of 2 there are no item-to-item weights.
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

    def make_room(self, items: int) -> None:
        """Make room for item numbers below `items`."""
        self.row_of = grown(self.row_of, items, -1)

    def learn(self, item: int, others: Numbers, gaps: NDArray[np.float64], position: int) -> bool:
        """Count that `item` came at `position` after `others` (n,), which are distinct.

        `gaps` (n,) float64 are how many steps lie between, -1 for items of the same step. True
        says that all counts were rebased, so that all of them changed.
        """
        if not len(others):
            return False
        rebased = self._rebase(position)
        own, rows = self._row(item), self._rows(others)
        add(self.ids, self.counts, own, rows, item, others, gaps, self.unit(position))
        return rebased

    def learn_one_way(self, owner: int, item: int, position: int) -> bool:
        """Count `item` in the row of `owner` alone. True as from `learn`."""
        rebased = self._rebase(position)
        row = self._row(owner)
        place = put(self.ids, self.counts, row, item)
        self.counts[TOGETHER, row, place] += self.unit(position)
        return rebased

    def unlearn(
        self,
        item: int,
        others: Numbers,
        gaps: NDArray[np.float64],
        position: int,
        cleared: NDArray[np.float64],
    ) -> None:
        """Take back what `learn` counted when it was called with the same.

        `cleared` (items,) is up to which position the row of an item was emptied since.
        """
        self._amend(item, others, gaps, position, cleared, adds=False)

    def put_back(
        self,
        item: int,
        others: Numbers,
        gaps: NDArray[np.float64],
        position: int,
        cleared: NDArray[np.float64],
    ) -> None:
        """Count late what came at `position`, in the rows that were not emptied since.

        Where a row is full it pushes out only what is weaker.
        """
        self._amend(item, others, gaps, position, cleared, adds=True)

    def _amend(
        self,
        item: int,
        others: Numbers,
        gaps: NDArray[np.float64],
        position: int,
        cleared: NDArray[np.float64],
        *,
        adds: bool,
    ) -> None:
        items = np.concatenate((np.array([item], np.int32), others))
        rows = self._rows(items) if adds else self.row_of[items]
        rows = np.where(cleared[items] < position, rows, -1).astype(np.int32)
        unit = self.unit(position) if adds else -self.unit(position)
        amend(self.ids, self.counts, rows[0], rows[1:], item, others, gaps, unit)

    def unlearn_one_way(self, owner: int, item: int, position: int) -> None:
        """Take back what `learn_one_way` counted when it was called with the same."""
        less(self.ids, self.counts, self.row_of[owner], item, self.unit(position), np.float32(0.0))

    def unit(self, position: int) -> np.float32:
        """Return what one count of weight 1 adds at `position`; divide by it to read a count."""
        return np.float32(2.0 ** min((position - self.base) / self.half_life, _LONGEST))

    def forget(self, item: int) -> None:
        """Empty the row of an item."""
        row = self.row_of[item] if item < len(self.row_of) else -1
        if row >= 0:
            self.ids[row] = -1
            self.counts[:, row] = 0.0

    def row_out(self, item: int) -> tuple[Numbers, Numbers, NDArray[np.float32]] | None:
        """Return the slots in use (n,), their ids (n,) and counts (c, n); None without a row."""
        row = int(self.row_of[item])
        if row < 0:
            return None
        ids = self.ids[row]
        used = np.flatnonzero(ids >= 0)
        return used.astype(np.int32), ids.take(used), self.counts[:, row].take(used, axis=1)

    def row_in(self, item: int, used: Numbers, ids: Numbers, counts: NDArray[np.float32]) -> None:
        """Put back what `row_out` gave."""
        row = self._row(item)
        self.ids[row, used] = ids
        self.counts[:, row, used] = counts

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


@compiled
def add(
    ids: Numbers,
    counts: NDArray[np.float32],
    own: int,
    rows: Numbers,
    item: int,
    others: Numbers,
    gaps: NDArray[np.float64],
    unit: np.float32,
) -> None:
    """Count `item`, whose row is `own`, as after `others` (n,), whose rows are `rows`.

    They go together with it as it does with them, but do not come next, unless they are of the
    same step (a gap of -1), which has no order. `gaps` (n,) are the steps between, `unit` is what
    a count of 1 adds.
    """
    for pair in range(rows.size):
        row = rows[pair]
        together, following = worth(gaps[pair], unit)
        place = put(ids, counts, row, item)
        counts[TOGETHER, row, place] += together
        counts[NEXT, row, place] += following
        place = put(ids, counts, own, others[pair])
        counts[TOGETHER, own, place] += together
        if gaps[pair] < 0.0:
            counts[NEXT, own, place] += following


@compiled
def worth(gap: float, unit: np.float32) -> tuple[np.float32, np.float32]:
    """Return what a pair counts as together and as following, so many steps apart."""
    far = np.maximum(gap, 0.0)
    together = np.float32(np.exp(-far / _TOGETHER_REACH)) * unit
    return together, np.float32(np.exp(-far / _NEXT_REACH)) * unit


@compiled
def amend(
    ids: Numbers,
    counts: NDArray[np.float32],
    own: int,
    rows: Numbers,
    item: int,
    others: Numbers,
    gaps: NDArray[np.float64],
    unit: np.float32,
) -> None:
    """Count as `add` does, but late; with a `unit` below 0 take back what it counted.

    Rows of -1 are left alone. What is counted late pushes out only what is weaker.
    """
    for pair in range(rows.size):
        together, following = worth(gaps[pair], abs(unit))
        back = following if gaps[pair] < 0.0 else np.float32(0.0)
        if unit < 0.0:
            less(ids, counts, rows[pair], item, together, following)
            less(ids, counts, own, others[pair], together, back)
        else:
            more(ids, counts, rows[pair], item, together, following)
            more(ids, counts, own, others[pair], together, back)


@compiled
def more(
    ids: Numbers,
    counts: NDArray[np.float32],
    row: int,
    item: int,
    together: np.float32,
    following: np.float32,
) -> None:
    """Put so much on the counts of an item in a row (-1: none), if it has or wins a slot."""
    if row < 0:
        return
    place, least = find(ids, counts, row, item)
    if ids[row, place] != item:
        if together + np.float32(0.5) * following <= least:
            return
        ids[row, place] = item
        counts[:, row, place] = 0.0
    counts[TOGETHER, row, place] += np.float32(together)
    counts[NEXT, row, place] += np.float32(following)


@compiled
def less(
    ids: Numbers,
    counts: NDArray[np.float32],
    row: int,
    item: int,
    together: np.float32,
    following: np.float32,
) -> None:
    """Subtract from the counts of an item in a row (-1: none); at nothing its slot is empty."""
    if row < 0:
        return
    place, _ = find(ids, counts, row, item)
    if ids[row, place] != item:
        return
    off = ((TOGETHER, np.float32(together)), (NEXT, np.float32(following)))
    for channel, amount in off:
        left = counts[channel, row, place] - amount
        counts[channel, row, place] = left if left > _NOTHING_LEFT * amount else 0.0
    if counts[TOGETHER, row, place] == 0.0:
        ids[row, place] = -1
        counts[:, row, place] = 0.0


@compiled
def put(ids: Numbers, counts: NDArray[np.float32], row: int, item: int) -> int:
    """Return the slot of an item in a row; one that has none takes an empty or the weakest one."""
    place, _ = find(ids, counts, row, item)
    if ids[row, place] != item:
        ids[row, place] = item
        counts[:, row, place] = 0.0
    return place


@compiled
def find(ids: Numbers, counts: NDArray[np.float32], row: int, item: int) -> tuple[int, np.float32]:
    """Return the slot of an item in a row, else an empty or the weakest one, and how strong it is.

    An empty one has a strength of -1.
    """
    start = item % (ids.shape[1] // WAYS) * WAYS
    place: int = start
    least = np.float32(np.inf)
    for slot in range(start, start + WAYS):
        strength = np.float32(-1.0)
        if ids[row, slot] >= 0:
            strength = counts[TOGETHER, row, slot] + np.float32(0.5) * counts[NEXT, row, slot]
        if ids[row, slot] == item:
            return slot, strength
        if strength < least:
            place, least = slot, strength
    return place, least


@compiled
def learn_item_weights(
    ids: Numbers,
    counts: NDArray[np.float32],
    rows: Numbers,
    reach: NDArray[np.float32],
    items: Numbers,
    slope: NDArray[np.float32],
    rate: float,
    slot: NDArray[np.intp],
) -> None:
    """Take one AdaGrad step for the weights of `rows` (r,) on `items` (n,).

    `slope` (n,) is the gradient of the loss by the items' scores, `reach` (r,) what each
    row weighs in them; items with next to no slope are left out. `slot`
    holds -1 everywhere, before and after.
    """
    for place in range(items.size):
        if abs(slope[place]) > _LEAST_SLOPE:
            slot[items[place]] = place
    pace = np.float32(rate)
    for step in range(rows.size):
        row, share = rows[step], reach[step]
        for column in range(ids.shape[1]):
            place = slot[ids[row, column]]
            if place < 0:
                continue
            gradient = share * slope[place]
            counts[STEEPNESS, row, column] += gradient * gradient
            root = np.sqrt(_GENTLE + counts[STEEPNESS, row, column])
            counts[ITEM_WEIGHT, row, column] -= pace * gradient / root
    slot[items] = -1
