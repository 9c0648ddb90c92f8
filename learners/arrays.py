"""Arrays: loops over them that are compiled, growth by doubling, rows that come and go.

Compiled are loops over many small numbers, the few places where NumPy calls cost too much.
A compiled function is plain Python over arrays and numbers, so it can be read, and run
uncompiled as `function.py_func` to compare with. It is compiled at its first call and
kept, so later processes load it: beside its module, or else in the user's cache folder, or
else where `keep_compiled_in` says, or else not at all. Arithmetic stays IEEE and in the
order written (no fast-math), so results are the same wherever it runs.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.core import config
from numba.core.caching import FunctionCache
from numpy.typing import NDArray

F = TypeVar("F", bound=Callable[..., object])
Array = NDArray[Any]

FIRST_ROWS = 8

_log = logging.getLogger(__name__)
_made: list[Any] = []
"""All functions that are compiled."""

_unkept: list[Any] = []
"""Functions for which no folder was found that may be written."""


def compiled(function: F) -> F:
    """Compile a function for the types of its first call."""
    made = numba.njit(error_model="numpy")(function)
    _made.append(made)
    if not _keep(made):
        _unkept.append(made)
    return cast("F", made)


def keep_compiled_in(folder: Path) -> bool:
    """Keep in `folder` what is compiled, where no other place for it may be written.

    Returns whether all is kept now. It is made where it is missing and needed, for its owner alone:
    what lies there is loaded and run.
    """
    if not _unkept:
        return True
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        _log.warning("compiled loops cannot be kept (%s): each start compiles them anew", error)
        return False
    # For modules that are yet to be imported, too.
    config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
    _unkept[:] = [made for made in _unkept if not _keep(made)]
    if _unkept:
        _log.warning("compiled loops cannot be kept in %s: each start compiles them anew", folder)
    return not _unkept


def kept_share() -> float:
    """Return the share of the functions imported so far that an earlier process left compiled."""
    return sum(_is_kept(made) for made in _made) / len(_made)


def keeps_compiled() -> bool:
    """Return whether there is a folder for all that is compiled."""
    return not _unkept


def _is_kept(made: Any) -> bool:
    return isinstance(made._cache, _Kept) and made._cache.holds_any()  # noqa: SLF001


class _Kept(FunctionCache):
    """A file for each function; what cannot be written (a full disk) is not kept, and used."""

    def holds_any(self) -> bool:
        """Return whether there is something for this version of the function and of numba."""
        try:
            return bool(self._cache_file._load_index())  # type: ignore[no-untyped-call]  # noqa: SLF001
        except Exception:  # noqa: BLE001 - a damaged file, which is written anew
            return False

    def save_overload(self, signature: object, made: object) -> None:
        try:
            super().save_overload(signature, made)  # type: ignore[no-untyped-call]
        except OSError as error:
            _log.warning("a compiled loop cannot be kept: %s", error)


def _keep(made: Any) -> bool:
    """Prepare a function to be kept; return whether there is a folder for it."""
    is_named = bool(getattr(config, "CACHE_DIR", ""))
    if not is_named and not os.path.isabs(os.path.expanduser("~")):  # noqa: PTH117, PTH111
        return False  # numba would make a folder named "~" where we are
    try:
        # As its own `enable_caching` does.
        made._cache = _Kept(made.py_func)  # type: ignore[no-untyped-call]  # noqa: SLF001
    except RuntimeError:  # "no locator available"
        return False
    return True


@compiled
def place_of(numbers: NDArray[np.int32], wanted: int) -> int:
    """Return the first place of a number among others (n,), -1 where it is not there."""
    for place in range(numbers.size):
        if numbers[place] == wanted:
            return place
    return -1


def grown(array: Array, rows: int, fill: float = 0.0) -> Array:
    """Return `array`, or a copy with room for at least `rows` rows, new ones set to `fill`."""
    have = len(array)
    if rows <= have:
        return array
    wider = np.full((max(rows, 2 * have, 64), *array.shape[1:]), fill, array.dtype)
    wider[:have] = array
    return wider


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
