"""Items that a language model named for a user: kept for a while, and what each is worth.

They are made elsewhere, some events after they were asked for, and stand beside the other
signals: the items become candidates, and two columns tell the preference learner of them.
Where nothing is to be kept there are no columns, and all is as if this file were not there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from learners.codec import pack, unpack_as
from learners.signals.items import ItemTable
from learners.users.user import User

KIND = "learner:generated"
_VERSION = 1
_FADES = 0.95  # with each event of the user since
_FARTHEST = 20.0

Floats = NDArray[np.float32]
Changed = Iterator[tuple[str, str, bytes | None]]


class NamedCandidates(NamedTuple):
    """What was named for a user: item numbers (n,), and two figures for each (2, n) float32.

    The first is the root of one over the place, the second how much likelier the model holds
    the item for this user than for anybody; both fade with what the user did since.
    """

    ids: NDArray[np.int32]
    rows: Floats


NOTHING = NamedCandidates(np.zeros(0, np.int32), np.zeros((2, 0), np.float32))


class GenerationContext(NamedTuple):
    """What a model is asked about: a user's newest items, oldest first.

    `items` are titles, each with its first category or "". `had` are the ids that are not to be
    named again, `length` counts the user's interactions, `ts` is the time of the newest
    (seconds), 0 where there is none. `search` is what they searched for last, "" where they
    never did; the last `since` of the items came after it.
    """

    items: list[tuple[str, str]]
    had: list[str]
    length: int
    ts: float
    search: str = ""
    since: int = 0


def taken_by(user: User, items: ItemTable, most: int, *, again: bool) -> GenerationContext:
    """Return a user's newest `most` items; `again`: what they have may be named again."""
    shown = [
        (items.title(n), items.first_category(n)) for n in user.recent_window(most).items[::-1]
    ]
    seen = [] if again else [items.ids[number] for number in user.seen.tolist()]
    ts = float(user.times[user.kept - 1]) if user.kept else 0.0
    search = "" if user.search is None else user.search.text
    return GenerationContext(
        shown, seen, user.length, ts, search, min(user.since_search(), len(shown))
    )


class _Made(msgspec.Struct, array_like=True):
    items: list[int]
    lifts: list[float]
    length: int
    ts: float
    position: int
    number: int


class Generated:
    """The items named for each user: `most` of each, of `users` users, for `life` positions."""

    def __init__(self, most: int, users: int, life: int) -> None:
        self.most = most
        self._users = users
        self._life = life
        self.made: OrderedDict[str, _Made] = OrderedDict()
        self._dirty: dict[str, None] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self.made)

    def put(
        self,
        user_id: str,
        items: Sequence[int],
        lifts: Sequence[float],
        asked: tuple[int, float],
        position: int,
    ) -> None:
        """Keep the items named for a user, the best first, in place of earlier ones.

        `lifts` are differences of log-likelihoods (nats); one that is not finite counts as 0.
        `asked` is the user's length and the time of their newest event when it was asked.
        """
        kept = dict(zip(items, lifts, strict=True))
        best = list(kept)[: self.most]
        figures = [float(kept[item]) if np.isfinite(kept[item]) else 0.0 for item in best]
        self.made[user_id] = _Made(best, figures, *asked, position, self._next)
        self._next += 1
        self.made.move_to_end(user_id)
        self._dirty[user_id] = None
        if len(self.made) > self._users:
            self._drop(next(iter(self.made)))

    def of(self, user_id: str, length: int, before: float | None, position: int) -> NamedCandidates:
        """Return what was named for a user of this length, unless it is too old.

        What was asked for with events at the time `before`, or later, is not to be seen yet.
        """
        made = self.made.get(user_id)
        if made is None or position - made.position > self._life:
            return NOTHING
        if before is not None and made.ts >= before:
            return NOTHING
        rows = np.empty((2, len(made.items)), np.float32)
        rows[0] = np.arange(1, len(made.items) + 1) ** -0.5
        rows[1] = np.clip(made.lifts, -_FARTHEST, _FARTHEST)
        rows *= _FADES ** max(0, length - made.length)
        return NamedCandidates(np.array(made.items, np.int32), rows)

    def changed(self, position: int) -> Changed:
        """Yield the records changed since the last call, and forget what is too old."""
        for user_id, made in list(self.made.items()):
            if position - made.position <= self._life:
                break
            self._drop(user_id)
        for user_id in self._dirty:
            found = self.made.get(user_id)
            yield KIND, user_id, None if found is None else pack(KIND, _VERSION, found)
        self._dirty.clear()

    def restore(self, records: Iterator[tuple[str, bytes]]) -> None:
        """Restore what an earlier run stored. Raises `StateError` where it is damaged."""
        stored = [(user_id, unpack_as(blob, KIND, _VERSION, _Made)) for user_id, blob in records]
        self.made = OrderedDict(sorted(stored, key=lambda one: one[1].number))
        self._next = max((made.number for made in self.made.values()), default=-1) + 1

    def _drop(self, user_id: str) -> None:
        del self.made[user_id]
        self._dirty[user_id] = None
