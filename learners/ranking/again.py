"""What is known of the items that a user had before: how often, how lately, and how long ago.

How long ago is told by event times, beside the usual time until an item is taken again
(Anderson, Kumar, Tomkins and Vassilvitskii, 2014, "The dynamics of repeat consumption").
"""

from __future__ import annotations

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


def again(signals: Signals, ids: NDArray[np.int32], context: Context) -> NDArray[np.float32]:
    """Return whether, how often and how lately (3, n) float32 the user took each item."""
    found = np.zeros((3, len(ids)), np.float32)
    place, columns = _known(signals, ids, context)
    found[0, place] = 1.0
    found[1, place] = np.log1p(columns[OFTEN])
    found[2, place] = 1.0 / np.sqrt(context.length - columns[LENGTH])
    return found


def since(signals: Signals, ids: NDArray[np.int32], context: Context) -> NDArray[np.float32]:
    """Return how long ago (3, n) float32 the user took each item, 0 where that is not known.

    That is the logarithm of hours and one; how much longer that is than the usual time until the
    item is taken again, as a logarithm, 0 before anything was; both over 4; whether it was at this
    visit, without a pause since.
    """
    found = np.zeros((3, len(ids)), np.float32)
    place, columns = _known(signals, ids, context)
    is_dated = columns[AT] != NEVER
    place, columns = place[is_dated], columns[:, is_dated]
    gap = np.maximum(moment(context.now) - columns[AT].astype(np.float64), 0.0)
    found[0, place] = np.log1p(gap / _HOUR) / _SPREAD
    if signals.rests.returns.any():  # else nothing is usual yet
        usual = signals.rests.usual(ids[place], columns[KIND]) * (np.log(2.0) / OCTAVE)
        found[1, place] = (np.log(gap + _SOON) - usual) / _SPREAD
    found[2, place] = gap <= PAUSE
    return found


def _known(
    signals: Signals, ids: NDArray[np.int32], context: Context
) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """Return the places (m,) of items that the user had, and their columns (6, m)."""
    taken, slot = context.taken, signals.slot
    slot[ids] = np.arange(len(ids))
    place = slot[taken[ITEM]]
    slot[ids] = -1
    # What was taken at this very time is not to be seen yet.
    known = (place >= 0) & (taken[OFTEN] > 0) & (taken[LENGTH] < context.length)
    return place[known], taken[:, known]
