"""What a user did with an item, as far as it is remembered: a reason says no more."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learners.signals.rests import LastTaken, moment, seconds
from learners.signals.undo import AGAIN, NEVER, TYPE, UNTIL
from learners.users.taken import AT, ITEM, KIND, OFTEN, RESTS
from learners.users.user import ASIDE, NegativeEvent, User

_NOTHING = NegativeEvent(0, 0, -1)


def has_chosen(user: User, items: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return which items (n,) a user certainly took, and did not only speak against.

    An item that they have may be one they only spoke against: that is told by what is kept of
    such events, as long as none of them was forgotten.
    """
    chosen = user.recent[: user.kept]
    if len(user.aside) < ASIDE:
        had = user.had_and_taken()
        chosen = np.concatenate((chosen, had[ITEM, had[OFTEN] > 0]))
    has: NDArray[np.bool_] = (items[:, None] == chosen).any(axis=1)
    return has


def forgive(user: User, aside: NegativeEvent) -> None:
    """Forget an event that spoke against its item.

    Where some may have been forgotten already, a blank keeps its place, so that this stays known.
    """
    blank = [_NOTHING] if len(user.aside) == ASIDE else []
    user.aside = [*blank, *(one for one in user.aside if one is not aside)]


def had_before(user: User, item: int) -> bool:
    """Return whether a user took an item at a time that nothing else is remembered of."""
    known = int(np.count_nonzero(user.recent[: user.kept] == item))
    known += sum(event.item == item for event in user.aside)
    return user.often(item) > known


def lose_repeat(user: User, place: int) -> bool:
    """Return whether there is a repeat less without the interaction at `place`, and note it.

    Where it was none itself, the next of its item is a repeat no longer.
    """
    if not user.words[AGAIN, place]:
        items, again = user.recent[place + 1 : user.kept], user.words[AGAIN]
        later = place + 1 + np.flatnonzero(items == user.recent[place])
        repeats = later[again[later] > 0]
        if not len(repeats):
            return False
        again[repeats[0]] = False
    return True


def last_taken(user: User, column: int) -> LastTaken | None:
    """Return when a user took the item of a column last; None where nobody knows, or there is none.

    That is where the column is below 0.
    """
    if user.taken is None or column < 0 or user.taken[AT, column] == NEVER:
        return None
    return LastTaken(seconds(int(user.taken[AT, column])), int(user.taken[KIND, column]))


def redate(user: User, item: int, gone: int | None) -> None:
    """Note that an event with an item is gone, after which it rested until the moment `gone`.

    None: that is not known, and may be what it rests for now.
    """
    column = user.column(item)
    if user.taken is None or column < 0:
        return
    left = np.flatnonzero(user.recent[: user.kept] == item)
    taken, words = user.taken[:, column], user.words[:, left]
    taken[AT], taken[KIND] = NEVER, 0
    if len(left):
        taken[AT], taken[KIND] = moment(float(user.times[left[-1]])), words[TYPE, -1]
    if gone is None or taken[RESTS] == gone:
        taken[RESTS] = words[UNTIL].max(initial=NEVER)
