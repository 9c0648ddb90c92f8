"""What a replay asks of a baseline: scores before a group, then the group itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from dataflows.evaluation.judging.trace import Group

Scores = NDArray[np.float64]


class Baseline(Protocol):
    """A recommender that learns group by group and scores every item met so far.

    Users and items are numbers by first appearance. The runner leaves out what a user
    already has, where repeats are off, so a baseline need not. Whatever a baseline draws at random
    comes from the seed that it was made with.
    """

    def scores(self, user: int, ts: float, items: int) -> Scores:
        """Score the rows 0 to `items` - 1 for a user at a time; float64 `(items,)`.

        Only what was learnt may count. NaN or minus infinity is "not scored": a miss where
        it is the true item. The array is not kept or written to, so a view will do.
        """
        ...

    def learn(self, group: Group) -> None:
        """Learn a group that has at least one item."""
        ...


@runtime_checkable
class HasNotes(Protocol):
    """A baseline with something to declare, such as a bound that it met; read after the run."""

    @property
    def notes(self) -> Sequence[str]:
        """What a reader of the figures must know, one remark each."""
        ...
