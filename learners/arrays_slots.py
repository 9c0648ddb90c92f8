"""Arrays with one row a label: they grow, lose a row and are written together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
FIRST_ROWS = 8


class Slots:
    """Named arrays whose first axis is the slot of a label; at most `limit` rows.

    `blanks` gives the row that a new label begins with, by name. Rows beyond those in use
    are there so that growing is rare; what they hold means nothing.
    """

    def __init__(self, limit: int, blanks: Mapping[str, Array]) -> None:
        self.limit = limit
        self._blanks = {name: np.asarray(blank) for name, blank in blanks.items()}
        self._arrays = {name: _rows(0, blank) for name, blank in self._blanks.items()}

    def __getitem__(self, name: str) -> Array:
        """Return an array, rows beyond those in use included."""
        return self._arrays[name]

    def clear(self, slot: int) -> None:
        """Make the row of a label as new, where need be one past the last."""
        for name, blank in self._blanks.items():
            array = self._arrays[name]
            if slot >= len(array):
                wider = _rows(min(max(FIRST_ROWS, 2 * slot), self.limit), blank)
                wider[: len(array)] = array
                self._arrays[name] = array = wider
            array[slot] = blank

    def remove(self, slot: int) -> None:
        """Drop a row; those behind it move up."""
        for name, array in self._arrays.items():
            self._arrays[name] = np.delete(array, slot, axis=0)

    def replace(self, blanks: Mapping[str, Array], arrays: Mapping[str, Array]) -> None:
        """Replace the arrays by others, whose rows have the shapes of these blanks."""
        self._blanks = {name: np.asarray(blank) for name, blank in blanks.items()}
        self._arrays = {
            name: np.array(arrays[name], dtype=blank.dtype, order="C")
            for name, blank in self._blanks.items()
        }

    def state(self, n: int) -> dict[str, Array]:
        """Return copies of the first `n` rows."""
        return {name: array[:n].copy() for name, array in self._arrays.items()}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Restore, bit for bit, what `state` returned."""
        self.replace(self._blanks, state)


class LabelRows:
    """What is kept of labels in `Slots`. `_take` is called whenever their arrays are other ones."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._take()

    def clear(self, slot: int) -> None:
        """Make the row of a label as new."""
        self._slots.clear(slot)
        self._take()

    def remove(self, slot: int) -> None:
        """Drop a row; those behind it move up."""
        self._slots.remove(slot)
        self._take()

    def state(self, n: int) -> dict[str, Array]:
        """Return copies of the first `n` rows."""
        return self._slots.state(n)

    def restore(self, state: Mapping[str, Array]) -> None:
        """Restore, bit for bit, what `state` returned."""
        self._slots.restore(state)
        self._take()

    def _take(self) -> None:
        """Take up the arrays that a subclass keeps at hand."""


def _rows(n: int, blank: Array) -> Array:
    rows: Array = np.empty((n, *blank.shape), blank.dtype)
    rows[:] = blank
    return rows
