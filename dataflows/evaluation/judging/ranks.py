"""The rank of one true item among scored candidates. Ties always count against it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dataflows.evaluation.metrics.rank_metrics import MISS


class ScoredCandidates(Protocol):
    """Scored candidates: `scores` is float64 `(n,)`, beside the n `ids`, in any order."""

    @property
    def ids(self) -> Sequence[str]:
        """Item ids."""
        ...

    @property
    def scores(self) -> NDArray[np.float64]:
        """One score per id."""
        ...


class Ranker(Protocol):
    """What the judge asks of a recommender; neither call may change a later answer."""

    def rank(self, user_id: str, before: float | None = None) -> ScoredCandidates:
        """Score the candidates of a user, from their events before a time."""
        ...

    def is_known(self, item_id: str) -> bool:
        """Return whether the stream or the catalogue has held the item."""
        ...


def rivals(ranking: ScoredCandidates, item: str) -> list[str]:
    """Return the candidates that score as high as `item` or higher, `item` itself among them.

    Empty where the item is not among the scored ones, or its score is NaN. A
    candidate whose score is NaN is nobody's rival.
    """
    ids = ranking.ids
    try:
        at = ids.index(item)
    except ValueError:
        return []
    return [ids[i] for i in np.flatnonzero(ranking.scores >= ranking.scores[at]).tolist()]


def rank_among(ranking: ScoredCandidates, item: str, seen: set[str], own: set[str]) -> int:
    """Return the pessimistic rank of `item` among scored candidates in `seen` and not in `own`.

    `MISS` where the item was not scored.
    """
    return len(seen.intersection(rivals(ranking, item)).difference(own))


def place_in(last_sent: Sequence[str] | None, item: str) -> int:
    """Return the place of an item in the list last sent, from 1; `MISS` where it is not there."""
    if last_sent is None or item not in last_sent:
        return MISS
    return last_sent.index(item) + 1
