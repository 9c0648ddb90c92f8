"""What a choice teaches ranking: the network, and the weights between items."""

from __future__ import annotations

import math
from typing import NamedTuple

from learners.arrays import place_of
from learners.ranking.context import CandidateBatch
from learners.ranking.preference_learner import PreferenceLearner
from learners.signals.tables import Signals


class Choice(NamedTuple):
    """The rank that the item had before it was learnt, and the items whose records changed.

    `rank` is None where the item was no candidate.
    """

    rank: int | None
    items: set[int]


def learn_choice(
    preference: PreferenceLearner,
    signals: Signals,
    batch: CandidateBatch,
    item: int,
    weight: float,
) -> Choice:
    """Learn that an item was taken of the candidates of a batch.

    An item that was no candidate teaches nothing of how candidates should be ordered: put among
    them, it would stand for all others of its kind that were not.
    """
    place = place_of(batch.ids, item)
    if place < 0:
        return Choice(None, set())
    learnt = preference.learn(batch.scaled, place, weight, batch.item_weights)
    if not learnt.loss < math.inf:  # so that it holds for NaN as well
        return Choice(learnt.rank, set())
    changed = signals.learn_item_weights(batch.sources, batch.reach, batch.ids, learnt.slope)
    return Choice(learnt.rank, changed)
