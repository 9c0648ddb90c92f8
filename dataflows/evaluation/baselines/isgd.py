"""Matrix factorisation of what was wanted, event by event: ISGD, with negatives by recency.

Vinagre, Jorge and Gama, "Fast incremental matrix factorization for recommendation with
positive-only feedback", 2014. With wanted items alone every product is drawn to 1 (HR@10
of .06 where this has .15); so the items that nobody has wanted for longest are taken for
unwanted: the same authors, "Collaborative filtering with recency-based negative feedback",
2015.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from dataflows.evaluation.baselines.factors import Factors
from dataflows.evaluation.baselines.popularity import Fallback
from dataflows.evaluation.baselines.protocol import Scores
from dataflows.evaluation.judging.trace import Group
from learners.arrays import compiled

DIM = 32
RATE = 0.3
DECAY = 0.01
SCALE = 0.1
NEGATIVES = 15

Rows = NDArray[np.int64]
Amounts = NDArray[np.float64]


class Isgd:
    """Factors whose product is drawn to 1 for a wanted item, and to 0 for `NEGATIVES` others.

    Those are the head of a queue of all items in the order of when they were last wanted;
    having served they go to its end. An error counts as 1 at most, so that no step runs away.
    Users without an event get popularity.
    """

    def __init__(self, seed: int = 0) -> None:
        self._users = Factors(DIM, SCALE, seed)
        self._items = Factors(DIM, SCALE, seed + 1)
        self._met: set[int] = set()
        self._queue: OrderedDict[int, None] = OrderedDict()
        self._fallback = Fallback()

    def scores(self, user: int, ts: float, items: int) -> Scores:  # noqa: ARG002
        """Score by the product of factors."""
        if user not in self._met:
            return self._fallback.fill(np.zeros(items))
        scores: Scores = self._items.reach(items)[:items] @ self._users.rows[user]
        return scores

    def learn(self, group: Group) -> None:
        """Step away from the items of long ago, then towards the one that was wanted."""
        queue = self._queue
        for row in group.wanted.tolist():
            self._met.add(group.user)
            queue.pop(row, None)
            others = list(islice(queue, NEGATIVES))
            user = self._users.reach(group.user + 1)[group.user]
            items = self._items.reach(max(row, *others, 0) + 1)
            _descend(user, items, np.array([*others, row], dtype=np.int64), RATE, DECAY)
            for each in (*others, row):
                queue.pop(each, None)
                queue[each] = None
        self._fallback.learn(group)


@compiled
def _descend(user: Amounts, items: Amounts, rows: Rows, rate: float, decay: float) -> None:
    """Step once for each row: the last is to have a product of 1, the others of 0."""
    for place in range(len(rows)):
        item = items[rows[place]]
        miss = 1.0 if place + 1 == len(rows) else 0.0
        for f in range(len(user)):
            miss -= user[f] * item[f]
        miss = min(1.0, max(-1.0, miss))
        for f in range(len(user)):
            before = user[f]
            user[f] += rate * (miss * item[f] - decay * before)
            item[f] += rate * (miss * before - decay * item[f])
