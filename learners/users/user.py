"""What is kept of each user: their recent interactions, not a row of parameters.

A new user works at once, and to forget a person is to delete one record. Records
load when first needed, and only a bounded number of them stays in memory. A user who
was idle while `idle` interactions were learnt in the shard is new again, so no more
than `idle` users can be remembered; their records are deleted bucket by bucket.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from learners.arrays import place_of
from learners.codec import pack, unpack, unpack_as, version_of
from learners.intent.record import IntentRecord
from learners.signals import undo as undo_records
from learners.signals.searches import Search, in_space
from learners.signals.undo import (
    AGAIN,
    COUNTED,
    EVENT,
    FIGURES,
    HUB,
    NEVER,
    TYPE,
    WORDS,
    UndoRecord,
)
from learners.signals.window import PAUSE, RecentWindow, collect_window, in_a_row
from learners.users import taken as had
from learners.users.profile import Profile

KIND = "learner:user"
BUCKET_KIND = "learner:users-seen"
_VERSION = 4
_FLAT = 3
"""The version of records in which the fields of `intent` stood beside the others."""
_BUCKET_VERSION = 3
_BUCKET = 2_000
_SPARE = 32
_PAUSE_STEPS = 3.0  # how much farther back what came before a pause is
ASIDE = 16
_NOTHING = np.zeros(0, np.int32)
_NEVER = np.zeros(0)
_NO_WORDS = np.zeros((WORDS, 0), np.int32)
_NO_FIGURES = np.zeros((FIGURES, 0))
_KEPT = ("recent", "times", "numbers", "words", "figures")
"""Arrays of a `User` with a column for each interaction that is kept."""

Changed = Iterator[tuple[str, str, bytes | None]]


class NegativeEvent(msgspec.Struct, array_like=True, frozen=True):
    """An event that speaks against its item: the hashes of its id and type, and the item."""

    event: int
    type: int
    item: int


class User(msgspec.Struct):
    """One user's record.

    The first `kept` of `recent` (room,) int32 and of `times` (room,) float64, in seconds, are the
    newest interactions, newest last; `numbers` (room,) int32 number their steps, and `words` and
    `figures` are their undo records (`learners.signals.undo`). `older` is the number of the newest
    step of those that are kept no longer, -1 where all are. `aside` are the newest events that
    spoke against their items, newest last. `length` counts all interactions, `steps` the times at
    which there were any, as they follow each other in the order of arrival
    (`learners.signals.window`), `last` is the shard position of the newest event of any kind.
    `taken` (6, room) int32 holds the items that the user already has (`learners.users.taken`);
    `kinds` of its columns are in use. `intent` is all that the learners of intent know of the
    user, `profile` what the profile learner does. `space` tells in which encoder's space the
    vectors are: the number of switches before. `search` is what the user searched for last.
    """

    recent: NDArray[np.int32] = _NOTHING
    times: NDArray[np.float64] = _NEVER
    numbers: NDArray[np.int32] = _NOTHING
    words: NDArray[np.int32] = _NO_WORDS
    figures: NDArray[np.float64] = _NO_FIGURES
    aside: list[NegativeEvent] = []
    older: int = -1
    kept: int = 0
    length: int = 0
    steps: int = 0
    last: int = -1
    taken: NDArray[np.int32] | None = None
    kinds: int = 0
    intent: IntentRecord = msgspec.field(default_factory=IntentRecord)
    profile: Profile | None = None
    space: int = 0
    search: Search | None = None

    def move(self, space: int, moved: User | None = None) -> None:
        """Leave the vectors of another space behind; take those of `moved`, where it is given."""
        self.space = space
        self.words[HUB] = -1
        if self.search is not None:
            found = None if moved is None else moved.search
            self.search = in_space(self.search, found)
        self.intent.move(None if moved is None else moved.intent)

    def has(self, item: int) -> bool:
        """Return whether the user already has an item."""
        return self.column(item) >= 0

    @property
    def seen(self) -> NDArray[np.int32]:
        """The numbers (m,) of the items that the user already has, oldest first."""
        return _NOTHING if self.taken is None else self.taken[0, : self.kinds]

    def held_back(self, before: float | None) -> int:
        """Count the newest interactions at that very time: a group does not see itself."""
        end = self.kept
        if before is not None:
            while end and self.times[end - 1] == before:
                end -= 1
        return self.kept - end

    def newest_time(self) -> float:
        """Return when the user's last event or search was, in seconds; 0 where there was none."""
        newest = float(self.times[self.kept - 1]) if self.kept else 0.0
        return newest if self.search is None else max(newest, self.search.ts)

    def pace(self, before: float | None, held_back: int, most: int) -> tuple[float, int]:
        """Return the seconds since the last event, and how many came since a long pause.

        At most the newest `most` are counted. Without `before` the moment is the last event's.
        """
        end = self.kept - held_back
        if not end:
            return 0.0, 0
        gap = max(before - float(self.times[end - 1]), 0.0) if before is not None else 0.0
        return gap, 0 if gap > PAUSE else in_a_row(self.times, end, most)

    def recent_window(
        self, most: int, held_back: int = 0, pause: float = _PAUSE_STEPS
    ) -> RecentWindow:
        """Return the user's newest distinct items, at most `most`, and how many steps back.

        The newest `held_back` interactions are left out. A pause of half an hour counts as
        `pause` more steps.
        """
        return _window(self, self.kept - held_back, most, pause)

    def steps_before(self, ts: float | None) -> int:
        """Count the steps, less the one that is under way at `ts`, if there is one."""
        return self.steps - self._is_under_way(ts)

    def window_before(self, item: int, ts: float, most: int) -> RecentWindow:
        """Return what an item taken at `ts` comes after: others, and how many steps lie between.

        -1 for what was taken at the same time.
        """
        window = _window(self, self.kept, most + 1, 0.0)
        window.back[:] -= self._is_under_way(ts)
        return window.without(item, most)

    def window_before_place(self, place: int, most: int) -> RecentWindow:
        """Return what the interaction at `place` came after, as `window_before` gave it then.

        Less what is no longer remembered or was taken back.
        """
        numbers = self.numbers
        window = _window(self, place, most + 1, 0.0)
        if place:
            window.back[:] += float(numbers[place] - numbers[place - 1]) - 1.0
        return window.without(int(self.recent[place]), most)

    def since_search(self) -> int:
        """Count the distinct newest items that came after the newest search."""
        after = 0 if self.search is None else min(self.length - self.search.at, self.kept)
        return len(set(self.recent[self.kept - after : self.kept].tolist()))

    def add(self, item: int, ts: float, undo: UndoRecord, keep: int, kinds: int) -> bool:
        """Add one interaction; return True where the user already had the item."""
        again = self.take(item, kinds)
        is_new = not self._is_under_way(ts)
        self.steps += is_new
        number = int(self.numbers[self.kept - 1]) + is_new if self.kept else 0
        if self.kept >= keep + _SPARE or self.kept == len(self.recent):
            self._make_place(keep)
        at = self.kept
        self.recent[at], self.times[at], self.numbers[at] = item, ts, number
        self.note(at, undo)
        self.words[AGAIN, at] = again
        self.kept += 1
        self.length += 1
        return again

    def place_of(self, event: int) -> int:
        """Return where among the newest interactions the event with this hash is, -1: nowhere."""
        return place_of(self.words[EVENT, : self.kept], event)

    def newest_of(self, kind: int, item: int) -> int | None:
        """Return the hash of the newest event of a type (its hash) with an item, None for none."""
        types, items = self.words[TYPE, : self.kept], self.recent[: self.kept]
        places = np.flatnonzero((types == kind) & (items == item))
        if len(places):
            return int(self.words[EVENT, places[-1]])
        asides = [one.event for one in self.aside if (one.type, one.item) == (kind, item)]
        return asides[-1] if asides else None

    def often(self, item: int) -> int:
        """Return how often the user took an item."""
        place = self.column(item)
        return 0 if self.taken is None or place < 0 else int(self.taken[1, place])

    def note(self, place: int, undo: UndoRecord) -> None:
        """Note what the interaction at `place` counted."""
        undo.write(self.words, self.figures, place)

    def undo_record(self, place: int) -> UndoRecord:
        """Return what was noted of the interaction at `place`."""
        return undo_records.read(self.words, self.figures, place)

    def set_aside(self, event: int, kind: int, item: int) -> None:
        """Remember an event of these hashes that speaks against an item."""
        self.aside = [*self.aside[1 - ASIDE :], NegativeEvent(event, kind, item)]

    def drop(self, place: int) -> None:
        """Remove the interaction at `place`, as if it had not been."""
        item, number = int(self.recent[place]), self.length - self.kept + place
        self.steps -= self._is_alone(place)
        for kept in (self.recent, self.times, self.numbers, *self.words, *self.figures):
            kept[place : self.kept - 1] = kept[place + 1 : self.kept]
        self.kept -= 1
        self.length -= 1
        if self.taken is not None:
            last = self.taken[2, : self.kinds]
            last[last > number] -= 1
        if self.search is not None and self.search.at > number:
            self.search = msgspec.structs.replace(self.search, at=self.search.at - 1)
        self.untake(item, number)

    def _is_alone(self, place: int) -> bool:
        """Return whether the interaction at `place` is a step of its own."""
        number, end = self.numbers[place], self.kept - 1
        before = (self.numbers[place - 1] if place else self.older) == number
        return not (before or (place < end and self.numbers[place + 1] == number))

    def untake(self, item: int, number: int = -1) -> None:
        """Count an item once less for the user; `number` is that of the interaction, if known."""
        place = self.column(item)
        if self.taken is None or place < 0:
            return
        self.taken[1, place] -= 1
        if self.taken[1, place] <= 0:
            self._untake(place)
        elif self.taken[2, place] == number:
            # Where it is not among the newest any more, it was just before these at the latest.
            at = np.flatnonzero(self.recent[: self.kept] == item)
            before = self.length - self.kept
            self.taken[2, place] = before + int(at[-1]) if len(at) else max(before - 1, 0)

    def _is_under_way(self, ts: float | None) -> bool:
        """Return whether the newest interaction was at `ts`."""
        return self.kept > 0 and bool(self.times[self.kept - 1] == ts)

    def _make_place(self, keep: int) -> None:
        """Make place for one more interaction: let the oldest go, or make room."""
        kept = keep - 1 if self.kept >= keep + _SPARE else self.kept
        room = min(max(2 * kept, 16), keep + _SPARE)
        newest = slice(self.kept - kept, self.kept)
        if newest.start:
            self.older = int(self.numbers[newest.start - 1])
        for name in _KEPT:
            known = getattr(self, name)
            roomy = np.empty((*known.shape[:-1], room), known.dtype)
            roomy[..., :kept] = known[..., newest]
            setattr(self, name, roomy)
        self.kept = kept

    def take(self, item: int, kinds: int) -> bool:
        """Note that the user has an item; True where they had it already."""
        place = self.column(item)
        if self.taken is not None and place >= 0:
            self.taken[1, place] += 1
            self.taken[2, place] = self.length
        else:
            self._take(item, kinds)
        return place >= 0

    def column(self, item: int) -> int:
        """Return the column of an item in `taken`, -1 where the user has it not."""
        return -1 if self.taken is None else place_of(self.taken[0, : self.kinds], item)

    def _take(self, item: int, most: int) -> None:
        if self.taken is None or not self.taken.shape[1]:
            self.taken = np.empty((had.ROWS, 16), np.int32)
        if self.kinds >= most:  # the one not taken for longest makes room
            self._untake(int(self.taken[2, : self.kinds].argmin()))
        elif self.kinds == self.taken.shape[1]:
            self.taken = np.concatenate((self.taken, np.empty_like(self.taken)), axis=1)
        self.taken[:, self.kinds] = item, 1, self.length, NEVER, 0, NEVER
        self.kinds += 1

    def _untake(self, place: int) -> None:
        """Remove a column of what the user has."""
        if self.taken is not None:
            self.taken[:, place : self.kinds - 1] = self.taken[:, place + 1 : self.kinds]
            self.kinds -= 1


class Users:
    """All users of a shard, loaded through `load(kind, key)` when first needed."""

    def __init__(self, load: Callable[[str, str], bytes | None], in_memory: int, idle: int) -> None:
        self._load = load
        self._in_memory = in_memory
        self._idle = idle
        self.space = 0
        self._loaded: OrderedDict[str, User] = OrderedDict()
        self._dirty: set[str] = set()
        self._oldest = -1
        self._bucket = 0
        self._bucket_users: dict[str, None] = {}
        self._bucket_dirty = False
        self._closed: dict[int, list[str]] = {}

    def __len__(self) -> int:
        """Return how many are loaded."""
        return len(self._loaded)

    def get(self, user_id: str, position: int) -> User:
        """Return a user's record as of `position`; a fresh one for a new or forgotten user.

        A fresh one is kept only when it is touched: to ask for a list leaves no trace.
        """
        user = self._loaded.get(user_id)
        if user is None:
            user = self._read(user_id)
            if user is None:
                return User(space=self.space)
            self._loaded[user_id] = user
        self._loaded.move_to_end(user_id)
        if user.space != self.space:
            user.move(self.space)
        return User(space=self.space) if position - user.last > self._idle else user

    def switch(self, moved: Mapping[str, User], position: int) -> None:
        """Switch to another space: those who were moved with their vectors, all others without."""
        self.space += 1
        for user_id, made in moved.items():
            user = self.get(user_id, position)
            if user_id in self._loaded:
                user.move(self.space, made)
                self._dirty.add(user_id)

    def touch(self, user_id: str, user: User, position: int) -> None:
        """Keep a user as changed by the interaction at `position`."""
        user.last = position
        self._loaded[user_id] = user
        self._loaded.move_to_end(user_id)
        self._dirty.add(user_id)
        bucket = position // _BUCKET
        if bucket != self._bucket:
            self._closed[self._bucket] = list(self._bucket_users)
            self._bucket, self._bucket_users = bucket, {}
        self._bucket_users[user_id] = None
        self._bucket_dirty = True

    def changed(self, position: int) -> Changed:
        """Yield the records changed since the last call, and forget users idle too long."""
        for user_id in self._dirty:
            yield KIND, user_id, _encode(self._loaded[user_id])
        self._dirty.clear()
        for bucket, users in self._closed.items():
            yield BUCKET_KIND, str(bucket), pack(BUCKET_KIND, _BUCKET_VERSION, users)
        self._closed.clear()
        if self._bucket_dirty:
            users = list(self._bucket_users)
            yield BUCKET_KIND, str(self._bucket), pack(BUCKET_KIND, _BUCKET_VERSION, users)
            self._bucket_dirty = False
        yield from self._expire(position)
        while len(self._loaded) > self._in_memory:
            self._loaded.popitem(last=False)

    def restore(self, buckets: Iterator[tuple[str, bytes]]) -> None:
        """Restore the newest bucket of users seen; the records themselves load lazily."""
        newest, blob = -1, b""
        for key, value in buckets:
            if int(key) > newest:
                newest, blob = int(key), value
            self._oldest = min(self._oldest, int(key)) if self._oldest >= 0 else int(key)
        if newest >= 0:
            self._bucket = newest
            self._bucket_users = dict.fromkeys(unpack(blob, BUCKET_KIND, _BUCKET_VERSION))

    def _expire(self, position: int) -> Changed:
        """Delete what buckets that fell out of the idle span still hold, a few per call."""
        limit = (position - self._idle) // _BUCKET
        start = max(self._oldest, 0)
        for bucket in range(start, min(limit, start + 50)):
            blob = self._load(BUCKET_KIND, str(bucket))
            for user_id in unpack(blob, BUCKET_KIND, _BUCKET_VERSION) if blob else ():
                user = self._loaded.get(user_id) or self._read(user_id)
                if user is not None and user.last // _BUCKET <= bucket:
                    self._loaded.pop(user_id, None)
                    yield KIND, user_id, None
            yield BUCKET_KIND, str(bucket), None
            self._oldest = bucket + 1

    def _read(self, user_id: str) -> User | None:
        blob = self._load(KIND, user_id)
        if blob is None:
            return None
        user = unpack_as(blob, KIND, (_VERSION, _FLAT), User)
        if version_of(blob)[1] == _FLAT:
            user.intent = unpack_as(blob, KIND, _FLAT, IntentRecord)
        user.words, user.figures = undo_records.whole(user.words, user.figures)
        user.taken = None if user.taken is None else had.widened(user.taken)
        return user


def _window(user: User, end: int, most: int, pause: float) -> RecentWindow:
    kept = user.recent, user.times, user.numbers, user.figures[COUNTED]
    return RecentWindow(*collect_window(*kept, end, most, pause))


def _encode(user: User) -> bytes:
    for name in _KEPT:
        setattr(user, name, getattr(user, name)[..., : user.kept].copy())
    if user.taken is not None:
        user.taken = user.taken[:, : user.kinds].copy()
    return pack(KIND, _VERSION, user)
