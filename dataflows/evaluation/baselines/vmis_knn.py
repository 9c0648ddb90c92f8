"""Sessions like the one under way: VMIS-kNN.

Kersbergen, Sprangers and Schelter, "Serenade: low-latency session-based recommendation in
e-commerce at scale", 2022, which bounds the neighbours of VS-kNN (Ludewig and Jannach,
"Evaluation of session-based recommendation algorithms", 2018) by recency. Here the index
grows with every event, and no session has a marked end: a session is a user's events
without a gap of more than an hour. The query reaches back over the user's earlier sessions,
as in Latifi, Mauro and Jannach, "Session-aware recommendation: a surprising quest for the
state-of-the-art", 2021.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dataflows.evaluation.baselines.chains import NONE, Chains
from dataflows.evaluation.baselines.popularity import Fallback
from dataflows.evaluation.baselines.protocol import Scores
from dataflows.evaluation.baselines.recent import Recent
from dataflows.evaluation.judging.trace import Group
from learners.arrays import compiled, grown

GAP = 3600.0
QUERY = 20
FADES = 6.0
SESSIONS = 500
NEIGHBOURS = 100

Numbers = NDArray[np.int32]
Rows = NDArray[np.int64]
Amounts = NDArray[np.float64]


class VmisKnn:
    """Scores items by the sessions that share most with a user's newest `QUERY` items.

    Each of those weighs exp(-age / `FADES`). A session is as like as the weights of the items
    that it shares add up to; of every item only the `SESSIONS` newest with it are looked at.
    The `NEIGHBOURS` most alike (the newer where alike) give each of their items: likeness x
    weight of the newest shared item / sqrt(items of the session), times the log of how rare
    the item is. What is in none of them ranks by popularity.
    """

    def __init__(self) -> None:
        self._items_of = Chains()
        self._sessions_with = Chains()
        self._open: dict[int, tuple[int, float, set[int]]] = {}
        self._sessions = 0
        self._recent = Recent(QUERY)
        self._fallback = Fallback()
        self._likeness = np.zeros(1024)
        self._newest = np.zeros(1024)
        self._fades = np.exp(-np.arange(QUERY) / FADES)

    def scores(self, user: int, ts: float, items: int) -> Scores:  # noqa: ARG002
        """Score by the items of the neighbours of what the user had last."""
        mine = self._open.get(user, (NONE, 0.0, None))[0]
        neighbours, amounts = self._neighbours(self._recent.of(user), mine)
        total = np.zeros(items)
        _gather(neighbours, amounts, *self._items_of.arrays(), total)
        spread = np.maximum(self._sessions_with.lengths(items), 1)
        return self._fallback.fill(total * np.log1p(self._sessions / spread))

    def learn(self, group: Group) -> None:
        """Add each wanted item to the session under way."""
        for row in group.wanted.tolist():
            self._add(group.user, group.ts, row)
        self._fallback.learn(group)

    def _neighbours(self, query: Rows, mine: int) -> tuple[Rows, Amounts]:
        """Return the sessions most like the query, but for `mine`, and what each gives."""
        touched = np.empty(SESSIONS * QUERY, dtype=np.int64)
        count = _compare(
            *(query, self._fades, *self._sessions_with.arrays()),
            *(mine, SESSIONS, self._likeness, self._newest, touched),
        )
        touched = touched[:count]
        likeness = self._likeness[touched]
        self._likeness[touched] = 0.0
        best = np.lexsort((-touched, -likeness))[:NEIGHBOURS]
        sessions = touched[best]
        lengths = self._items_of.lengths(self._sessions)[sessions]
        return sessions, likeness[best] * self._newest[sessions] / np.sqrt(lengths)

    def _add(self, user: int, ts: float, row: int) -> None:
        session, last, rows = self._open.get(user, (NONE, -math.inf, set()))
        if ts - last > GAP:
            session, rows = self._sessions, set()
            self._sessions += 1
            self._likeness = grown(self._likeness, self._sessions)
            self._newest = grown(self._newest, self._sessions)
        self._open[user] = (session, ts, rows)
        self._recent.add(user, row)
        if row not in rows:
            rows.add(row)
            self._items_of.append(session, row)
            self._sessions_with.append(row, session)


@compiled
def _compare(  # noqa: PLR0913, PLR0917 - arrays cross into compiled code one by one
    query: Rows,
    fades: Amounts,
    heads: Numbers,
    values: Numbers,
    before: Numbers,
    mine: int,
    most: int,
    likeness: Amounts,
    newest: Amounts,
    touched: Rows,
) -> int:
    """Add up the likeness of sessions; return how many are written to `touched`."""
    count = 0
    for age in range(len(query)):
        at = heads[query[age]]
        taken = 0
        while at != NONE and taken < most:
            session = values[at]
            at = before[at]
            if session == mine:
                continue
            taken += 1
            if likeness[session] == 0.0:
                touched[count] = session
                count += 1
                newest[session] = fades[age]
            likeness[session] += fades[age]
    return count


@compiled
def _gather(
    sessions: Rows,
    amounts: Amounts,
    heads: Numbers,
    values: Numbers,
    before: Numbers,
    total: Amounts,
) -> None:
    """Add what each session gives to the total of each of its items."""
    for place in range(len(sessions)):
        at = heads[sessions[place]]
        while at != NONE:
            if values[at] < len(total):
                total[values[at]] += amounts[place]
            at = before[at]
