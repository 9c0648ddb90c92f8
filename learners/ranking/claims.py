"""What may be said of listed items: each claim has a condition, and is not made where it fails.

The conditions ask for people, not for counts: a count grows with each taking, and ten of one user
are not ten users (`learners.signals.takers`, `learners.signals.neighbour_kernels`). What a list
cannot be sure of it says in plainer words.

Each condition is worked out for all places of a list at once, and only those of groups of signals
that raised one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from learners.ranking.candidate_kernels import foremost, strongest
from learners.ranking.candidates import Rows
from learners.ranking.context import Context
from learners.ranking.reason_words import WITHIN, WORDS, Claim
from learners.ranking.search_claims import Conditions, search_claims
from learners.signals.neighbour_kernels import NEXT, TOGETHER, pointers, users_of
from learners.signals.popularity import SHORT, TOTAL
from learners.signals.tables import Signals
from learners.users.chosen import has_chosen
from learners.users.user import User

Said = tuple[Conditions, Sequence[str] | None]
"""What a group of signals may say of the items (k,), of which the first that holds is said, and
whom or what that names, None for nobody."""
Sentences = tuple[list[str], Sequence[str] | None]
"""For each item the words of a sentence about it, "" for none, and the name that goes into them.

Only those that are said get their name. Without names the words are the sentence.
"""

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
        self._rows, self._listed = rows, listed
        self._names = signals.items.names(context.recent)
        self._said_by: dict[str, Callable[[], Said]] = {
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

    def reasons(self, groups: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
        """Return at most two claims for each listed item, by what raised it most; never none.

        `groups` (k,) are the groups of signals that raised each item, the strongest first.
        """
        told: dict[str, Sentences] = {}
        reasons: list[tuple[str, ...]] = []
        for place, raised in enumerate(groups):
            said: dict[str, None] = {}
            for group in raised:
                if group not in told:
                    own = self._said_by.get(group)
                    told[group] = self._added(group) if own is None else self._sentences(own())
                words, names = told[group]
                if sentence := words[place]:
                    if names is not None:
                        sentence = _worded(sentence, names[place])
                    said[sentence] = None
                    if len(said) == _MOST:
                        break
            reasons.append(tuple(said))
        if not all(reasons):
            plain, _ = self._sentences(self._plain())
            reasons = [said or (word,) for said, word in zip(reasons, plain, strict=True)]
        return reasons

    def _sentences(self, said: Said) -> Sentences:
        """Return the words of each item's sentence, of the first condition that holds of it."""
        conditions, names = said
        sentences = [""] * len(self._listed)
        for claim, holds in conditions:
            words = WORDS[claim]
            for place, is_so in enumerate(holds.tolist()):
                if is_so and not sentences[place]:
                    sentences[place] = words
        return sentences, names

    def _together(self) -> Said:
        """Say it where at least one user took both within ten steps; "often" where three did."""
        near, _, names = self._pairs[TOGETHER]
        return [(Claim.TOGETHER_OFTEN, near >= USERS), (Claim.TOGETHER, near > 0)], names

    def _follows(self) -> Said:
        """Say it where a user took it in the step after the other; "often" where three did.

        Where nobody did, say that they are taken together, if that is true.
        """
        near, after, names = self._pairs[NEXT]
        return [
            (Claim.AFTER_OFTEN, after >= USERS),
            (Claim.AFTER, after > 0),
            (Claim.TOGETHER_OFTEN, near >= USERS),
            (Claim.TOGETHER, near > 0),
        ], names

    @cached_property
    def _pairs(self) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8], list[str]]]:
        """How many users (k,) took each item near the one that points to it most strongly.

        By what is taken together, and by what follows. The second of both figures is of users who
        took it right after that one. The names are those of the items that point.
        """
        table, rows = self._signals.neighbours, self._rows
        numbers, names = self._named(rows.numbers, rows.places)
        found, held = pointers(table.ids, table.counts, table.users, numbers, self._listed)
        each = zip(found.tolist(), held, strict=True)
        return [(*users_of(users), [names[step] for step in steps]) for steps, users in each]

    def _meaning(self) -> Said:
        """Say it where their texts are near each other, and nearer than most others are."""
        signals, rows = self._signals, self._rows
        table = signals.semantic
        numbers, names = self._named(rows.near_numbers, rows.near_places)
        found, columns, cosines = strongest(
            table.near, table.cosines, table.cosines, numbers, self._listed, signals.slot
        )
        is_near = (cosines >= COSINE) & (columns < _nearest(signals))
        return [(Claim.MEANING, is_near)], [names[step] for step in found.tolist()]

    def _named(
        self, numbers: NDArray[np.int32], places: NDArray[np.intp]
    ) -> tuple[NDArray[np.int32], list[str]]:
        """Return the rows `numbers` (r,) of recent items, at `places`, that have a name, and names.

        After the last name comes "", for whatever none of them points to.
        """
        names = [self._names[place] for place in places.tolist()]
        if not all(names):
            numbers = numbers[[bool(name) for name in names]]
        return numbers, [*filter(None, names), ""]

    def _popular(self) -> Said:
        """Say it where three users took it, and it was taken more than the average item."""
        is_by_others = self._signals.takers.counts(self._listed) >= USERS
        is_popular = is_by_others & self._is_above_average(TOTAL)
        return [(Claim.POPULAR, is_popular), (Claim.OTHERS, is_by_others)], None

    def _trending(self) -> Said:
        """Say it where, of late, three users took it, and more than average; or somebody did."""
        newest = self._signals.takers.newest[:, self._listed]
        is_late = newest >= max(self._context.position - LATELY, 0)
        is_now = is_late[-1] & self._is_above_average(SHORT)
        return [(Claim.NOW, is_now), (Claim.LATELY, is_late[0])], None

    def _is_above_average(self, channel: int) -> NDArray[np.bool_]:
        """Return which items were taken more than the average of all that were ever taken.

        All interactions at most were takings: that makes the average an upper bound.
        """
        popularity, position = self._signals.popularity, self._context.position
        least = popularity.most(channel, position) / self._taken
        is_above: NDArray[np.bool_] = popularity.takings(channel, self._listed, position) >= least
        return is_above

    @cached_property
    def _taken(self) -> int:
        """How many items were ever taken, at least one."""
        return max(int(np.count_nonzero(self._signals.items.streamed)), 1)

    def _stage(self) -> Said:
        """Say it where three users took it when they had taken about as many steps."""
        users = self._signals.takers.counts_at(self._listed, self._context.steps)
        return [(Claim.STAGE, users >= USERS)], None

    def _liking(self) -> Said:
        """Say it where three recent items are of the category, and it is liked more than by others.

        Where one item is of it, at least that is said.
        """
        items, liking, recent = self._signals.items, self._context.liking, self._context.recent
        liked, count = foremost(items.categories, self._listed, recent, liking)
        is_liked = (count >= LIKED) & (liking[liked] >= LIKING)
        names = [items.category_names[category] for category in liked.tolist()]
        return [(Claim.LIKING, is_liked), (Claim.MORE, count > 0)], names

    def _intent(self) -> Said:
        """Say it where its need is likely, and one of the newest items answered it too."""
        items, intent = self._signals.items, self._context.intent
        just = self._context.recent[:JUST]
        needed, count = foremost(items.categories, self._listed, just, intent)
        names = [items.category_names[category] for category in needed.tolist()]
        return [(Claim.INTENT, (count > 0) & (intent[needed] >= CHANCE))], names

    def _again(self) -> Said:
        """Say that the user took it, or had an event with it."""
        is_chosen = has_chosen(self._user, self._listed)
        is_known = (self._listed[:, None] == self._user.seen).any(axis=1)
        return [(Claim.AGAIN, is_chosen), (Claim.KNOWN, is_known)], None

    def _generated(self) -> Said:
        """Say it where a language model named it for this user."""
        is_named = (self._listed[:, None] == self._context.generated.ids).any(axis=1)
        return [(Claim.GENERATED, is_named)], None

    def _search(self) -> Said:
        """Say what of the newest search it answers (`learners.ranking.search_claims`)."""
        signals, search = self._signals, self._context.search
        if search is None:
            return [], None
        conditions = search_claims(signals, search, self._listed, _nearest(signals), USERS)
        return conditions, [search.text] * len(self._listed)

    def _added(self, signal: str) -> Sentences:
        """Return what an added signal says of each item, "" where it says nothing."""
        added, context = self._signals.added, self._context
        return [added.explain(signal, item, context) or "" for item in self._listed.tolist()], None

    def _plain(self) -> Said:
        """Say what is known of it without a signal: whether anybody took it."""
        signals, listed = self._signals, self._listed
        is_streamed = signals.items.streamed[listed]
        return [
            (Claim.OTHERS, signals.takers.counts(listed) >= USERS),
            (Claim.SOMEBODY, signals.popularity.counts[TOTAL, listed] > 0.0),
            (Claim.NOTHING, is_streamed),
            (Claim.NEW, ~is_streamed),
        ], None


@lru_cache(4096)
def _worded(words: str, name: str) -> str:
    """Return a sentence about what has this name."""
    return words.format(name=name.translate(WITHIN))


def _nearest(signals: Signals) -> int:
    """Return how many items are nearer to one than all but a part of the catalogue."""
    return max(1, int(np.count_nonzero(signals.semantic.has)) // NEAREST)
