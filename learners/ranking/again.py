"""What is known of the items that a user had before: how often, how lately, and how long ago.

How long ago is told by event times, beside the usual time until an item is taken again
(Anderson, Kumar, Tomkins and Vassilvitskii, 2014, "The dynamics of repeat consumption").
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.ranking.context import Context
from learners.signals.rests import OCTAVE, moment
from learners.signals.tables import Signals
from learners.signals.undo import NEVER
from learners.signals.window import PAUSE
from learners.users.taken import AT, ITEM, KIND, LENGTH, OFTEN

_HOUR = 3_600.0
_SPREAD = 4.0  # of these logarithms, about: a column that is new is not yet scaled by its own
_SOON = 60.0  # seconds that are added to a gap before its logarithm


class Known(NamedTuple):
    """Which of n candidates a user had, by their `places` (m,), and their `columns` (6, m)."""

    n: int
    places: NDArray[np.intp]
    columns: NDArray[np.int32]


def known_of(signals: Signals, ids: NDArray[np.int32], context: Context) -> Known:
    """Return which of the candidates `ids` (n,) the user had before now."""
    taken, slot = context.taken, signals.slot
    slot[ids] = np.arange(len(ids))
    place = slot[taken[ITEM]]
    slot[ids] = -1
    # What was taken at this very time is not to be seen yet.
    known = (place >= 0) & (taken[OFTEN] > 0) & (taken[LENGTH] < context.length)
    return Known(len(ids), place[known], taken[:, known])


def again(known: Known, context: Context) -> NDArray[np.float32]:
    """Return whether, how often and how lately (3, n) float32 the user took each candidate."""
    found = np.zeros((3, known.n), np.float32)
    found[0, known.places] = 1.0
    found[1, known.places] = np.log1p(known.columns[OFTEN])
    found[2, known.places] = 1.0 / np.sqrt(context.length - known.columns[LENGTH])
    return found


def since(
    signals: Signals, ids: NDArray[np.int32], known: Known, context: Context
) -> NDArray[np.float32]:
    """Return how long ago (3, n) float32 the user took each candidate, 0 where nobody knows.

    That is the logarithm of hours and one; how much longer that is than the usual time until the
    item is taken again, as a logarithm, 0 before anything was; both over 4; whether it was at this
    visit, without a pause since.
    """
    found = np.zeros((3, known.n), np.float32)
    is_dated = known.columns[AT] != NEVER
    place, columns = known.places[is_dated], known.columns[:, is_dated]
    gap = np.maximum(moment(context.now) - columns[AT].astype(np.float64), 0.0)
    found[0, place] = np.log1p(gap / _HOUR) / _SPREAD
    if signals.rests.has_returns:  # else nothing is usual yet
        usual = signals.rests.usual(ids[place], columns[KIND]) * (np.log(2.0) / OCTAVE)
        found[1, place] = (np.log(gap + _SOON) - usual) / _SPREAD
    found[2, place] = gap <= PAUSE
    return found
