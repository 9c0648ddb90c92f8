"""Which of a user's recent items points most strongly to each listed one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learners.arrays import compiled
from learners.ranking.candidates import Rows
from learners.signals.neighbours import NEXT, TOGETHER
from learners.signals.tables import Signals


def pointers(
    signals: Signals, listed: NDArray[np.int32], rows: Rows, recent: NDArray[np.int32]
) -> dict[str, list[int]]:
    """Return, by kind of signal, the recent item (n,) that points to each; -1 where none does."""
    neighbours, semantic = signals.neighbours, signals.semantic
    sources, near_sources, slot = recent[rows.places], recent[rows.near_places], signals.slot
    together, following = neighbours.counts[TOGETHER], neighbours.counts[NEXT]
    return {
        "together": strongest(
            neighbours.ids, together, rows.numbers, sources, listed, slot
        ).tolist(),
        "follows": strongest(
            neighbours.ids, following, rows.numbers, sources, listed, slot
        ).tolist(),
        "meaning": strongest(
            semantic.near, semantic.cosines, rows.near_numbers, near_sources, listed, slot
        ).tolist(),
    }


@compiled
def strongest(
    ids: NDArray[np.int32],
    strength: NDArray[np.float32],
    rows: NDArray[np.int32],
    sources: NDArray[np.int32],
    listed: NDArray[np.int32],
    slot: NDArray[np.intp],
) -> NDArray[np.int32]:
    """Return, for each listed item, whose of the rows names it with the highest strength above 0.

    Of equals the first row wins. `slot` holds -1 everywhere, before and after.
    """
    for place in range(listed.size):
        slot[listed[place]] = place
    found = np.full(listed.size, -1, np.int32)
    best = np.zeros(listed.size, np.float32)
    for step in range(rows.size):
        row = rows[step]
        for column in range(ids.shape[1]):
            place = slot[ids[row, column]]
            if place >= 0 and strength[row, column] > best[place]:
                best[place] = strength[row, column]
                found[place] = sources[step]
    slot[listed] = -1
    return found
