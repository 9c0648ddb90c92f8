"""Which of a user's recent items points most strongly to each listed one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learners.candidates import Rows
from learners.signals import Signals


def pointers(
    signals: Signals, ids: NDArray[np.int32], rows: Rows, recent: NDArray[np.int32]
) -> dict[str, list[int]]:
    """Give, by kind of signal, the recent item (n,) that points to each; -1 where none does."""
    neighbours, meanings, slot = signals.neighbours, signals.meanings, signals.slot
    together, following = neighbours.counts[:, rows.numbers]
    named, near = neighbours.ids[rows.numbers], meanings.near[rows.near_numbers]
    cosines = meanings.cosines[rows.near_numbers]
    sources, near_sources = recent[rows.steps], recent[rows.near_steps]
    return {
        "together": _strongest(slot, ids, named, together, sources),
        "follows": _strongest(slot, ids, named, following, sources),
        "meaning": _strongest(slot, ids, near, cosines, near_sources),
    }


def _strongest(
    slot: NDArray[np.intp],
    ids: NDArray[np.int32],
    named: NDArray[np.int32],
    strength: NDArray[np.float32],
    sources: NDArray[np.int32],
) -> list[int]:
    n = len(ids)
    slot[ids] = np.arange(n)
    place = slot[named]
    slot[ids] = -1
    step, column = np.nonzero(place >= 0)
    best = np.zeros((n, len(sources) + 1), np.float32)
    best[place[step, column], step] = strength[step, column]
    named_by = np.append(sources, np.int32(-1))[best.argmax(axis=1)]
    strongest: list[int] = np.where(best.max(axis=1) > 0, named_by, -1).tolist()
    return strongest
