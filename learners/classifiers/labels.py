"""The labels a learner knows: a bounded table of names, how often and how lately each was seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class Labels:
    """At most `limit` labels, each in a slot of its own.

    A label that is new when the table is full takes the slot of the one that was
    seen least recently. `names[slot]` is the label; slots are handed out in order.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.names: list[str] = []
        self._slots: dict[str, int] = {}
        self._counts = np.zeros(0)
        self._seen = np.zeros(0, dtype=np.int64)
        self.clock = 0

    def __len__(self) -> int:
        return len(self.names)

    def slot(self, label: str) -> int | None:
        """Return the slot of a label, or None where it is not known. Changes nothing."""
        return self._slots.get(label)

    def see(self, label: str, weight: float) -> tuple[int, bool]:
        """Count a label once with this weight; return its slot, and whether it is new there."""
        slot = self._slots.get(label)
        fresh = slot is None
        if slot is None:
            slot = self._place(label)
        self._counts[slot] += weight
        self._seen[slot] = self.clock
        self.clock += 1
        return slot, fresh

    def known(self, label: str) -> int:
        """Return the slot of a label. Raises KeyError where it is not known."""
        slot = self._slots.get(label)
        if slot is None:
            raise KeyError(f"there is no label {label!r} among the {len(self)} that are known")
        return slot

    def rename(self, old: str, new: str) -> None:
        """Call a label by another name. Raises KeyError for an unknown one, ValueError for `new`.

        The new name must not be empty or that of another label.
        """
        slot = self.known(old)
        if not new or (new in self._slots and new != old):
            why = "is known already; merge the two" if new else "is no name"
            raise ValueError(f"{old!r} cannot be called {new!r}: that {why}")
        names = [*self.names]
        names[slot] = new
        self._take(names)

    def merge(self, gone: int, kept: int) -> float:
        """Add the count of one slot to another's and drop it; return its share of both."""
        both = float(self._counts[gone] + self._counts[kept])
        share = float(self._counts[gone]) / both if both > 0 else 0.5
        self._counts[kept] = both
        self._seen[kept] = max(self._seen[gone], self._seen[kept])
        self.remove(gone)
        return share

    def remove(self, slot: int) -> None:
        """Drop a slot; those behind it move up."""
        self._counts = np.delete(self._counts, slot)
        self._seen = np.delete(self._seen, slot)
        self._take([name for place, name in enumerate(self.names) if place != slot])

    def _take(self, names: list[str]) -> None:
        # A list of its own: whoever holds the old one sees that it is another.
        self.names = names
        self._slots = {name: slot for slot, name in enumerate(names)}

    def _place(self, label: str) -> int:
        if len(self.names) < self.limit:
            slot = len(self.names)
            self.names.append(label)
            self._counts = np.append(self._counts, 0.0)
            self._seen = np.append(self._seen, np.int64(self.clock))
        else:
            slot = int(np.argmin(self._seen))
            del self._slots[self.names[slot]]
            self.names[slot] = label
            self._counts[slot] = 0.0
        self._slots[label] = slot
        return slot

    @property
    def counts(self) -> NDArray[np.float64]:
        """How often each label was seen `(n,)`, by weight and faded. Do not change it."""
        return self._counts

    def frequencies(self) -> NDArray[np.float64]:
        """Return P(label) `(n,)` from the counts alone, with one pseudo-count each; sums to 1."""
        counts = self._counts + 1.0
        share: NDArray[np.float64] = counts / counts.sum() if len(counts) else counts
        return share

    def fade(self, factor: float) -> None:
        """Multiply all counts by this factor, so that old ones weigh less."""
        self._counts *= factor

    def state(self) -> dict[str, object]:
        """Return the table as plain values and copies of its arrays."""
        return {
            "limit": self.limit,
            "names": list(self.names),
            "counts": self._counts.copy(),
            "seen": self._seen.copy(),
            "clock": self.clock,
        }

    @classmethod
    def restored(
        cls,
        limit: int,
        names: Sequence[str],
        counts: NDArray[np.float64],
        seen: NDArray[np.int64],
        clock: int,
    ) -> Labels:
        """Build the table from what `state` gave."""
        labels = cls(limit)
        labels.names = list(names)
        labels._slots = {name: slot for slot, name in enumerate(names)}
        labels._counts = counts.copy()
        labels._seen = seen.copy()
        labels.clock = clock
        return labels
