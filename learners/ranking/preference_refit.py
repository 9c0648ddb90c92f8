"""Weights of the network that ranks, for other columns than they were learnt with.

Columns that stay keep all that was learnt; new ones start with nothing, so that the scores are
what they were until there is something to learn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FLAT = ("weights", "averaged", "mean_gradient", "mean_square")


def refitted(
    state: Mapping[str, Any], before: Sequence[str], columns: Sequence[str], hidden: int
) -> Mapping[str, Any]:
    """Return a state of the preference learner, learnt with the columns `before`, for others.

    One with another hidden layer is given back as it is.
    """
    fits = len(before) * hidden + 2 * hidden + len(before) == len(state["weights"])
    if list(before) == list(columns) or not fits:
        return state
    pairs = [(new, before.index(name)) for new, name in enumerate(columns) if name in before]
    places = np.array(pairs, np.intp).reshape(-1, 2)
    made = {name: _flat(state[name], places, len(before), len(columns), hidden) for name in _FLAT}
    made["mean"] = _moved(state["mean"], places, len(columns), 0.0)
    made["variance"] = _moved(state["variance"], places, len(columns), 1.0)
    return {**state, **made}


def _flat(
    flat: NDArray[np.float32], places: NDArray[np.intp], before: int, features: int, hidden: int
) -> NDArray[np.float32]:
    """Refit inner (f, h), bias (h,), outer (h,) and direct (f,), one after the other."""
    inner = before * hidden
    rows = _moved(flat[:inner].reshape(before, hidden), places, features, 0.0)
    middle = flat[inner : inner + 2 * hidden]
    direct = _moved(flat[inner + 2 * hidden :], places, features, 0.0)
    return np.concatenate((rows.ravel(), middle, direct))


def _moved(array: NDArray[Any], places: NDArray[np.intp], rows: int, fill: float) -> NDArray[Any]:
    """Return so many rows: from `places` (n, 2), each new one and its old one, else filled."""
    moved = np.full((rows, *array.shape[1:]), fill, array.dtype)
    moved[places[:, 0]] = array[places[:, 1]]
    return moved
