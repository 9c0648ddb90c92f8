"""Items like an item: those that users take together with it, and those near to it in meaning.

The two are lists of their own, and are merged by their places
(`learners.online_model.queries.fusion`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from learners.online_model.queries.fusion import fused
from learners.online_model.queries.item_lists import NOTHING, Figures, best_of, together_with
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
    found = _others_near(signals, item), together_with(signals, item, position)
    meaning, together = (best_of(signals, each, len(each.items), None) for each in found)
    cosines = dict(zip(together.items.tolist(), together.figures.tolist(), strict=True))
    orders = [each.items.tolist() for each in (together, meaning)]
    has = signals.semantic.has
    return [
        SimilarItem(
            signals.items.ids[other],
            signals.items.title(other),
            round(score, 6),
            round(cosines.get(other, 0.0), 6),
            round(_cosine(signals, item, other), 6) if has[item] and has[other] else None,
        )
        for other, score in fused(orders)[:k]
    ]


def _others_near(signals: Signals, item: int) -> Figures:
    """Return the items whose texts are nearest to that of an item, with the cosines."""
    semantic = signals.semantic
    if not semantic.has[item]:
        return NOTHING
    vector = semantic.vectors[item]
    ids = semantic.nearest(vector)
    cosines, others = semantic.nearness(ids, vector), ids != item
    return Figures(ids[others], cosines[others].astype(np.float64))


def _cosine(signals: Signals, item: int, other: int) -> float:
    vectors = signals.semantic.vectors
    return float(vectors[item] @ vectors[other])
