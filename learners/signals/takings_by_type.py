"""How often each item was taken by events of some types, and when first and last.

Nothing is ranked by it: it has no columns and names no candidates. It is counted as a signal
(`learners.signals.signal`), so that an event which is taken back, an item that is removed and a
state that is restored are looked after as for all that is counted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learners.arrays import grown
from learners.signals.signal import Signal, Taking
from learners.signals.undo import hash32

Floats = NDArray[np.float64]
NEVER = np.nan


class TakingsByType(Signal):
    """`counts` (types, room) int64; `first` and `last` (room,) float64, NaN where nobody took it.

    Times are those of events, in seconds since 1970; `now` is the newest of all (NaN: none). An
    event that is taken back leaves them as they are, but for an item that nobody took any more.

    Arguments:
        types: those whose events are counted one by one; times are of events of any type.
    """

    name = "takings_by_type"
    about = "how often items were taken, by type of event; for leaderboards alone"

    def __init__(self, types: Collection[str]) -> None:
        self._rows = {hash32(kind): row for row, kind in enumerate(sorted(set(types)))}
        self.counts = np.zeros((len(self._rows) + 1, 0), np.int64)  # the last row: of any type
        self.first, self.last = np.zeros(0), np.zeros(0)
        self.now = NEVER

    def of(self, kind: str, items: NDArray[np.int32]) -> Floats:
        """Return how often items (n,) were taken by events of one of the types."""
        counts: Floats = self.counts[self._rows[hash32(kind)], items].astype(np.float64)
        return counts

    def make_room(self, items: int) -> None:
        """Make room for item numbers below `items`."""
        self.counts = np.ascontiguousarray(grown(self.counts.T, items).T)
        self.first, self.last = grown(self.first, items, NEVER), grown(self.last, items, NEVER)

    def count(self, taking: Taking) -> None:
        """Count an interaction."""
        item, ts = taking.item, taking.ts
        self._add(taking, 1)
        self.first[item] = np.fmin(self.first[item], ts)
        self.last[item] = np.fmax(self.last[item], ts)
        self.now = float(np.fmax(self.now, ts))

    def uncount(self, taking: Taking) -> None:
        """Take back what `count` counted when it was called with the same."""
        self._add(taking, -1)
        if self.counts[-1, taking.item] <= 0:
            self.forget(taking.item)

    def forget(self, item: int) -> None:
        """Forget an item that was removed."""
        self.counts[:, item] = 0
        self.first[item] = self.last[item] = NEVER

    def state(self) -> Mapping[str, Any]:
        """Return the newest time of all."""
        return {"now": self.now}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore it."""
        self.now = float(state["now"])

    def item_state(self, item: int) -> Any:
        """Return the counts of an item by the hashes of their types, and its times."""
        if not self.counts[-1, item]:
            return None
        counted = [
            [kind, int(self.counts[row, item])]
            for kind, row in self._rows.items()
            if self.counts[row, item]
        ]
        total = int(self.counts[-1, item])
        return [counted, total, float(self.first[item]), float(self.last[item])]

    def restore_item(self, item: int, state: Any) -> None:
        """Restore them; of a type that is counted no more nothing is kept."""
        counted, total, self.first[item], self.last[item] = state
        self.counts[-1, item] = total
        for kind, count in counted:
            if kind in self._rows:
                self.counts[self._rows[kind], item] = count

    def _add(self, taking: Taking, by: int) -> None:
        row = self._rows.get(taking.kind)
        if row is not None:
            self.counts[row, taking.item] += by
        self.counts[-1, taking.item] += by
