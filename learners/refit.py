"""Weights of the network that ranks, for more or fewer columns than they were learnt with.

Columns come and go at the end only. Those that stay keep all that was learnt; new ones start
with nothing, so that the scores are what they were until there is something to learn.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FLAT = ("weights", "averaged", "mean_gradient", "mean_square")


def refitted(state: Mapping[str, Any], features: int, hidden: int) -> dict[str, Any]:
    """Give a state of the preference learner for so many columns."""
    before = len(state["mean"])
    made = {name: _flat(state[name], before, features, hidden) for name in _FLAT}
    made["mean"] = _grown(state["mean"], features, 0.0)
    made["variance"] = _grown(state["variance"], features, 1.0)
    return {**state, **made}


def _flat(
    flat: NDArray[np.float32], before: int, features: int, hidden: int
) -> NDArray[np.float32]:
    """Refit inner (f, h), bias (h,), outer (h,) and direct (f,), one after the other."""
    inner = before * hidden
    rows = _grown(flat[:inner].reshape(before, hidden), features, 0.0)
    middle = flat[inner : inner + 2 * hidden]
    direct = _grown(flat[inner + 2 * hidden :], features, 0.0)
    return np.concatenate((rows.ravel(), middle, direct))


def _grown(array: NDArray[Any], rows: int, fill: float) -> NDArray[Any]:
    """Cut to so many rows, or fill up to them."""
    grown = np.full((rows, *array.shape[1:]), fill, array.dtype)
    grown[: len(array)] = array[:rows]
    return grown
