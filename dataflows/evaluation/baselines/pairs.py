"""How often pairs of items went together: a sparse matrix that grows event by event.

Each row is a small hash table of its own in one pool, so a row costs what it holds, and
adding up a few rows touches little else. Exact: nothing is dropped.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learners.arrays import compiled, grown

Rows = NDArray[np.int64]
Amounts = NDArray[np.float64]
Keys = NDArray[np.int32]

_EMPTY = -1
_LEAST = 8
_TOO_LARGE = 2.0**500


class PairCounts:
    """Counts of ordered pairs (row, column), decayed by a half-life in units of `step`.

    Instead of shrinking every count, each later one weighs more; only the proportions of
    what the methods give have a meaning.
    """

    def __init__(self, half_life: float | None = None) -> None:
        self._growth = 1.0 if half_life is None else 2.0 ** (1.0 / half_life)
        self._unit = 1.0
        self._starts = np.zeros(1024, dtype=np.int64)
        self._rooms = np.zeros(1024, dtype=np.int64)
        self._sizes = np.zeros(1024, dtype=np.int64)
        self._totals = np.zeros(1024)
        self._keys = np.full(1 << 14, _EMPTY, dtype=np.int32)
        self._values = np.zeros(1 << 14)
        self._used = 0

    def step(self) -> None:
        """Age all counts by one event."""
        self._unit *= self._growth
        if self._unit > _TOO_LARGE:
            self._values /= self._unit
            self._totals /= self._unit
            self._unit = 1.0

    def add(self, rows: Rows, columns: Rows, amounts: Amounts) -> None:
        """Add amounts `(n,)` to the pairs of `rows` and `columns`, both int64 `(n,)`."""
        if not len(rows):
            return
        amounts = amounts * self._unit
        self._make_rows(int(rows.max()) + 1)
        np.add.at(self._totals, rows, amounts)
        done = 0
        while True:
            done = _insert(
                *(self._keys, self._values, self._starts, self._rooms, self._sizes),
                *(rows, columns, amounts, done),
            )
            if done == len(rows):
                return
            self._widen(int(rows[done]))

    def add_up(self, rows: Rows, weights: Amounts, columns: int) -> Amounts:
        """Add up `rows` `(n,)`, each times its weight, over the first columns; `(columns,)`."""
        total = np.zeros(columns)
        known = rows < len(self._starts)
        _accumulate(
            *(self._keys, self._values, self._starts, self._rooms),
            *(rows[known], weights[known] / self._unit, total),
        )
        return total

    def totals(self, rows: int) -> Amounts:
        """Return what each of the first rows adds up to, `(rows,)`."""
        self._make_rows(rows)
        return self._totals[:rows] / self._unit

    def _make_rows(self, count: int) -> None:
        self._starts = grown(self._starts, count)
        self._rooms = grown(self._rooms, count)
        self._sizes = grown(self._sizes, count)
        self._totals = grown(self._totals, count)

    def _widen(self, row: int) -> None:
        """Move a row to twice the room, at the end of the pool."""
        room = max(_LEAST, 2 * int(self._rooms[row]))
        self._keys = grown(self._keys, self._used + room, _EMPTY)
        self._values = grown(self._values, self._used + room)
        _move(self._keys, self._values, self._starts[row], self._rooms[row], self._used, room)
        self._starts[row], self._rooms[row] = self._used, room
        self._used += room


@compiled
def _slot(keys: Keys, start: int, room: int, key: int) -> int:
    """Find where a key is, or would be, in the row from `start`; `room` is a power of two."""
    at = (key * 0x9E3779B1 >> 12) & (room - 1)
    while keys[start + at] != _EMPTY and keys[start + at] != key:
        at = (at + 1) & (room - 1)
    return start + at


@compiled
def _insert(  # noqa: PLR0913, PLR0917 - arrays cross into compiled code one by one
    keys: Keys,
    values: Amounts,
    starts: Rows,
    rooms: Rows,
    sizes: Rows,
    rows: Rows,
    columns: Rows,
    amounts: Amounts,
    done: int,
) -> int:
    """Add from pair `done` on; return the first pair whose row is too full, or their number."""
    for pair in range(done, len(rows)):
        row = rows[pair]
        if sizes[row] * 4 >= rooms[row] * 3:
            return pair
        slot = _slot(keys, starts[row], rooms[row], columns[pair])
        if keys[slot] == _EMPTY:
            keys[slot] = columns[pair]
            sizes[row] += 1
        values[slot] += amounts[pair]
    return len(rows)


@compiled
def _move(keys: Keys, values: Amounts, old: int, old_room: int, new: int, room: int) -> None:
    """Copy a row into its new, empty room."""
    for place in range(old, old + old_room):
        if keys[place] != _EMPTY:
            slot = _slot(keys, new, room, keys[place])
            keys[slot] = keys[place]
            values[slot] = values[place]


@compiled
def _accumulate(
    keys: Keys,
    values: Amounts,
    starts: Rows,
    rooms: Rows,
    rows: Rows,
    weights: Amounts,
    total: Amounts,
) -> None:
    """Add each row times its weight to the total, as far as that reaches."""
    for place in range(len(rows)):
        start = starts[rows[place]]
        for slot in range(start, start + rooms[rows[place]]):
            if _EMPTY < keys[slot] < len(total):
                total[keys[slot]] += weights[place] * values[slot]
