"""What may be said of a listed item: each claim has a condition, and is not made where it fails.

The conditions ask for people, not for counts: a count grows with each taking, and ten of one user
are not ten users (`learners.signals.takers`, `learners.signals.neighbour_kernels`). What a list
cannot be sure of it says in plainer words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.arrays import compiled
from learners.ranking.candidates import Rows
from learners.ranking.context import Context
from learners.ranking.reason_words import Claim, worded
from learners.ranking.search_claims import search_claim
from learners.signals.neighbour_kernels import NEXT, TOGETHER, users_of
from learners.signals.popularity import SHORT, TOTAL
from learners.signals.tables import Signals
from learners.users.chosen import has_chosen
from learners.users.user import User

USERS = 3
"""So many people at least stand behind "often", "popular" and "others"."""
LATELY = 2_500
"""Interactions of the shard that "lately" and "right now" reach back."""
LIKED = 3
"""Of a user's recent items, so many at least are of a category that they are said to like."""
LIKING = 0.02
"""By so much at least they take it more than others do, as a share (`learners.users.profile`)."""
JUST = 5
"""Of a user's newest items, so many are what they look at now."""
CHANCE = 0.5
"""So likely at least is a need that is said to be looked for."""
COSINE = 0.4
"""So near at least are texts of items that are said to be similar."""
NEAREST = 20
"""They are also nearer than all but a part of the catalogue: one in so many."""
_MOST = 2


class Pointer(NamedTuple):
    """A recent item that points to a listed one: its number, and its `row` and `column` there."""

    source: int
    row: int
    column: int


class Claims:
    """The claims that hold for the items `listed` (k,) of a user, by the signals that raised them.

    `rows` are those of the user's recent items. Of these, removed ones are never named.
    """

    def __init__(
        self,
        signals: Signals,
        context: Context,
        user: User,
        rows: Rows,
        listed: NDArray[np.int32],
    ) -> None:
        self._signals, self._context, self._user = signals, context, user
        self._listed: list[int] = listed.tolist()
        self._pointing = pointers(signals, listed, rows, context.recent)
        self._taken = max(int(np.count_nonzero(signals.items.streamed)), 1)
        self._is_above = self._above_average(TOTAL, listed)
        self._is_above_lately = self._above_average(SHORT, listed)
        self._categories = signals.items.categories[:, context.recent]
        self._of_category: dict[int, int] = {}
        self._just = set(self._categories[:, :JUST].ravel().tolist())
        self._claims: dict[str, Callable[[int], str | None]] = {
            "together": self._together,
            "follows": self._follows,
            "meaning": self._meaning,
            "popular": self._popular,
            "trending": self._trending,
            "stage": self._stage,
            "liking": self._liking,
            "intent": self._intent,
            "again": self._again,
            "generated": self._generated,
            "search": self._search,
        }
        self._limit = max(1, int(np.count_nonzero(signals.semantic.has)) // NEAREST)

    def reasons(self, place: int, groups: Sequence[str]) -> tuple[str, ...]:
        """Return at most two claims for a listed item, by what raised it most; never none."""
        said: dict[str, None] = {}
        for group in groups:
            own = self._claims.get(group)
            claim = self._added(group, place) if own is None else own(place)
            if claim is not None:
                said[claim] = None
            if len(said) == _MOST:
                break
        return tuple(said) or (self._plain(place),)

    def _together(self, place: int) -> str | None:
        """Say it where at least one user took both within ten steps; "often" where three did."""
        return self._pair(self._pointing["together"].of(place))

    def _pair(self, pointer: Pointer | None) -> str | None:
        users = 0 if pointer is None else self._users(pointer)[0]
        if pointer is None or not users:
            return None
        often = Claim.TOGETHER_OFTEN if users >= USERS else Claim.TOGETHER
        return worded(often, self._name(pointer))

    def _follows(self, place: int) -> str | None:
        """Say it where a user took it in the step after the other; "often" where three did."""
        pointer = self._pointing["follows"].of(place)
        users = 0 if pointer is None else self._users(pointer)[1]
        if pointer is None or not users:
            return self._pair(pointer)
        often = Claim.AFTER_OFTEN if users >= USERS else Claim.AFTER
        return worded(often, self._name(pointer))

    def _users(self, pointer: Pointer) -> tuple[int, int]:
        return users_of(int(self._signals.neighbours.users[pointer.row, pointer.column]))

    def _meaning(self, place: int) -> str | None:
        """Say it where their texts are near each other, and nearer than most others are."""
        pointer, semantic = self._pointing["meaning"].of(place), self._signals.semantic
        if pointer is None or pointer.column >= self._limit:
            return None
        if semantic.cosines[pointer.row, pointer.column] < COSINE:
            return None
        return worded(Claim.MEANING, self._name(pointer))

    def _name(self, pointer: Pointer) -> str:
        return self._signals.items.name(pointer.source) or ""

    def _popular(self, place: int) -> str | None:
        """Say it where three users took it, and it was taken more than the average item."""
        item = self._listed[place]
        if self._signals.takers.count(item) < USERS:
            return None
        return worded(Claim.POPULAR if self._is_above[place] else Claim.OTHERS)

    def _trending(self, place: int) -> str | None:
        """Say it where, of late, three users took it, and more than average; or somebody did."""
        item, since = self._listed[place], self._context.position - LATELY
        newest = self._signals.takers.newest[:, item]
        if newest[-1] >= max(since, 0) and self._is_above_lately[place]:
            return worded(Claim.NOW)
        return worded(Claim.LATELY) if newest[0] >= max(since, 0) else None

    def _above_average(self, channel: int, listed: NDArray[np.int32]) -> list[bool]:
        """Return which items were taken more than the average of all that were ever taken.

        All interactions at most were takings: that makes the average an upper bound.
        """
        popularity, position = self._signals.popularity, self._context.position
        least = popularity.most(channel, position) / self._taken
        above: list[bool] = (popularity.takings(channel, listed, position) >= least).tolist()
        return above

    def _stage(self, place: int) -> str | None:
        """Say it where three users took it when they had taken about as many steps."""
        users = self._signals.takers.count_at(self._listed[place], self._context.steps)
        return worded(Claim.STAGE) if users >= USERS else None

    def _liking(self, place: int) -> str | None:
        """Say it where three recent items are of the category, and it is liked more than by others.

        Where one item is of it, at least that is said.
        """
        items, context = self._signals.items, self._context
        own = items.categories[:, self._listed[place]].tolist()
        liked = max(own, key=context.liking.__getitem__)
        if liked not in self._of_category:
            self._of_category[liked] = int((self._categories == liked).any(axis=0).sum())
        known = self._of_category[liked]
        if not liked or not known:
            return None
        is_liked = known >= LIKED and context.liking[liked] >= LIKING
        return worded(Claim.LIKING if is_liked else Claim.MORE, items.category_names[liked])

    def _intent(self, place: int) -> str | None:
        """Say it where its need is likely, and one of the newest items answered it too."""
        items, context = self._signals.items, self._context
        own = items.categories[:, self._listed[place]].tolist()
        needed = max(own, key=context.intent.__getitem__)
        if not needed or context.intent[needed] < CHANCE or needed not in self._just:
            return None
        return worded(Claim.INTENT, items.category_names[needed])

    def _again(self, place: int) -> str | None:
        """Say that the user took it, or had an event with it."""
        item = self._listed[place]
        if has_chosen(self._user, item):
            return worded(Claim.AGAIN)
        return worded(Claim.KNOWN) if self._user.has(item) else None

    def _search(self, place: int) -> str | None:
        """Say what of the newest search it answers (`learners.ranking.search_claims`)."""
        search = self._context.search
        if search is None:
            return None
        return search_claim(self._signals, search, self._listed[place], self._limit, USERS)

    def _generated(self, place: int) -> str | None:
        """Say it where a language model named it for this user."""
        is_named = self._listed[place] in self._context.generated.ids
        return worded(Claim.GENERATED) if is_named else None

    def _added(self, signal: str, place: int) -> str | None:
        """Say what a signal that was added says of it."""
        return self._signals.added.explain(signal, self._listed[place], self._context)

    def _plain(self, place: int) -> str:
        """Say what is known of it without a signal: whether anybody took it."""
        item, signals = self._listed[place], self._signals
        if signals.takers.count(item) >= USERS:
            return worded(Claim.OTHERS)
        if signals.popularity.counts[TOTAL, item] > 0.0:
            return worded(Claim.SOMEBODY)
        return worded(Claim.NOTHING if signals.items.streamed[item] else Claim.NEW)


class Pointers:
    """Which of the recent items points to each listed one most strongly, by one kind of row.

    `sources` (r,) are the recent items that have the rows `rows` of such `ids` and `strength`;
    those that are not `named` are left out.
    """

    def __init__(
        self,
        table: tuple[NDArray[np.int32], NDArray[np.float32]],
        rows: NDArray[np.int32],
        sources: NDArray[np.int32],
        named: NDArray[np.bool_],
        listed: NDArray[np.int32],
        slot: NDArray[np.intp],
    ) -> None:
        self._rows, self._sources = rows[named], sources[named]
        self._steps, self._columns = strongest(*table, self._rows, listed, slot)

    def of(self, place: int) -> Pointer | None:
        """Return what points to the listed item at `place`, None where nothing does."""
        step = int(self._steps[place])
        if step < 0:
            return None
        source, row = int(self._sources[step]), int(self._rows[step])
        return Pointer(source, row, int(self._columns[place]))


def pointers(
    signals: Signals, listed: NDArray[np.int32], rows: Rows, recent: NDArray[np.int32]
) -> dict[str, Pointers]:
    """Return what of the recent items points to each listed one, by kind of signal."""
    neighbours, semantic, slot = signals.neighbours, signals.semantic, signals.slot
    named = np.array([bool(signals.items.name(item)) for item in recent.tolist()], bool)
    pair = rows.numbers, recent[rows.places], named[rows.places], listed, slot
    near = rows.near_numbers, recent[rows.near_places], named[rows.near_places], listed, slot
    return {
        "together": Pointers((neighbours.ids, neighbours.counts[TOGETHER]), *pair),
        "follows": Pointers((neighbours.ids, neighbours.counts[NEXT]), *pair),
        "meaning": Pointers((semantic.near, semantic.cosines), *near),
    }


@compiled
def strongest(
    ids: NDArray[np.int32],
    strength: NDArray[np.float32],
    rows: NDArray[np.int32],
    listed: NDArray[np.int32],
    slot: NDArray[np.intp],
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return, for each listed item, which row names it with the highest strength, and where.

    Only strengths above 0 count: else -1. Of equals the first row wins. `slot` holds -1
    everywhere, before and after.
    """
    for place in range(listed.size):
        slot[listed[place]] = place
    found, columns = np.full(listed.size, -1, np.int32), np.full(listed.size, -1, np.int32)
    best = np.zeros(listed.size, np.float32)
    for step in range(rows.size):
        row = rows[step]
        for column in range(ids.shape[1]):
            place = slot[ids[row, column]]
            if place >= 0 and strength[row, column] > best[place]:
                best[place] = strength[row, column]
                found[place], columns[place] = step, column
    slot[listed] = -1
    return found, columns
