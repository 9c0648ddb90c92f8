"""What is counted in rows of neighbours, and found there, in compiled loops.

Beside the counts a row holds, for each neighbour, how many users took both near each other, in one
byte: counts fade, and one user may make many of them, but a reason says how many people did
something. Users are told apart by this: whoever takes an item for the first time has not made any
pair with it before. So the byte is never above the truth, where all that is known of the user was
kept; it is below where a pair left its row and came back, or an event was taken back.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learners.arrays import compiled

TOGETHER, NEXT, ITEM_WEIGHT, STEEPNESS = 0, 1, 2, 3
WAYS = 8
NEAR = 10.0
"""Steps that lie between two items at most where a user is counted as taking both together."""
NEW, IN_ORDER = 1, 2
"""What a taking says: its user had not taken the item before; it came after all that they took."""
MOST_USERS = 15
"""So many users are told apart from more; a byte holds two such numbers."""

_TOGETHER_REACH = 10.0
_NEXT_REACH = 0.8
_GENTLE = np.float32(0.1)  # where the sums of squared gradients start
_LEAST_SLOPE = np.float32(2e-3)
_NOTHING_LEFT = np.float32(1e-5)  # of what was taken off a count: rounding, not a count

Numbers = NDArray[np.int32]
Users = NDArray[np.uint8]


@compiled
def add(
    ids: Numbers,
    counts: NDArray[np.float32],
    users: Users,
    rows: Numbers,
    items: Numbers,
    gaps: NDArray[np.float64],
    units: NDArray[np.float32],
    says: int,
) -> None:
    """Count the first of `items` (1 + n,), whose rows are `rows`, as after the others.

    They go together with it as it does with them, but do not come next, unless they are of the
    same step (a gap of -1), which has no order. `gaps` (n,) are the steps between, `units` (n,)
    what each pair adds, `says` adds up what the taking says (`NEW`, `IN_ORDER`).
    """
    own, item = rows[0], items[0]
    for pair in range(gaps.size):
        row = rows[pair + 1]
        together, following = worth(gaps[pair], units[pair])
        place = put(ids, counts, users, row, item)
        counts[TOGETHER, row, place] += together
        counts[NEXT, row, place] += following
        is_noted = bool(says & NEW) and gaps[pair] <= NEAR
        if is_noted:
            one_more(users, row, place, bool(says & IN_ORDER) and gaps[pair] == 0.0)
        place = put(ids, counts, users, own, items[pair + 1])
        counts[TOGETHER, own, place] += together
        if gaps[pair] < 0.0:
            counts[NEXT, own, place] += following
        if is_noted:
            one_more(users, own, place, False)


def users_of(held: Users) -> tuple[Users, Users]:
    """Return the users that bytes (n,) hold: who took both near each other, and right after."""
    return np.bitwise_and(held, np.uint8(MOST_USERS)), np.right_shift(held, np.uint8(4))


@compiled
def one_more(users: Users, row: int, place: int, right_after: bool) -> None:
    """Note that one more user made a pair, and whether they took the one right after the other."""
    held = np.int64(users[row, place])
    if held & MOST_USERS < MOST_USERS:
        held += 1
    if right_after and held >> 4 < MOST_USERS:
        held += 16
    users[row, place] = held


@compiled
def one_less(users: Users, row: int, place: int) -> None:
    """Note that a pair may have been made by one user less."""
    held = np.int64(users[row, place])
    if held & MOST_USERS > 0:
        held -= 1
    if held >> 4 > 0:
        held -= 16
    users[row, place] = held


@compiled
def worth(gap: float, unit: np.float32) -> tuple[np.float32, np.float32]:
    """Return what a pair counts as together and as following, so many steps apart."""
    far = np.maximum(gap, 0.0)
    together = np.float32(np.exp(-far / _TOGETHER_REACH)) * unit
    return together, np.float32(np.exp(-far / _NEXT_REACH)) * unit


@compiled
def amend(
    ids: Numbers,
    counts: NDArray[np.float32],
    users: Users,
    rows: Numbers,
    items: Numbers,
    gaps: NDArray[np.float64],
    units: NDArray[np.float32],
) -> None:
    """Count as `add` does, but late; with `units` below 0 take back what it counted.

    Rows of -1 are left alone. What is counted late pushes out only what is weaker, and for no user.
    """
    own, item = rows[0], items[0]
    for pair in range(gaps.size):
        together, following = worth(gaps[pair], abs(units[pair]))
        back = following if gaps[pair] < 0.0 else np.float32(0.0)
        if units[pair] < 0.0:
            less(ids, counts, users, rows[pair + 1], item, together, following)
            less(ids, counts, users, own, items[pair + 1], together, back)
        else:
            more(ids, counts, users, rows[pair + 1], item, together, following)
            more(ids, counts, users, own, items[pair + 1], together, back)


@compiled
def more(
    ids: Numbers,
    counts: NDArray[np.float32],
    users: Users,
    row: int,
    item: int,
    together: np.float32,
    following: np.float32,
) -> None:
    """Put so much on the counts of an item in a row (-1: none), if it has or wins a slot."""
    if row < 0:
        return
    place, least = find(ids, counts, row, item)
    if ids[row, place] != item:
        if together + np.float32(0.5) * following <= least:
            return
        ids[row, place] = item
        counts[:, row, place] = 0.0
        users[row, place] = 0
    counts[TOGETHER, row, place] += np.float32(together)
    counts[NEXT, row, place] += np.float32(following)


@compiled
def less(
    ids: Numbers,
    counts: NDArray[np.float32],
    users: Users,
    row: int,
    item: int,
    together: np.float32,
    following: np.float32,
) -> None:
    """Subtract from the counts of an item in a row (-1: none); at nothing its slot is empty."""
    if row < 0:
        return
    place, _ = find(ids, counts, row, item)
    if ids[row, place] != item:
        return
    off = ((TOGETHER, np.float32(together)), (NEXT, np.float32(following)))
    for channel, amount in off:
        left = counts[channel, row, place] - amount
        counts[channel, row, place] = left if left > _NOTHING_LEFT * amount else 0.0
    one_less(users, row, place)
    if counts[TOGETHER, row, place] == 0.0:
        ids[row, place] = -1
        counts[:, row, place] = 0.0
        users[row, place] = 0


@compiled
def put(ids: Numbers, counts: NDArray[np.float32], users: Users, row: int, item: int) -> int:
    """Return the slot of an item in a row; one that has none takes an empty or the weakest one."""
    place, _ = find(ids, counts, row, item)
    if ids[row, place] != item:
        ids[row, place] = item
        counts[:, row, place] = 0.0
        users[row, place] = 0
    return place


@compiled
def find(ids: Numbers, counts: NDArray[np.float32], row: int, item: int) -> tuple[int, np.float32]:
    """Return the slot of an item in a row, else an empty or the weakest one, and how strong it is.

    An empty one has a strength of -1.
    """
    start = item % (ids.shape[1] // WAYS) * WAYS
    place: int = start
    least = np.float32(np.inf)
    for slot in range(start, start + WAYS):
        strength = np.float32(-1.0)
        if ids[row, slot] >= 0:
            strength = counts[TOGETHER, row, slot] + np.float32(0.5) * counts[NEXT, row, slot]
        if ids[row, slot] == item:
            return slot, strength
        if strength < least:
            place, least = slot, strength
    return place, least


@compiled
def pointers(
    ids: Numbers, counts: NDArray[np.float32], users: Users, rows: Numbers, items: Numbers
) -> tuple[NDArray[np.intp], Users]:
    """Return which of the `rows` (r,) points to each item (n,) most strongly, and its users there.

    Both (2, n), by what is taken together and by what follows. Only counts above 0 point: else the
    row is -1, and the users are 0. Of equals the first row wins.
    """
    found, held = np.full((2, items.size), -1, np.intp), np.zeros((2, items.size), np.uint8)
    for place in range(items.size):
        item, best = items[place], np.zeros(2, np.float32)
        start = item % (ids.shape[1] // WAYS) * WAYS
        for step in range(rows.size):
            row = rows[step]
            for slot in range(start, start + WAYS):
                if ids[row, slot] != item:
                    continue
                for channel in (TOGETHER, NEXT):
                    if counts[channel, row, slot] > best[channel]:
                        best[channel] = counts[channel, row, slot]
                        found[channel, place], held[channel, place] = step, users[row, slot]
    return found, held


@compiled
def learn_item_weights(
    ids: Numbers,
    counts: NDArray[np.float32],
    rows: Numbers,
    reach: NDArray[np.float32],
    items: Numbers,
    slope: NDArray[np.float32],
    rate: float,
    slot: NDArray[np.intp],
) -> None:
    """Take one AdaGrad step for the weights of `rows` (r,) on `items` (n,).

    `slope` (n,) is the gradient of the loss by the items' scores, `reach` (r,) what each
    row weighs in them; items with next to no slope are left out. `slot`
    holds -1 everywhere, before and after.
    """
    for place in range(items.size):
        if abs(slope[place]) > _LEAST_SLOPE:
            slot[items[place]] = place
    pace = np.float32(rate)
    for step in range(rows.size):
        row, share = rows[step], reach[step]
        for column in range(ids.shape[1]):
            place = slot[ids[row, column]]
            if place < 0:
                continue
            gradient = share * slope[place]
            counts[STEEPNESS, row, column] += gradient * gradient
            root = np.sqrt(_GENTLE + counts[STEEPNESS, row, column])
            counts[ITEM_WEIGHT, row, column] -= pace * gradient / root
    slot[items] = -1
