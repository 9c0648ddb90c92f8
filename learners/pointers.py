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
    together, following = signals.neighbours.counts[:, rows.numbers]
    sources, near_sources = recent[rows.steps], recent[rows.near_steps]
    return {
        "together": _strongest(signals.slot, ids, rows.together, together, sources),
        "follows": _strongest(signals.slot, ids, rows.together, following, sources),
        "meaning": _strongest(signals.slot, ids, rows.near, rows.cosines, near_sources),
    }


def _strongest(
    slot: NDArray[np.intp],
    ids: NDArray[np.int32],
    named: NDArray[np.int32],
    strength: NDArray[np.float32],
    sources: NDArray[np.int32],
) -> list[int]:
    n = len(ids)
    slot[named] = n
    slot[ids] = np.arange(n)
    place = slot[named]
    step, column = np.nonzero(place < n)
    best = np.zeros((n, len(sources) + 1), np.float32)
    best[place[step, column], step] = strength[step, column]
    named_by = np.append(sources, np.int32(-1))[best.argmax(axis=1)]
    strongest: list[int] = np.where(best.max(axis=1) > 0, named_by, -1).tolist()
    return strongest
