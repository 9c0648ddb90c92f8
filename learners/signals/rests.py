"""How long what was taken rests: the time until users take an item again, by kind of event.

A return is an event of a user with an item that they took before; it counts for the type of the
event before it, since what was bought rests otherwise than what was looked at. Anderson, Kumar,
Tomkins and Vassilvitskii (2014), "The dynamics of repeat consumption", find how long ago an item
was taken to tell most of whether it is taken again, and how long users leave an item alone to be
its own.

Moments are whole seconds in 32 bits, from 1970 to 2106, few enough to be kept beside every item
that every user has. Gaps are counted in bins of a quarter of an octave, so that any share of them
can be read off, and what is taken back is subtracted as it was added.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.signals.undo import NEVER, NO_RETURN
from learners.signals.window import PAUSE

KINDS = 64
"""Of so many types of events, the first that are met, it is learnt how long their items rest."""
BINS = 112
OCTAVE = 4
"""So many bins are a factor of two."""
_EDGES = [2.0 ** (step / OCTAVE) for step in range(BINS - 1)]  # seconds, up to some six years
_LEAST = 20  # events of a kind, before it is said to rest
_SOON = 0.01  # of a kind that rests, at most this share came back within half an hour,
_EARLY = 0.0002  # and at most this one before the rest was over
_SEEN = 0.02  # of the time for which that could be seen, a rest is at most
_HALF_HOUR = bisect.bisect_right(_EDGES, PAUSE)
_PRIOR = 5.0
_LATEST = 2**32 - 2

Numbers = NDArray[np.int32]


def moment(ts: float) -> int:
    """Return a time (seconds since 1970) as it is kept; `NEVER` is before all of them."""
    return int(min(max(math.floor(ts), 0), _LATEST)) + 1 + NEVER if math.isfinite(ts) else NEVER


def seconds(kept: int) -> float:
    """Return the time (seconds since 1970) of a moment."""
    return float(kept - NEVER - 1)


class LastTaken(NamedTuple):
    """When a user took an item last (seconds), and the hash of that event's type."""

    ts: float
    kind: int


class Rests:
    """What is counted of each kind of event, by its row, and of each item.

    `takings` (kinds,) int64 are the events with an item, `returns` (kinds, bins) int64 those that
    came after one of that kind, by the time between. `sums` (2, items) int64 are the bins of an
    item's returns, added up, and how many there were. `is_learnt`: what was learnt is applied.
    """

    def __init__(self, *, is_learnt: bool = True) -> None:
        self.is_learnt = is_learnt
        self.rows: dict[int, int] = {}
        self.takings = np.zeros(KINDS, np.int64)
        self.returns = np.zeros((KINDS, BINS), np.int64)
        self.sums = np.zeros((2, 0), np.int64)
        self._first = np.zeros(KINDS)
        self._newest = 0.0

    @property
    def has_returns(self) -> bool:
        """Whether anything that is still counted was taken again."""
        return bool(self.returns[: len(self.rows)].any())

    def make_room(self, items: int) -> None:
        """Make room for item numbers below `items`."""
        have = self.sums.shape[1]
        if items > have:
            self.sums = np.pad(self.sums, ((0, 0), (0, max(items, 2 * have) - have)))

    def learn(self, item: int, kind: int, ts: float, last: LastTaken | None) -> int:
        """Count an event of a type (its hash) with an item; return which return it is counted as.

        `last` is when its user took the item before, None where they did not, or nobody knows.
        """
        self._newest = max(self._newest, ts) if self.rows else ts
        row = self.rows.get(kind, -1)
        if row < 0:
            row = self._new_row(kind, ts)
        if row >= 0:
            self.takings[row] += 1
        if last is None:
            return NO_RETURN
        returned = self.bin_of(last.kind, ts - last.ts)
        self.put_back(item, returned)
        return returned

    def bin_of(self, kind: int, gap: float) -> int:
        """Return as which return an event is counted that comes `gap` seconds after this kind."""
        row = self.rows.get(kind, -1)
        return NO_RETURN if row < 0 else row * BINS + bisect.bisect_right(_EDGES, abs(gap))

    def put_back(self, item: int, returned: int) -> None:
        """Count a return; of no item where that is -1."""
        self._add(item, returned, 1)

    def unlearn(self, item: int, returned: int) -> None:
        """Subtract a return; of no item where that is -1."""
        self._add(item, returned, -1)

    def untake(self, kind: int) -> None:
        """Count one event less of a type (its hash)."""
        row = self.rows.get(kind, -1)
        if row >= 0:
            self.takings[row] -= 1

    def length(self, kind: int) -> float:
        """Return for how many seconds rests what is taken by an event of this type (its hash).

        0 where more than one in 100 of such events was followed, within half an hour, by another
        with the same user and item. Else within that time no more than one in 5,000 was, and it is
        no more than a fiftieth of the time for which that could be seen.
        """
        row = self.rows.get(kind, -1)
        takings = 0.0 if row < 0 else float(self.takings[row])
        if takings < _LEAST:
            return 0.0
        back = np.cumsum(self.returns[row])
        if back[_HALF_HOUR] > _SOON * takings:
            return 0.0
        reached = int(np.searchsorted(back, _EARLY * takings, side="right"))
        longest = _EDGES[min(reached, len(_EDGES)) - 1] if reached else 0.0
        return max(min(longest, _SEEN * (self._newest - float(self._first[row]))), 0.0)

    def until(self, kind: int, ts: float, ruled: float | None) -> int:
        """Return until which moment what is taken at `ts` rests: as is ruled (seconds), or learnt.

        `NEVER` where it does not.
        """
        learnt = self.length(kind) if self.is_learnt and ruled is None else 0.0
        length = learnt if ruled is None else ruled
        return moment(ts + length) if length > 0.0 else NEVER

    def usual(self, items: Numbers, kinds: Numbers) -> NDArray[np.float64]:
        """Return the time (n,), in bins, after which items are usually taken again.

        `items` (n,) were taken by events of the types `kinds` (n,) (hashes). It is the mean of the
        item's own returns, held to that of the kind by five of these; of a kind after which nothing
        was taken again, to that of all.
        """
        met = self.returns[: len(self.rows)]
        counts, totals = met.sum(axis=1), met @ np.arange(BINS)
        overall = totals.sum() / max(int(counts.sum()), 1)
        means = np.where(counts > 0, totals / np.maximum(counts, 1), overall)
        rows = [self.rows.get(kind, -1) for kind in kinds.tolist()]
        of_kind = np.append(means, overall)[rows]
        usual: NDArray[np.float64] = (self.sums[0, items] + _PRIOR * of_kind) / (
            self.sums[1, items] + _PRIOR
        )
        return usual

    def forget(self, item: int) -> None:
        """Forget when an item was taken again."""
        self.sums[:, item] = 0

    def state(self) -> dict[str, Any]:
        """Return what is counted of all items."""
        kinds = len(self.rows)
        return {
            "kinds": list(self.rows),
            "takings": self.takings[:kinds],
            "returns": self.returns[:kinds],
            "first": self._first[:kinds],
            "newest": self._newest,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned; the sums come with the items."""
        kinds = len(state["kinds"])
        self.rows = {kind: row for row, kind in enumerate(state["kinds"])}
        self.takings[:kinds], self.returns[:kinds] = state["takings"], state["returns"]
        self._first[:kinds], self._newest = state["first"], state["newest"]

    def _new_row(self, kind: int, ts: float) -> int:
        """Return a row for a type of events that is met first at `ts`, -1: there is no room."""
        if len(self.rows) >= KINDS:
            return -1
        row = self.rows[kind] = len(self.rows)
        self._first[row] = ts
        return row

    def _add(self, item: int, returned: int, sign: int) -> None:
        if returned == NO_RETURN:
            return
        kind, bin_ = divmod(returned, BINS)
        self.returns[kind, bin_] += sign
        if item >= 0:
            self.sums[:, item] += (sign * bin_, sign)
