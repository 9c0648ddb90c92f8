"""A user's newest items, and how many steps back each of them lies.

What is taken at one time (a basket, a page of ratings that is sent off as one) is one step,
however much it is: the order within it says nothing. So all of it is equally near to what
comes next, and a basket does not push what came before it out of sight (only the newest so
many items are looked at, however).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.arrays import compiled

PAUSE = 1_800.0  # seconds without an event, after which a user begins anew


class RecentWindow(NamedTuple):
    """Distinct items (m,) int32, newest first, and how many steps back (m,) float64 each lies.

    `counted` (m,) float64 is what the newest taking of each was counted as
    (`learners.signals.undo`).
    """

    items: NDArray[np.int32]
    back: NDArray[np.float64]
    counted: NDArray[np.float64]

    @classmethod
    def nothing(cls) -> RecentWindow:
        """Return the window of a user who took nothing."""
        return cls(np.zeros(0, np.int32), np.zeros(0), np.zeros(0))

    def pairs_with(self, counted: float) -> dict[int, tuple[float, float]]:
        """Return, for each item, its steps back, and what it counts as with a taking after it.

        That is what the lighter of both was counted as: what is bought with what was bought tells
        more than what is bought after a look, or looked at after a purchase.
        """
        worth = np.minimum(self.counted, counted)
        found = zip(self.back.tolist(), worth.tolist(), strict=True)
        return dict(zip(self.items.tolist(), found, strict=True))


@compiled
def collect_window(
    items: NDArray[np.int32],
    times: NDArray[np.float64],
    steps: NDArray[np.int32],
    counted: NDArray[np.float64],
    end: int,
    most: int,
    pause: float,
    apart: int,
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
    """Go back over the first `end` interactions, newest last, until `most` items are met.

    The item `apart` is none of them; -1 for no such item. The newest step lies 0 back. `steps`
    number the steps; what was taken back leaves a number out, so that distances stay as they were
    counted. A pause between two steps counts as `pause` more.
    """
    found, back, worth = np.empty(end, np.int32), np.empty(end), np.empty(end)
    met, far = 0, 0.0
    for place in range(end - 1, -1, -1):
        if met >= most:
            break
        if place + 1 < end and steps[place] != steps[place + 1]:
            far += steps[place + 1] - steps[place]
            if times[place + 1] - times[place] > PAUSE:
                far += pause
        again = items[place] == apart
        for other in range(met):
            again |= found[other] == items[place]
        if not again:
            found[met], back[met], worth[met] = items[place], far, counted[place]
            met += 1
    return found[:met], back[:met], worth[:met]


@compiled
def in_a_row(times: NDArray[np.float64], end: int, most: int) -> int:
    """Count how many of the first `end` times follow each other without a pause; at most `most`."""
    count = 1
    while count < min(end, most) and times[end - count] - times[end - count - 1] <= PAUSE:
        count += 1
    return count


@compiled
def look_back(
    items: NDArray[np.int32],
    times: NDArray[np.float64],
    steps: NDArray[np.int32],
    counted: NDArray[np.float64],
    kept: int,
    before: float,
    most: int,
    pause: float,
) -> tuple[int, NDArray[np.int32], NDArray[np.float64], float, int]:
    """Return what the first `kept` interactions say of a user before the time `before`.

    How many of them are held back (they are of that very time), the window of the others
    (`collect_window`), the seconds since the newest of those, and how many came without a pause
    before the moment. Where `before` is NaN the moment is that of the last, and none is held back.
    """
    end = kept
    while end and times[end - 1] == before:
        end -= 1
    found, back, _ = collect_window(items, times, steps, counted, end, most, pause, -1)
    gap, session = 0.0, 0
    if end:
        if not np.isnan(before):
            gap = max(before - times[end - 1], 0.0)
        if gap <= PAUSE:
            session = in_a_row(times, end, most)
    return kept - end, found, back, gap, session
