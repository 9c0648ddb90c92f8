"""Matrix factorisation that learns to rank, event by event: BPR, with replay.

Rendle, Freudenthaler, Gantner and Schmidt-Thieme, "BPR: Bayesian personalized ranking from
implicit feedback", 2009. A step per event learns little from a stream; so each event is
held against many others, and followed by steps over events that are kept, as in
Diaz-Aviles et al., "Real-time top-N recommendation in social streams", 2012.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dataflows.evaluation.baselines.factors import Factors
from dataflows.evaluation.baselines.popularity import Fallback
from dataflows.evaluation.baselines.protocol import Scores
from dataflows.evaluation.judging.trace import Group
from learners.arrays import compiled

DIM = 32
RATE = 0.1
DECAY = 0.02
SCALE = 0.1
NEGATIVES = 20
KEPT = 10_000
REPLAYS = 10

Rows = NDArray[np.int64]
Amounts = NDArray[np.float64]
_TRIES = 3


class Bpr:
    """Factors of users and items and a bias of each item, moved so that wanted items lead.

    Each wanted event makes `NEGATIVES` steps, and then `REPLAYS` for events drawn from the
    newest `KEPT` of all users. The other item of a step is drawn uniformly from those met so
    far; where the user has it, it is drawn again, and the step left out after `_TRIES` draws.
    Users without an event get popularity.
    """

    def __init__(self, seed: int = 0) -> None:
        self._users = Factors(DIM, SCALE, seed)
        self._items = Factors(DIM + 1, SCALE, seed + 1)
        self._rng = np.random.default_rng(seed + 2)
        self._own: dict[int, set[int]] = {}
        self._kept = np.zeros((KEPT, 2), dtype=np.int64)
        self._count = 0
        self._known = 0
        self._fallback = Fallback()

    def scores(self, user: int, ts: float, items: int) -> Scores:  # noqa: ARG002
        """Score by the product of factors, plus the bias."""
        if user not in self._own:
            return self._fallback.fill(np.zeros(items))
        rows = self._items.reach(items)[:items]
        scores: Scores = rows[:, :-1] @ self._users.rows[user] + rows[:, -1]
        return scores

    def learn(self, group: Group) -> None:
        """Make the steps of each wanted item."""
        self._known = max(self._known, int(group.items.max()) + 1)
        self._users.reach(group.user + 1)
        self._items.reach(self._known)
        for row in group.wanted.tolist():
            self._own.setdefault(group.user, set()).add(row)
            self._step(group.user, row)
            self._kept[self._count % KEPT] = group.user, row
            self._count += 1
        self._fallback.learn(group)

    def _step(self, user: int, row: int) -> None:
        pairs = [(user, row)] * NEGATIVES
        if self._count:
            drawn = self._rng.integers(min(self._count, KEPT), size=REPLAYS)
            pairs += [(who, what) for who, what in self._kept[drawn].tolist()]
        tries = self._rng.integers(self._known, size=(len(pairs), _TRIES)).tolist()
        triples = [
            (who, what, other)
            for (who, what), others in zip(pairs, tries, strict=True)
            for other in self._unwanted(who, others)
        ]
        if triples:
            steps = np.array(triples, dtype=np.int64)
            _descend(steps, self._users.rows, self._items.rows, RATE, DECAY)

    def _unwanted(self, user: int, others: list[int]) -> list[int]:
        """Return the first of `others` that the user never wanted, if there is one."""
        own = self._own[user]
        return next(([other] for other in others if other not in own), [])


@compiled
def _descend(triples: Rows, users: Amounts, items: Amounts, rate: float, decay: float) -> None:
    """Step once for each (user, wanted item, other item); the last column of items is the bias."""
    dim = users.shape[1]
    for place in range(len(triples)):
        user, liked = users[triples[place, 0]], items[triples[place, 1]]
        other = items[triples[place, 2]]
        margin = liked[dim] - other[dim]
        for f in range(dim):
            margin += user[f] * (liked[f] - other[f])
        pull = 1.0 / (1.0 + np.exp(margin))
        for f in range(dim):
            before = user[f]
            user[f] += rate * (pull * (liked[f] - other[f]) - decay * before)
            liked[f] += rate * (pull * before - decay * liked[f])
            other[f] += rate * (-pull * before - decay * other[f])
        liked[dim] += rate * (pull - decay * liked[dim])
        other[dim] += rate * (-pull - decay * other[dim])
