"""Why an item is in a list: the signals without which it would score least.

The score of each listed item is computed again with one group of signals at a time set
to its average over the user's candidates. What the score loses is what that group gave
(the occlusion of Zeiler and Fergus, 2014, "Visualizing and understanding convolutional
networks"). What of that may be said, and in which words, `learners.ranking.claims` decides.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from learners.ranking.answers_first import is_asked, led
from learners.ranking.candidates import Rows
from learners.ranking.claims import Claims
from learners.ranking.columns import SIGNALS, ColumnLayout
from learners.ranking.context import CandidateBatch, Context
from learners.ranking.features import layout_of
from learners.signals.tables import Signals
from learners.types import Entry
from learners.users.user import User

Scores = NDArray[np.float32]

_TOGETHER = SIGNALS.index("together")


def strongest_groups(
    scaled: NDArray[np.float32],
    best: NDArray[np.intp],
    score: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    item_weights: NDArray[np.float32],
    columns: ColumnLayout,
) -> list[list[str]]:
    """Return, for each row of `best`, the groups that gave it most, strongest first.

    `scaled` (n, features) are all candidates' rows, `item_weights` (n,) is what their scores gain
    by the user's recent items beside them; it counts as of "together". `columns` tells whose each
    feature is. Only such groups are
    named as raised the score.
    """
    gave = effects(scaled, best, score, item_weights, columns)
    order = np.argsort(-gave, axis=0, kind="stable").T
    named, raised = np.array(columns.groups, object)[order].tolist(), (gave > 0).sum(axis=0)
    return [groups[:most] for groups, most in zip(named, raised.tolist(), strict=True)]


def effects(
    scaled: NDArray[np.float32],
    best: NDArray[np.intp],
    score: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    item_weights: NDArray[np.float32],
    columns: ColumnLayout,
) -> NDArray[np.float32]:
    """Return what each group gave to the score of each row of `best`, `(groups, len(best))`.

    Groups are in their order. What a group took away is negative; one without columns gives 0.
    """
    rows = scaled[best]
    # Sums by a product with a constant row are several times faster than along an axis.
    average = np.full(len(scaled), 1.0 / len(scaled), np.float32) @ scaled
    hidden = np.where(columns.members, average, rows)
    without = score(hidden.reshape(-1, rows.shape[1])).reshape(len(hidden), len(best))
    gave: NDArray[np.float32] = score(rows) - without
    gave[~columns.members.any(axis=(1, 2))] = 0.0
    gave[_TOGETHER] += item_weights[best] - item_weights.mean()
    return gave


def entries(
    signals: Signals,
    score: Callable[[Scores], Scores],
    batch: CandidateBatch,
    rows: Rows,
    context: Context,
    best: NDArray[np.intp],
    scores: Scores,
    user: User,
) -> tuple[Entry, ...]:
    """Name the places `best` (k,) of a batch, whose candidates have these `scores` (n,).

    `score` gives what rows of scaled features are worth, so as to tell what carried each. `user`
    is whose list it is.
    """
    if not len(best):
        return ()
    why = strongest_groups(batch.scaled, best, score, batch.item_weights, layout_of(signals))
    ids = batch.ids[best]
    if signals.searching and is_asked(batch.raw):
        learnt = score(batch.scaled[best]) + batch.item_weights[best]
        for place in led(scores[best], learnt):
            why[place] = ["search", *why[place]]
    reasons = Claims(signals, context, user, rows, ids).reasons(why)
    shown = zip(ids.tolist(), scores[best].tolist(), reasons, strict=True)
    item_ids, titles = signals.items.ids, signals.items.titles
    return tuple(
        [
            Entry(
                item_ids[number],
                round(worth, 6),
                said,
                title=titles[number] or item_ids[number],
            )
            for number, worth, said in shown
        ]
    )
