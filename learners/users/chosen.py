"""What a user did with an item, as far as it is remembered: a reason says no more."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learners.users.user import ASIDE, NegativeEvent, User

_NOTHING = NegativeEvent(0, 0, -1)
_NO_ITEMS = np.zeros((3, 0), np.int32)


def had_and_taken(user: User) -> NDArray[np.int32]:
    """Return what the user has (3, n) int32, as `User.taken` does, but how often they took it.

    An event that spoke against its item, as far as such are remembered, is no taking: 0 for an
    item that they only spoke against.
    """
    if user.taken is None:
        return _NO_ITEMS
    had = user.taken[:, : user.kinds]
    if user.aside:
        had = had.copy()
        for one in user.aside:
            had[1] -= had[0] == one.item
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
