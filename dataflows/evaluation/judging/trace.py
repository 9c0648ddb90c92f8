"""What the recommender was judged on, in machine numbers: the log that baselines are run over.

The judge writes it while the recommender is replayed. A trace holds every learnt
interaction, also those that were not scored, so that a baseline meets exactly what the
recommender met, in the same order and in the same groups.
"""

from __future__ import annotations

import math
from array import array
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NO_ITEM = -1
"""The row of an interaction without an item."""

UNSCORED = -1
"""In place of a scored row's number, for interactions that were only learnt."""


class Group(NamedTuple):
    """The events of one user at one time: what a baseline learns at once.

    Of the members only those with an item are here, in the order of the log: `items` holds
    their rows, int32 `(m,)`; rows are 0, 1, 2, ... by first appearance in the stream.
    `weights` is float32 `(m,)`; above 0 the item was wanted. `values` is float32 `(m,)`, such
    as a rating, NaN where there is none. `position` is the number of interactions before it.
    """

    user: int
    ts: float
    items: NDArray[np.int32]
    weights: NDArray[np.float32]
    values: NDArray[np.float32]
    position: int

    @property
    def wanted(self) -> NDArray[np.int32]:
        """The rows that count as wanted, int32 `(w,)`, in the order of the log."""
        return self.items[self.weights > 0.0]


class RankQuery(NamedTuple):
    """What a group asks of a baseline: the rank of each of `rows` among the first `seen` items."""

    seen: int
    rows: list[int]


class Trace:
    """Every learnt interaction of a replay, in groups. `len` is the number of groups."""

    def __init__(self) -> None:
        self._starts = array("q")
        self._users = array("i")
        self._times = array("d")
        self._seen = array("i")
        self._items = array("i")
        self._weights = array("f")
        self._values = array("f")
        self._scored = array("q")
        self._known = 0

    def __len__(self) -> int:
        return len(self._starts)

    @property
    def interactions(self) -> int:
        """How many interactions were learnt."""
        return len(self._items)

    def open(self, user: int, ts: float) -> None:
        """Begin the group of the user with this number, at `ts` seconds since the epoch."""
        self._starts.append(len(self._items))
        self._users.append(user)
        self._times.append(ts)
        self._seen.append(self._known)

    def add(self, row: int, weight: float, value: float | None, scored: int = UNSCORED) -> None:
        """Add an interaction to the newest group; `scored` is its number among the scored ones."""
        self._items.append(row)
        self._weights.append(weight)
        self._values.append(math.nan if value is None else value)
        self._scored.append(scored)
        self._known = max(self._known, row + 1)

    def rows(self) -> NDArray[np.int32]:
        """Return the item row of every interaction, int32 `(interactions,)`."""
        return np.array(self._items, dtype=np.int32)

    def scored_at(self) -> NDArray[np.int64]:
        """Return where among the interactions each scored event stands, int64 `(scored,)`."""
        return np.flatnonzero(np.array(self._scored, dtype=np.int64) != UNSCORED)

    def times(self) -> NDArray[np.float64]:
        """Return the time of every interaction in seconds since 1970, float64."""
        stops = np.array([*self._starts[1:], len(self._items)], dtype=np.int64)
        sizes: NDArray[np.int64] = stops - np.array(self._starts, dtype=np.int64)
        return np.repeat(np.array(self._times, dtype=np.float64), sizes)

    def group(self, number: int) -> Group:
        """Return what a baseline learns of the group with this number."""
        start, stop = self._span(number)
        items = np.array(self._items[start:stop], dtype=np.int32)
        weights = np.array(self._weights[start:stop], dtype=np.float32)
        values = np.array(self._values[start:stop], dtype=np.float32)
        has_item = items != NO_ITEM
        if not has_item.all():
            items, weights, values = items[has_item], weights[has_item], values[has_item]
        return Group(self._users[number], self._times[number], items, weights, values, start)

    def question(self, number: int) -> RankQuery:
        """Return what a baseline is asked before it learns the group."""
        start, stop = self._span(number)
        rows = [
            self._items[place] for place in range(start, stop) if self._scored[place] != UNSCORED
        ]
        return RankQuery(self._seen[number], rows)

    def _span(self, number: int) -> tuple[int, int]:
        last = number + 1 == len(self._starts)
        return self._starts[number], len(self._items) if last else self._starts[number + 1]
