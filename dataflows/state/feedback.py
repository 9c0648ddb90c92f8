"""What became of lists: who saw which, what of it was taken, at which place and after how long.

An event names a list in `context.list_id`: the `sequence` of a list that was sent, or the `list_id`
of one that was asked for. An event of the type `exposed` says that it was seen (as a whole, or the
one item that it names); any other event that is learnt as wanted says that its item was taken from
it. Both are joined to the list, each item once, and counted. Nothing is learnt from it. Of a page
its own places are seen, and counted as what they are in the whole list: the page before has the
first ones.

The counts are part of the state. The lists themselves are kept in memory, the newest that each user
was sent and, for a bounded number of users, those that they named; of those that were asked for
whoever handed them out knows. What is taken after a restart from a list of before it is counted as
`unknown`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from dataflows.config.event_types import EXPOSED
from dataflows.messages.events import EventRecord
from dataflows.messages.outgoing import Versions
from dataflows.state.records import Load, Record
from learners.codec import pack, unpack_as

KIND = "feedback"
VERSION = 1
MOST_USERS = 20_000
"""For so many users the lists that they saw are kept, those of the newest feedback."""
LISTS_EACH = 4
MOST_PLACES = 50
"""Places that are counted one by one; those farther back are counted as the last of them."""
MOST_VERSIONS = 16
"""The versions of the model with the newest feedback; older ones are added up under ""."""
BOUNDS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1_000.0, 3_600.0, 21_600.0, 86_400.0)
"""Seconds from a list to what is taken from it; each count is up to its bound, one more above."""


class ListPart(NamedTuple):
    """The items of a list, best first, and which of them are its own page.

    `first` is the place, from 0, at which it begins: what stands before was on earlier pages.
    """

    item_ids: tuple[str, ...]
    first: int = 0


HandedOut = Callable[[str, str], ListPart | None]
"""Return a list that was handed out, by user and list id; None where unknown."""


class Shown(msgspec.Struct):
    """How many items were shown, and how many of them taken."""

    exposed: int = 0
    taken: int = 0


class FeedbackCounts(msgspec.Struct):
    """What became of lists since the state began.

    `places` begins with the first place; `versions` is by the fingerprints of model and encoder in
    force when the list was first named, "" for those of long ago. `delays` counts what was taken
    by the seconds since its list was seen (`BOUNDS`). `unknown` counts events that name a list
    which nobody remembers, `foreign` those that name an item which their list does not hold,
    `unseen` what was taken from lists never said to be seen.
    """

    lists: int = 0
    places: list[Shown] = []
    versions: dict[str, Shown] = {}
    delays: list[int] = msgspec.field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    unknown: int = 0
    foreign: int = 0
    unseen: int = 0


class _SeenList(msgspec.Struct):
    """A list that somebody named: `exposed` and `taken` are places of it, from 0.

    `ids` are its own items, at the places from `first` on, which is 0 but for a later page.
    `since` is when it was seen (seconds since 1970), None where nobody said so.
    """

    ids: tuple[str, ...]
    version: str
    first: int = 0
    since: float | None = None
    exposed: set[int] = set()
    taken: set[int] = set()


def named_list(context: Mapping[str, Any]) -> str | None:
    """Return the list that `context.list_id` names, None where it names none."""
    wanted = context.get("list_id")
    # As for every id: an integer is its decimal text, and nothing else is one.
    if not isinstance(wanted, str | int) or isinstance(wanted, bool):
        return None
    return str(wanted).strip() or None


class Feedback:
    """Joins what users do to the lists that they had; state goes through `changed` and `restore`.

    `versions` returns those in force, which lists count for that somebody names now.

    Arguments:
        handed_out: knows the lists that were handed out.
    """

    def __init__(self, handed_out: HandedOut | None = None) -> None:
        self.counts = FeedbackCounts()
        self.versions: Callable[[], Versions | None] = lambda: None
        self._handed_out = handed_out
        self._seen: OrderedDict[str, dict[str, _SeenList]] = OrderedDict()
        self._is_changed = False

    def take(
        self,
        event: EventRecord,
        ts: float,
        name: str,
        listed: tuple[str, ...] | None,
        *,
        is_wanted: bool,
    ) -> None:
        """Join an event to the list that it names (`named_list`).

        `ts` is when it was (seconds since 1970), `listed` are the items of that list if it is the
        newest that its user was sent; `is_wanted` says that the event speaks for its item.
        """
        if not (is_wanted or event.type == EXPOSED):
            return
        self._is_changed = True
        found = self._list(event.user_id, name, listed)
        if found is None:
            self.counts.unknown += 1
        elif event.type == EXPOSED:
            self._expose(found, event.item_id, ts)
        elif event.item_id in found.ids:
            self._count_taken(found, found.ids.index(event.item_id), ts)
        else:
            self.counts.foreign += 1

    def changed(self) -> Iterator[Record]:
        """Yield (kind, key, blob) where something was counted since the last call."""
        if self._is_changed:
            self._is_changed = False
            yield KIND, "", pack(KIND, VERSION, self.counts)

    def restore(self, load: Load) -> None:
        """Restore the counts of an earlier run. Raises `learners.codec.StateError` if damaged."""
        blob = load(KIND, "")
        if blob is not None:
            self.counts = unpack_as(blob, KIND, VERSION, FeedbackCounts)

    def _list(self, user_id: str, name: str, listed: tuple[str, ...] | None) -> _SeenList | None:
        """Return a list of a user, which is kept from now on; None where nobody remembers it."""
        lists = self._seen.get(user_id)
        found = None if lists is None else lists.get(name)
        if found is None:
            part = None if listed is None else ListPart(listed)
            if part is None and self._handed_out is not None:
                part = self._handed_out(user_id, name)
            if part is None:
                return None
            found = _SeenList(part.item_ids[part.first :], self._in_force(), part.first)
            if lists is None:
                lists = self._seen[user_id] = {}
            lists[name] = found
            if len(lists) > LISTS_EACH:
                del lists[next(iter(lists))]
            while len(self._seen) > MOST_USERS:
                self._seen.popitem(last=False)
        self._seen.move_to_end(user_id)
        return found

    def _in_force(self) -> str:
        versions = self.versions()
        return "" if versions is None else f"{versions.model} {versions.encoder}"

    def _expose(self, found: _SeenList, item_id: str | None, ts: float) -> None:
        if item_id is not None and item_id not in found.ids:
            self.counts.foreign += 1
            return
        if found.since is None:
            found.since = ts
            self.counts.lists += 1
        places = range(len(found.ids)) if item_id is None else (found.ids.index(item_id),)
        for place in places:
            if place not in found.exposed:
                found.exposed.add(place)
                self._place(found.first + place).exposed += 1
                self._version(found.version).exposed += 1

    def _count_taken(self, found: _SeenList, place: int, ts: float) -> None:
        if place in found.taken:
            return
        found.taken.add(place)
        self._place(found.first + place).taken += 1
        self._version(found.version).taken += 1
        if found.since is None:
            self.counts.unseen += 1
        else:
            delay = max(0.0, ts - found.since)
            self.counts.delays[sum(delay > bound for bound in BOUNDS)] += 1

    def _place(self, place: int) -> Shown:
        places = self.counts.places
        while len(places) <= min(place, MOST_PLACES - 1):
            places.append(Shown())
        return places[min(place, MOST_PLACES - 1)]

    def _version(self, version: str) -> Shown:
        """Return the counts of a version, which is the newest from now on."""
        versions = self.counts.versions
        found = versions[version] = versions.pop(version) if version in versions else Shown()
        if len(versions) > MOST_VERSIONS:
            oldest = next(name for name in versions if name not in ("", version))
            gone, rest = versions.pop(oldest), versions.setdefault("", Shown())
            rest.exposed += gone.exposed
            rest.taken += gone.taken
        return found
