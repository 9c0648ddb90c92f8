"""Loops over many small numbers, compiled: the few places where NumPy calls cost too much.

A compiled function is plain Python over arrays and numbers, so it can be read, and run
uncompiled as `function.py_func` to compare with. It is compiled at its first call and
kept, so later processes load it: beside its module, or else in the user's cache folder, or
else where `keep_compiled_in` says, or else not at all. Arithmetic stays IEEE and in the
order written (no fast-math), so results are the same wherever it runs.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.core import config
from numba.core.caching import FunctionCache
from numpy.typing import NDArray

F = TypeVar("F", bound=Callable[..., object])

_log = logging.getLogger(__name__)
_unkept: list[Any] = []
"""Functions for which no folder was found that may be written."""


def compiled(function: F) -> F:
    """Compile a function for the types of its first call."""
    made = numba.njit(error_model="numpy")(function)
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


class _Kept(FunctionCache):
    """A file for each function; what cannot be written (a full disk) is not kept, and used."""

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
