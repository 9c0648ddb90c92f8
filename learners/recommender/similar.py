"""Items like an item: those that users take together with it, and those near to it in meaning.

The two are lists of their own, and are merged by their places
(`learners.online_model.queries.fusion`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.online_model.queries.fusion import fused
from learners.online_model.queries.item_lists import together_with
from learners.signals.tables import Signals


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
    orders = [sorted(found, key=lambda each: (-found[each], each)) for found in (together, meaning)]
    has = signals.semantic.has
    return [
        SimilarItem(
            signals.items.ids[other],
            signals.items.title(other),
            round(score, 6),
            round(together.get(other, 0.0), 6),
            round(_cosine(signals, item, other), 6) if has[item] and has[other] else None,
        )
        for other, score in fused(orders)[:k]
    ]


def _together(signals: Signals, item: int, position: int) -> dict[int, float]:
    """Return the cosines of counts with the items that are counted together with an item."""
    ids, cosines = together_with(signals, item, position)
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
