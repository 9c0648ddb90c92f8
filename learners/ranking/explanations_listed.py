"""The places of a list: items by name, with their scores and why each is there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from learners.ranking.candidates import Rows
from learners.ranking.context import Context
from learners.ranking.context_block import CandidateBatch
from learners.ranking.explanations import reasons_for, strongest_groups
from learners.ranking.explanations_pointers import pointers
from learners.signals.tables import Signals
from learners.types_lists import Entry

Scores = NDArray[np.float32]


def entries(
    signals: Signals,
    score: Callable[[Scores], Scores],
    batch: CandidateBatch,
    rows: Rows,
    context: Context,
    best: NDArray[np.intp],
    scores: Scores,
) -> tuple[Entry, ...]:
    """Name the places `best` (k,) of a batch, whose candidates have these `scores` (n,).

    `score` gives what rows of scaled features are worth, so as to tell what carried each.
    """
    if not len(best):
        return ()
    why = strongest_groups(batch.scaled, best, score, batch.item_weights)
    ids = batch.ids[best]
    pointing = pointers(signals, ids, rows, context.recent)
    shown = zip(ids.tolist(), scores[best].tolist(), why, strict=True)
    return tuple(
        Entry(
            signals.items.ids[number],
            round(worth, 6),
            reasons_for(
                signals.items,
                context,
                number,
                {g: pointing[g][place] if g in pointing else -1 for g in groups},
            ),
        )
        for place, (number, worth, groups) in enumerate(shown)
    )
