"""Items like an item: those that users take together with it, and those near to it in meaning.

The two are lists of their own, and are merged by their places alone, which asks for no scale that
both share: reciprocal rank fusion (Cormack, Clarke and Buettcher, 2009, "Reciprocal rank fusion
outperforms Condorcet and individual rank learning methods"), with its constant of 60.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.signals.neighbour_kernels import TOGETHER
from learners.signals.popularity import TOTAL
from learners.signals.tables import Signals

_CONSTANT = 60.0


class SimilarItem(NamedTuple):
    """An item like another. `score` is by its places in both lists, and orders them.

    `together` is how often the two were taken near each other as against how often each was: the
    cosine of counts, which fade; 0 for never, about 1 for always, more where both come again and
    again. `meaning` is the cosine of their texts, None where one has none.
    """

    item_id: str
    title: str
    score: float
    together: float
    meaning: float | None


def similar_items(signals: Signals, item: int, k: int, position: int) -> list[SimilarItem]:
    """Return the `k` items most like the one of this number, best first, ties by number.

    Fewer where fewer are known to be like it. Items that are not available are left out.
    """
    together, meaning = _together(signals, item, position), _meaning(signals, item)
    scores: dict[int, float] = {}
    for found in (together, meaning):
        for place, other in enumerate(sorted(found, key=lambda each: (-found[each], each))):
            scores[other] = scores.get(other, 0.0) + 1.0 / (_CONSTANT + place + 1)
    best = sorted(scores, key=lambda other: (-scores[other], other))[:k]
    has = signals.semantic.has
    return [
        SimilarItem(
            signals.items.ids[other],
            signals.items.title(other),
            round(scores[other], 6),
            round(together.get(other, 0.0), 6),
            round(_cosine(signals, item, other), 6) if has[item] and has[other] else None,
        )
        for other in best
    ]


def _together(signals: Signals, item: int, position: int) -> dict[int, float]:
    """Return the cosines of counts with the items that are counted together with an item."""
    row = signals.neighbours.row_out(item)
    if row is None:
        return {}
    _, ids, counts = row
    popularity, at = signals.popularity, max(position, 0)
    totals, scale = popularity.counts[TOTAL], popularity.scale(TOTAL, at)
    sizes = totals[ids] * totals[item] * scale**2
    pairs = counts[TOGETHER] / signals.neighbours.unit(at)
    cosines = pairs / np.sqrt(np.maximum(sizes, 1e-12))
    return _listable(signals, item, ids, cosines)


def _meaning(signals: Signals, item: int) -> dict[int, float]:
    """Return the cosines with the items whose texts are nearest to that of an item."""
    semantic = signals.semantic
    if not semantic.has[item]:
        return {}
    vector = semantic.vectors[item]
    ids = semantic.nearest(vector)
    return _listable(signals, item, ids, semantic.nearness(ids, vector))


def _cosine(signals: Signals, item: int, other: int) -> float:
    vectors = signals.semantic.vectors
    return float(vectors[item] @ vectors[other])


def _listable(
    signals: Signals, item: int, ids: NDArray[np.int32], figures: NDArray[np.floating]
) -> dict[int, float]:
    """Return the figures above 0 of the items that may be listed, less the item itself."""
    found = zip(ids.tolist(), figures.tolist(), strict=True)
    blocked = signals.blocked
    return {
        other: each for other, each in found if each > 0 and other != item and not blocked[other]
    }
