"""Why an item is in a list: the signals without which it would score least.

The score of each listed item is computed again with one group of signals at a time set
to its average over the user's candidates. What the score loses is what that group gave
(the occlusion of Zeiler and Fergus, 2014, "Visualizing and understanding convolutional
networks"). What of that may be said, and in which words, `learners.ranking.claims` decides.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learners.arrays import compiled
from learners.ranking.answers_first import is_asked, led
from learners.ranking.candidates import Rows
from learners.ranking.claims import Claims
from learners.ranking.columns import SIGNALS, ColumnLayout
from learners.ranking.context import CandidateBatch, Context
from learners.ranking.features import layout_of
from learners.ranking.preference_learner import PreferenceLearner
from learners.signals.tables import Signals
from learners.types import Entry
from learners.users.user import User

Scores = NDArray[np.float32]

_TOGETHER = SIGNALS.index("together")


def strongest_groups(
    scaled: NDArray[np.float32],
    best: NDArray[np.intp],
    preference: PreferenceLearner,
    item_weights: NDArray[np.float32],
    columns: ColumnLayout,
) -> list[list[str]]:
    """Return, for each row of `best`, the groups that gave it most, strongest first.

    `scaled` (n, features) are all candidates' rows, `item_weights` (n,) is what their scores gain
    by the user's recent items beside them; it counts as of "together". `columns` tells whose each
    feature is. Only such groups are
    named as raised the score.
    """
    gave = effects(scaled, best, preference, item_weights, columns)
    order, name = np.argsort(-gave.T, kind="stable").tolist(), columns.groups.__getitem__
    raised = (gave > 0.0).sum(axis=0).tolist()
    return [list(map(name, places[:most])) for places, most in zip(order, raised, strict=True)]


def effects(
    scaled: NDArray[np.float32],
    best: NDArray[np.intp],
    preference: PreferenceLearner,
    item_weights: NDArray[np.float32],
    columns: ColumnLayout,
) -> NDArray[np.float32]:
    """Return what each group gave to the score of each row of `best`, `(groups, len(best))`.

    Groups are in their order. What a group took away is negative; one without columns gives 0.
    """
    # Sums by a product with a constant row are several times faster than along an axis.
    average = np.full(len(scaled), 1.0 / len(scaled), np.float32) @ scaled
    gave = occlusion(scaled[best], average, columns.members, *preference.served)
    gave[_TOGETHER] += item_weights[best] - item_weights.mean()
    return gave


def entries(
    signals: Signals,
    preference: PreferenceLearner,
    batch: CandidateBatch,
    rows: Rows,
    context: Context,
    best: NDArray[np.intp],
    scores: Scores,
    user: User,
) -> tuple[Entry, ...]:
    """Name the places `best` (k,) of a batch, whose candidates have these `scores` (n,).

    `preference` tells what carried each. `user` is whose list it is.
    """
    if not len(best):
        return ()
    weights = batch.item_weights
    why = strongest_groups(batch.scaled, best, preference, weights, layout_of(signals))
    ids = batch.ids[best]
    # A search that is only asked about may be the first that there is: no column tells of it.
    if is_asked(batch.raw) if signals.searching else user.search is not None:
        learnt = preference.score(batch.scaled[best]) + weights[best]
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


@compiled
def occlusion(
    rows: Scores,
    hidden: Scores,
    members: NDArray[np.bool_],
    inner: Scores,
    bias: Scores,
    outer: Scores,
    direct: Scores,
) -> Scores:
    """Return what rows (n, f) lose in score (groups, n) with a group's columns as `hidden` (f,).

    `members` (groups, f) tells which columns are whose; a group without any loses 0. The inputs of
    the hidden units are worked out once, and of each group only what changes.
    """
    gave = np.empty((members.shape[0], rows.shape[0]), np.float32)
    inputs, changed = np.empty(bias.size, np.float32), np.empty(bias.size, np.float32)
    for row in range(rows.shape[0]):
        inputs[:] = bias
        for column in range(rows.shape[1]):
            value = rows[row, column]
            for unit in range(bias.size):
                inputs[unit] += value * inner[column, unit]
        for group in range(members.shape[0]):
            changed[:] = np.float32(0.0)
            lost = np.float32(0.0)
            for column in range(rows.shape[1]):
                if members[group, column]:
                    value = rows[row, column] - hidden[column]
                    lost += value * direct[column]
                    for unit in range(bias.size):
                        changed[unit] += value * inner[column, unit]
            for unit in range(bias.size):
                now = np.maximum(inputs[unit], np.float32(0.0))
                without = np.maximum(inputs[unit] - changed[unit], np.float32(0.0))
                lost += (now - without) * outer[unit]
            gave[group, row] = lost
    return gave
