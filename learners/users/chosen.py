"""What a user did with an item, as far as it is remembered: a reason says no more."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learners.signals.rests import LastTaken, moment, seconds
from learners.signals.undo import AGAIN, NEVER, TYPE, UNTIL, UndoRecord
from learners.users.taken import AT, ITEM, KIND, OFTEN, RESTS, ROWS
from learners.users.user import ASIDE, NegativeEvent, User

_NOTHING = NegativeEvent(0, 0, -1)
_NO_ITEMS = np.zeros((ROWS, 0), np.int32)


def had_and_taken(user: User) -> NDArray[np.int32]:
    """Return what the user has (6, n) int32, as `User.taken` does, but how often they took it.

    An event that spoke against its item, as far as such are remembered, is no taking: 0 for an
    item that they only spoke against.
    """
    if user.taken is None:
        return _NO_ITEMS
    had = user.taken[:, : user.kinds]
    if user.aside:
        had = had.copy()
        for one in user.aside:
            had[OFTEN] -= had[ITEM] == one.item
    return had


def has_chosen(user: User, item: int) -> bool:
    """Return whether a user certainly took an item, and did not only speak against it.

    An item that they have may be one they only spoke against: that is told by what is kept of
    such events, as long as none of them was forgotten.
    """
    if item in user.recent[: user.kept].tolist():
        return True
    against = sum(one.item == item for one in user.aside)
    return len(user.aside) < ASIDE and user.often(item) > against


def is_later(user: User, ts: float) -> bool:
    """Return whether `ts` lies after all that a user ever took, so that an event then follows it.

    An event that comes late, or at the same time as another, follows nothing.
    """
    newest = float(user.times[user.kept - 1]) if user.kept else ts - 1.0
    return ts > newest and (user.profile is None or ts > user.profile.ts)


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


def last_taken(user: User, item: int) -> LastTaken | None:
    """Return when a user took an item last, None where they did not, or nobody knows."""
    column = user.column(item)
    if user.taken is None or column < 0 or user.taken[AT, column] == NEVER:
        return None
    return LastTaken(seconds(int(user.taken[AT, column])), int(user.taken[KIND, column]))


def date(user: User, item: int, ts: float, undo: UndoRecord) -> None:
    """Note when a user took an item that they have now, and until when it rests."""
    if user.taken is not None:
        column = user.column(item)
        user.taken[AT, column], user.taken[KIND, column] = moment(ts), undo.type
        rest(user, item, undo.until)


def rest(user: User, item: int, until: int) -> None:
    """Let an item that a user has rest until a moment, at least."""
    column = user.column(item)
    if user.taken is not None and column >= 0:
        user.taken[RESTS, column] = max(int(user.taken[RESTS, column]), until)


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
