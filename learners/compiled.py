"""Loops over many small numbers, compiled: the few places where NumPy calls cost too much.

A compiled function is plain Python over arrays and numbers, so it can be read, and run
uncompiled as `function.py_func` to compare with. It is compiled at its first call and
kept beside its module, so later processes load it. Arithmetic stays IEEE and in the
order written (no fast-math), so results are the same wherever it runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a function for the types of its first call."""
    return cast("F", numba.njit(cache=True, error_model="numpy")(function))


@compiled
def place_of(numbers: NDArray[np.int32], wanted: int) -> int:
    """Give the first place of a number among others (n,), -1 where it is not there."""
    for place in range(numbers.size):
        if numbers[place] == wanted:
            return place
    return -1
