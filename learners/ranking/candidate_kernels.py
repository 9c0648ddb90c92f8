"""The pass over the rows of recent items that collects candidates, in one compiled loop.

Every event runs it over some ten thousand entries, so it is written for the processor: the
arrays are read once and in order, and the one branch in the inner loops is seldom taken.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from learners.arrays import compiled
from learners.signals.neighbour_kernels import ITEM_WEIGHT, NEXT, TOGETHER

Floats = NDArray[np.float64]
Numbers = NDArray[np.int32]

_LONG_REACH, _SHORT_REACH, _NEAR_REACH = 15.0, 1.5, 3.0
_NEWEST = 10.0  # beyond so many steps the short reach adds nothing
SUM_TOGETHER, SUM_NOW, SUM_FOLLOWS, SUM_LAST, SUM_NEAR, SUM_NEAREST, SUM_WEIGHTS = range(7)
"""What is added up of each candidate, over the rows of the recent items."""
SUMS = SUM_WEIGHTS + 1
STRENGTH, SPREAD, STAGED = range(3)
"""What is known of how often each candidate was taken."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@compiled
def find_rows(
    row_of: Numbers, near_of: Numbers, recent: Numbers
) -> tuple[NDArray[np.intp], Numbers, NDArray[np.intp], Numbers]:
    """Return which of the recent items have rows of either kind, by place, and those rows."""
    places, numbers = np.empty(recent.size, np.intp), np.empty(recent.size, np.int32)
    near_places, near_numbers = np.empty(recent.size, np.intp), np.empty(recent.size, np.int32)
    n = near = 0
    for place in range(recent.size):
        row, near_row = row_of[recent[place]], near_of[recent[place]]
        if row >= 0:
            places[n], numbers[n] = place, row
            n += 1
        if near_row >= 0:
            near_places[near], near_numbers[near] = place, near_row
            near += 1
    return places[:n], numbers[:n], near_places[:near], near_numbers[:near]


@compiled
def _first_mention(
    item: int,
    blocked: NDArray[np.bool_],
    slot: NDArray[np.intp],
    found: Numbers,
    sums: Floats,
    n: int,
    gone: int,
) -> tuple[int, int, int]:
    """Give an item a place, 0 where it may not be shown; return it, and both ends of `found`."""
    if blocked[item]:
        place, gone = 0, gone - 1
        found[gone] = item
    else:
        place, n = n, n + 1
        found[place] = item
        sums[place] = 0.0
    slot[item] = place
    return place, n, gone


@compiled
def gather(  # noqa: C901, PLR0912, PLR0913, PLR0917 - arrays cross one by one
    ids: Numbers,
    counts: NDArray[np.float32],
    unit: float,
    places: NDArray[np.intp],
    numbers: Numbers,
    reach: Floats,
    near: Numbers,
    cosines: NDArray[np.float32],
    near_places: NDArray[np.intp],
    near_numbers: Numbers,
    recent: Numbers,
    back: Floats,
    listed: Numbers,
    blocked: NDArray[np.bool_],
    had: Numbers,
    slot: NDArray[np.intp],
    total: Floats,
    total_scale: float,
) -> tuple[Numbers, Floats]:
    """Collect what rows and lists name, each item once, in the order of first mention.

    The rows `numbers` (r,) of `ids` and `counts` are those of the recent items at `places`; these
    lie `back` (m,) steps. They make the first four sums, divided by the root of how often their
    owner is counted, and with `reach` the last one. The rows `near_numbers` make the two between.
    `slot` holds -1 everywhere, before and after. Returns items (n,) and their sums (n, 7).
    """
    room = numbers.size * ids.shape[1] + near_numbers.size * near.shape[1] + listed.size
    room = min(room, slot.size) + 1
    found = np.empty(room, np.int32)
    sums = np.empty((room, SUMS))
    # The first place takes what is said of items that may not be shown, so that the loops need
    # not ask. Those that are met on the way are noted from the end of `found` on.
    sums[0] = 0.0
    n, gone = 1, room
    slot[-1] = 0
    for item in had:
        slot[item] = 0
    for number in range(numbers.size):
        row, far = numbers[number], back[places[number]]
        rooted = np.sqrt(total[recent[places[number]]] * total_scale + 1.0)
        share = 1.0 / (rooted * unit)
        long, weight = share * np.exp(-far / _LONG_REACH), reach[number]
        short = share * np.exp(-far / _SHORT_REACH) if far < _NEWEST else 0.0
        last = share / rooted if far == 0.0 else 0.0
        for column in range(ids.shape[1]):
            item = ids[row, column]
            place = slot[item]
            if place < 0:
                place, n, gone = _first_mention(item, blocked, slot, found, sums, n, gone)
            together = counts[TOGETHER, row, column]
            sums[place, SUM_TOGETHER] += long * together
            sums[place, SUM_WEIGHTS] += weight * counts[ITEM_WEIGHT, row, column]
            if short > 0.0:  # the same for a whole row
                following = counts[NEXT, row, column]
                sums[place, SUM_NOW] += short * together
                sums[place, SUM_FOLLOWS] += short * following
                if last > 0.0:
                    sums[place, SUM_LAST] += last * following
    for number in range(near_numbers.size):
        row, weight = near_numbers[number], np.exp(-back[near_places[number]] / _NEAR_REACH)
        for column in range(near.shape[1]):
            item = near[row, column]
            place = slot[item]
            if place < 0:
                place, n, gone = _first_mention(item, blocked, slot, found, sums, n, gone)
            cosine = cosines[row, column]
            sums[place, SUM_NEAR] += weight * cosine
            sums[place, SUM_NEAREST] = max(sums[place, SUM_NEAREST], cosine)
    for item in listed:
        if slot[item] < 0 and not blocked[item]:
            slot[item] = n
            found[n] = item
            sums[n] = 0.0
            n += 1
    slot[-1] = -1
    for item in had:
        slot[item] = -1
    for item in found[1:n]:
        slot[item] = -1
    for item in found[gone:]:
        slot[item] = -1
    return found[1:n].copy(), sums[1:n].copy()


@compiled
def weigh(
    ids: Numbers,
    sums: Floats,
    total: Floats,
    total_scale: float,
    stage: Floats,
    stage_scale: float,
) -> tuple[Floats, Floats]:
    """Return strength, spread and count at the stage (3, n), and the cheap score (n,)."""
    n = ids.size
    sizes, rough = np.empty((3, n)), np.empty(n)
    most = most_now = most_next = most_near = most_staged = 1e-3
    for place in range(n):
        item = ids[place]
        strength = total[item] * total_scale + 1.0
        spread, staged = 1.0 / np.sqrt(strength), stage[item] * stage_scale
        sizes[STRENGTH, place], sizes[SPREAD, place] = strength, spread
        sizes[STAGED, place] = staged
        most = max(most, sums[place, SUM_TOGETHER] * spread)
        most_now = max(most_now, sums[place, SUM_NOW] * spread)
        most_next = max(most_next, sums[place, SUM_FOLLOWS] * spread)
        most_near = max(most_near, sums[place, SUM_NEAR])
        most_staged = max(most_staged, staged)
    for place in range(n):
        seen = (
            sums[place, SUM_TOGETHER] / most
            + sums[place, SUM_NOW] / most_now
            + sums[place, SUM_FOLLOWS] / most_next
        )
        cheap = 2.0 * seen * sizes[SPREAD, place]
        rough[place] = cheap + (
            0.3 * sums[place, SUM_NEAR] / most_near + sizes[STAGED, place] / most_staged
        )
    return sizes, rough


@compiled
def draw(start: int, draws: int, streamed: NDArray[np.bool_], n: int) -> Numbers:
    """Draw items below `n` evenly, and return those that were met in the stream.

    A Weyl sequence: multiples of the golden ratio, modulo 1, spread over all items.
    """
    picked, found = np.empty(draws, np.int32), 0
    for turn in range(start, start + draws):
        place = np.uint64(turn) * _GOLDEN >> np.uint64(40)
        item = np.int64(place * np.uint64(n) >> np.uint64(24))
        picked[found] = item
        found += streamed[item]
    return picked[:found].copy()


@compiled
def strongest(
    ids: NDArray[np.int32],
    strength: NDArray[np.float32],
    told: NDArray[Any],
    rows: NDArray[np.int32],
    listed: NDArray[np.int32],
    slot: NDArray[np.intp],
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[Any]]:
    """Return, for each listed item, which row names it with the highest strength, where, and how.

    The third is what a table `told` holds there. Only strengths above 0 count: else -1, -1 and 0.
    Of equals the first row wins. `slot` holds -1 everywhere, before and after.
    """
    for place in range(listed.size):
        slot[listed[place]] = place
    found, columns = np.full(listed.size, -1, np.int32), np.full(listed.size, -1, np.int32)
    best, held = np.zeros(listed.size, np.float32), np.zeros(listed.size, told.dtype)
    for step in range(rows.size):
        row = rows[step]
        for column in range(ids.shape[1]):
            place = slot[ids[row, column]]
            if place >= 0 and strength[row, column] > best[place]:
                best[place], held[place] = strength[row, column], told[row, column]
                found[place], columns[place] = step, column
    slot[listed] = -1
    return found, columns, held


@compiled
def top(ids: Numbers, scores: NDArray[np.float32], k: int) -> NDArray[np.intp]:
    """Return the places of the `k` best scores (n,), best first; of equal ones the lowest id.

    NaN is as good as the worst.
    """
    most = min(k, scores.size)
    places, best = np.empty(most, np.intp), np.empty(most, np.float32)
    n = 0
    for place in range(scores.size):
        worth, item = scores[place], ids[place]
        if np.isnan(worth):
            worth = np.float32(-np.inf)
        at = n
        while at and (
            best[at - 1] < worth or (best[at - 1] == worth and ids[places[at - 1]] > item)
        ):
            at -= 1
        if at == most:
            continue
        n = min(n + 1, most)
        for later in range(n - 1, at, -1):
            places[later], best[later] = places[later - 1], best[later - 1]
        places[at], best[at] = place, worth
    return places


@compiled
def foremost(
    categories: Numbers, items: Numbers, recent: Numbers, weights: NDArray[np.float32]
) -> tuple[Numbers, Numbers]:
    """Return the category (n,) of each item that weighs most, and how many recent items have it.

    `categories` (4, items) are numbers, 0 for none; of that nothing is counted. Of equally heavy
    ones it is the first.
    """
    found, count = np.empty(items.size, np.int32), np.zeros(items.size, np.int32)
    for place in range(items.size):
        best = categories[0, items[place]]
        for other in range(1, categories.shape[0]):
            category = categories[other, items[place]]
            if weights[category] > weights[best]:
                best = category
        found[place] = best
        if best <= 0:
            continue
        for known in recent:
            has = False
            for other in range(categories.shape[0]):
                has |= categories[other, known] == best
            count[place] += has
    return found, count
