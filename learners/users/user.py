"""What is kept of each user: their recent interactions, not a row of parameters.

A new user works at once, and to forget a person is to delete one record.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from learners.arrays import place_of
from learners.intent.record import IntentRecord
from learners.signals import undo as undo_records
from learners.signals.rests import moment
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
from learners.signals.window import RecentWindow, collect_window, look_back
from learners.users import taken as had
from learners.users.profile import Profile

_SPARE = 32
_PAUSE_STEPS = 3.0  # how much farther back what came before a pause is
ASIDE = 16
_NOTHING = np.zeros(0, np.int32)
_NEVER = np.zeros(0)
_NO_WORDS = np.zeros((WORDS, 0), np.int32)
_NO_FIGURES = np.zeros((FIGURES, 0))
_NO_ITEMS = np.zeros((had.ROWS, 0), np.int32)
_NO_TIME = float("nan")
KEPT = ("recent", "times", "numbers", "words", "figures")
"""Arrays of a `User` with a column for each interaction that is kept."""


class NegativeEvent(msgspec.Struct, array_like=True, frozen=True):
    """An event that speaks against its item: the hashes of its id and type, and the item."""

    event: int
    type: int
    item: int


class UserView(NamedTuple):
    """What a user did before a moment.

    `held_back` counts the newest interactions, which are of that very moment: a group does not see
    itself. `items` (m,) are the newest distinct ones of the others, newest first, `back` (m,)
    float64 how many steps back each lies; a pause of half an hour counts as some more. `gap` is the
    seconds since the newest of them, `session` how many came since a long pause.
    """

    held_back: int
    items: NDArray[np.int32]
    back: NDArray[np.float64]
    gap: float
    session: int


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

    def had_and_taken(self) -> NDArray[np.int32]:
        """Return what the user has (6, n) int32, as `taken` does, but how often they took it.

        An event that spoke against its item, as far as such are remembered, is no taking: 0 for
        an item that they only spoke against.
        """
        if self.taken is None:
            return _NO_ITEMS
        found = self.taken[:, : self.kinds]
        if self.aside:
            found = found.copy()
            for one in self.aside:
                found[had.OFTEN] -= found[had.ITEM] == one.item
        return found

    @property
    def seen(self) -> NDArray[np.int32]:
        """The numbers (m,) of the items that the user already has, oldest first."""
        return _NOTHING if self.taken is None else self.taken[0, : self.kinds]

    def newest_time(self) -> float:
        """Return when the user's last event or search was, in seconds; 0 where there was none."""
        newest = float(self.times[self.kept - 1]) if self.kept else 0.0
        return newest if self.search is None else max(newest, self.search.ts)

    def look_back(self, before: float | None, most: int) -> UserView:
        """Return what the user did before a moment, of which at most `most` items count.

        Without `before` the moment is that of the last event.
        """
        kept = self.recent, self.times, self.numbers, self.figures[COUNTED], self.kept
        at = _NO_TIME if before is None else before
        return UserView(*look_back(*kept, at, most, _PAUSE_STEPS))

    def recent_window(
        self, most: int, held_back: int = 0, pause: float = _PAUSE_STEPS
    ) -> RecentWindow:
        """Return the user's newest distinct items, at most `most`, and how many steps back.

        The newest `held_back` interactions are left out. A pause of half an hour counts as
        `pause` more steps.
        """
        return _window(self, self.kept - held_back, most, pause)

    def window_before(self, item: int, ts: float, most: int) -> RecentWindow:
        """Return what an item taken at `ts` comes after: others, and how many steps lie between.

        -1 for what was taken at the same time.
        """
        window = _window(self, self.kept, most, 0.0, item)
        window.back[:] -= self.is_under_way(ts)
        return window

    def window_before_place(self, place: int, most: int) -> RecentWindow:
        """Return what the interaction at `place` came after, as `window_before` gave it then.

        Less what is no longer remembered or was taken back.
        """
        numbers = self.numbers
        window = _window(self, place, most, 0.0, int(self.recent[place]))
        if place:
            window.back[:] += float(numbers[place] - numbers[place - 1]) - 1.0
        return window

    def since_search(self) -> int:
        """Count the distinct newest items that came after the newest search."""
        after = 0 if self.search is None else min(self.length - self.search.at, self.kept)
        return len(set(self.recent[self.kept - after : self.kept].tolist()))

    def add(
        self,
        item: int,
        ts: float,
        undo: UndoRecord,
        keep: int,
        kinds: int,
        column: int | None = None,
    ) -> bool:
        """Add one interaction with an item; return True where the user already had the item.

        The newest `keep` are kept, and `kinds` items. `column` is the item's, if known; -1: none.
        """
        column = self.column(item) if column is None else column
        column, again = self.take(item, kinds, column), column >= 0
        is_new = not (self.kept and self.times[self.kept - 1] == ts)
        self.steps += is_new
        number = int(self.numbers[self.kept - 1]) + is_new if self.kept else 0
        if self.kept >= keep + _SPARE or self.kept == len(self.recent):
            self._make_place(keep)
        at = self.kept
        self.recent[at], self.times[at], self.numbers[at] = item, ts, number
        undo.write(self.words, self.figures, at)
        self.words[AGAIN, at] = again
        self.kept += 1
        self.length += 1
        if self.taken is not None:
            self.taken[had.AT, column], self.taken[had.KIND, column] = moment(ts), undo.type
            self.rest(column, undo.until)
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

    def is_under_way(self, ts: float) -> bool:
        """Return whether the newest interaction was at `ts`."""
        return self.kept > 0 and bool(self.times[self.kept - 1] == ts)

    def _make_place(self, keep: int) -> None:
        """Make place for one more interaction: let the oldest go, or make room."""
        kept = keep - 1 if self.kept >= keep + _SPARE else self.kept
        room = min(max(2 * kept, 16), keep + _SPARE)
        newest = slice(self.kept - kept, self.kept)
        if newest.start:
            self.older = int(self.numbers[newest.start - 1])
        for name in KEPT:
            known = getattr(self, name)
            roomy = np.empty((*known.shape[:-1], room), known.dtype)
            roomy[..., :kept] = known[..., newest]
            setattr(self, name, roomy)
        self.kept = kept

    def take(self, item: int, kinds: int, column: int) -> int:
        """Note that the user has an item, whose column was -1 where it is new; return its column.

        Of more than `kinds` items the one not taken for longest makes room.
        """
        if column < 0 or self.taken is None:
            return self._take(item, kinds)
        self.taken[1, column] += 1
        self.taken[2, column] = self.length
        return column

    def rest(self, column: int, until: int) -> None:
        """Let the item of a column rest until a moment, at least."""
        if self.taken is not None and self.taken[had.RESTS, column] < until:
            self.taken[had.RESTS, column] = until

    def column(self, item: int) -> int:
        """Return the column of an item in `taken`, -1 where the user has it not."""
        taken = _NO_ITEMS if self.taken is None else self.taken[:, : self.kinds]
        found = (taken[had.ITEM] == item).nonzero()[0]
        return int(found[0]) if found.size else -1

    def _take(self, item: int, most: int) -> int:
        if self.taken is None or not self.taken.shape[1]:
            self.taken = np.empty((had.ROWS, 16), np.int32)
        if self.kinds >= most:  # the one not taken for longest makes room
            self._untake(int(self.taken[2, : self.kinds].argmin()))
        elif self.kinds == self.taken.shape[1]:
            self.taken = np.concatenate((self.taken, np.empty_like(self.taken)), axis=1)
        self.taken[:, self.kinds] = item, 1, self.length, NEVER, 0, NEVER
        self.kinds += 1
        return self.kinds - 1

    def _untake(self, place: int) -> None:
        """Remove a column of what the user has."""
        if self.taken is not None:
            self.taken[:, place : self.kinds - 1] = self.taken[:, place + 1 : self.kinds]
            self.kinds -= 1


def _window(user: User, end: int, most: int, pause: float, apart: int = -1) -> RecentWindow:
    kept = user.recent, user.times, user.numbers, user.figures[COUNTED]
    return RecentWindow(*collect_window(*kept, end, most, pause, apart))
