"""The items that a user has, a column each, and when they took them: the rows of `User.taken`.

Times are moments (`learners.signals.rests`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learners.signals.rests import moment
from learners.signals.undo import NEVER

Numbers = NDArray[np.int32]

ROWS = 6
ITEM, OFTEN, LENGTH, AT, KIND, RESTS = range(ROWS)
"""Its number, how often it was taken, the user's length at the last time, the moment of that, the
hash of that event's type, and the moment until which it rests."""


def widened(taken: Numbers) -> Numbers:
    """Return columns as they are written today: earlier ones told no times."""
    if len(taken) == ROWS:
        return taken
    wider = np.full((ROWS, taken.shape[1]), NEVER, np.int32)
    wider[: len(taken)], wider[KIND] = taken, 0
    return wider


def resting(taken: Numbers, now: float, length: int) -> Numbers:
    """Return the items (m,) that rest at `now` (seconds), by what came before the `length`-th."""
    found: Numbers = taken[ITEM, (taken[RESTS] > moment(now)) & (taken[LENGTH] < length)]
    return found
