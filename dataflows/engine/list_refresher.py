"""Lists that hold an item which left, became unavailable or was renamed are made anew.

Which lists hold it is found by walking through those that are kept (`LastSent.walk`): with each
record some are looked at, and a few made anew, in the order of user ids. An index of items to
users would find them at once, but cost every list some memory and time; the walk costs nothing
while there is nothing to find. Where it is and what it looks for is kept with all else, so that
lists are made anew at the same records wherever micro-batches end and whatever breaks off.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Iterator
from itertools import islice
from typing import Literal, NamedTuple

import msgspec

from dataflows.config.config import StateSettings
from dataflows.engine.batch import EncodedItem, Removal
from dataflows.engine.item_store import read_item
from dataflows.engine.protocols import Model
from dataflows.lifecycle.rare_warnings import RareWarnings
from dataflows.messages.outgoing import Position, Refreshed
from dataflows.messages.raw import Raw
from dataflows.state.last_sent import LastList, LastSent
from dataflows.state.outbox import Out
from dataflows.state.records import Record, Records
from learners.codec import pack, unpack_as

KIND = "refresh"
KIND_ITEM = "refresh:item"
VERSION = 1

LOOKS_PER_LIST = 8
"""Lists looked at with a record, for each that may be made anew with it."""
AT_A_CHANGE = 32
"""A change of the catalogue does the work of so many events: it is seldom, and all are stale."""
AT_THE_END = 20_000
"""Lists made anew at most at the end of an input, all of which are in memory then."""

Why = Literal["removed", "unavailable", "renamed"]
Send = Callable[[str, Raw, Refreshed], list[Out]]

_log = logging.getLogger(__name__)


class ListSettings(NamedTuple):
    """Of how many users the last list is kept, and how stale ones are made anew.

    `per_record` lists with each record, 0 for none; for at most `items` changed items at a time.
    `is_stopped` says that the process is to end, so that the end of the input is none.
    """

    users: int = 200_000
    per_record: int = 2
    items: int = 10_000
    is_stopped: Callable[[], bool] = lambda: False

    @classmethod
    def of(cls, state: StateSettings, is_stopped: Callable[[], bool]) -> ListSettings:
        """Return what a configuration says."""
        return cls(state.served_users, state.refresh_per_record, state.refresh_items, is_stopped)


AS_USUAL = ListSettings()


class _Cursor(msgspec.Struct, array_like=True, frozen=True, order=True):
    """A place of the walk: the round, the generation of users, the last one looked at."""

    lap: int = 0
    generation: int = 0
    user_id: str = ""


class _Walk(msgspec.Struct, array_like=True):
    """Where the walk is, how many changes there were, and the newest record it came by."""

    at: _Cursor = _Cursor()
    changes: int = 0
    record: Position = Position("", 0)


class _Change(msgspec.Struct, array_like=True, frozen=True):
    """An item that changed: the number of the change, and where the walk was then."""

    number: int
    why: Why
    begun: _Cursor

    @property
    def end(self) -> _Cursor:
        """Where everybody who had a list at the change was looked at."""
        return _Cursor(self.begun.lap + 1, self.begun.generation, self.begun.user_id)


class ListRefresher:
    """Finds the lists that a change of the catalogue made stale, and has them made anew.

    `counts` counts changes that were not followed, as `refresh_left_out`. `send` is called with
    a user, the record that their newest list is as of, and why; it returns the messages.
    State goes through `changed` and `restore`.
    """

    def __init__(
        self,
        settings: ListSettings,
        last_sent: LastSent,
        store: Records,
        counts: dict[str, int],
        send: Send,
    ) -> None:
        self._settings = settings
        self._last_sent = last_sent
        self._store = store
        self._counts = counts
        self._send = send
        self._walk = _Walk()
        self._items: dict[str, _Change] = {}
        self._touched: set[str] = set()
        self._is_changed = False
        self._seldom = RareWarnings(_log)

    def __len__(self) -> int:
        """Return how many changed items are looked for."""
        return len(self._items)

    def note(
        self, record: EncodedItem | Removal, model: Model, stored: Callable[[str], bytes | None]
    ) -> None:
        """Note what a record is about to change; `stored` returns an item as it was stored."""
        item_id = record.item.item_id
        if not self._settings.per_record or self._last_sent.is_empty:
            return
        why = _change(record, model.item_title(item_id), stored)
        if why is None or not model.is_known(item_id):
            return
        if item_id not in self._items and len(self._items) >= self._settings.items:
            self._counts["refresh_left_out"] += 1
            self._seldom.warn(
                "left_out",
                "item %s is %s, and lists with it stay until their users' next events: lists are "
                "looked through for %d items already; raise state.refresh_items",
                *(item_id, why, len(self._items)),
            )
            return
        self._walk.changes += 1
        self._last_sent.changes = self._walk.changes
        self._items.pop(item_id, None)  # the newest change stands last
        self._items[item_id] = _Change(self._walk.changes, why, self._walk.at)
        self._touched.add(item_id)

    def work(self, raw: Raw, pending: Container[str], *, is_change: bool = False) -> list[Out]:
        """Do what an event pays for, or a change of the catalogue; return the messages.

        `pending` holds the users whose next event is at hand, before any other change of the
        catalogue: they get one list, that of their event, and count as if they had two.
        """
        if not self._items or not self._settings.per_record:
            return []
        self._walk.record = Position(raw.partition, raw.offset)
        return self._go_on(self._settings.per_record * (AT_A_CHANGE if is_change else 1), pending)

    def finish(self) -> list[Out]:
        """Make anew what is left at the end of an input; nothing where the process was stopped."""
        outs: list[Out] = []
        before = self._counts["lists_refreshed"]
        while self._items and self._settings.per_record and not self._settings.is_stopped():
            if self._counts["lists_refreshed"] - before >= AT_THE_END:
                _log.warning(
                    "the input ended, and lists are still to be looked through for %d changed "
                    "items: the next run goes on",
                    len(self._items),
                )
                break
            outs += self._go_on(AT_A_CHANGE, ())
        return outs

    def changed(self) -> Iterator[Record]:
        """Yield (kind, key, blob) of what changed since the last call."""
        touched, self._touched = sorted(self._touched), set()
        for item_id in touched:
            found = self._items.get(item_id)
            blob = None if found is None else pack(KIND_ITEM, VERSION, found)
            yield KIND_ITEM, item_id, blob
        if touched or self._is_changed:
            self._is_changed = False
            yield KIND, "", pack(KIND, VERSION, self._walk)

    def restore(self, store: Records) -> None:
        """Restore what is stored. Raises `learners.codec.StateError` if damaged."""
        blob = store.get(KIND, "")
        if blob is not None:
            self._walk = unpack_as(blob, KIND, VERSION, _Walk)
        found = {
            item_id: unpack_as(blob, KIND_ITEM, VERSION, _Change)
            for item_id, blob in store.scan(KIND_ITEM)
        }
        self._items = dict(sorted(found.items(), key=lambda one: one[1].number))
        self._last_sent.changes = self._walk.changes

    def _go_on(self, most: int, pending: Container[str]) -> list[Out]:
        """Make at most so many lists anew; look at `LOOKS_PER_LIST` times as many."""
        outs: list[Out] = []
        looks, left, self._is_changed = most * LOOKS_PER_LIST, most, True
        while self._items and looks and left:
            first, last = self._last_sent.generations
            at = self._walk.at
            if at.generation < first:
                at = _Cursor(at.lap, first)
            users = self._last_sent.walk(at.generation, at.user_id, self._store.scan)
            end = next(reversed(self._items.values())).end
            looked, is_over = 0, True
            for user_id, known in islice(users, looks):
                here = _Cursor(at.lap, at.generation, user_id)
                if here > end:  # or somebody would be looked at twice for one change
                    self._touched.update(self._items)
                    self._items.clear()
                    is_over = False
                    break
                looked, at = looked + 1, here
                if known is None or (why := self._why(known)) is None:
                    continue
                left -= 1
                if user_id not in pending:
                    outs += self._send(user_id, self._as_of(known), why)
                if not left:
                    is_over = False
                    break
            looks -= looked
            if is_over and looks:
                is_last = at.generation >= last
                at = _Cursor(at.lap + is_last, first if is_last else at.generation + 1)
            self._walk.at = at
            self._end_rounds()
        return outs

    def _end_rounds(self) -> None:
        """Forget the items that all lists were looked through for."""
        at = self._walk.at
        while self._items:
            item_id, change = next(iter(self._items.items()))
            if at < change.end:
                return
            del self._items[item_id]
            self._touched.add(item_id)

    def _why(self, known: LastList) -> Refreshed | None:
        """Return why a list is stale, None where it is not."""
        if known.changes >= self._walk.changes:
            return None
        for item_id in known.ids:
            change = self._items.get(item_id)
            if change is not None and known.changes < change.number:
                return Refreshed(change.why, item_id, self._walk.record)
        return None

    def _as_of(self, known: LastList) -> Raw:
        """Return the record of the user's newest event, as far as that is known."""
        partition, offset = known.partition, known.offset
        if not partition:
            partition, offset = self._walk.record.partition, self._walk.record.offset
        return Raw("", partition, offset, offset + 1, None, None)


def _change(
    record: EncodedItem | Removal, title: str, stored: Callable[[str], bytes | None]
) -> Why | None:
    """Return what makes lists stale that hold the item, None for nothing."""
    if isinstance(record, Removal):
        return "removed"
    if record.item.available:
        return "renamed" if record.item.title != title else None
    blob = stored(record.item.item_id)
    is_new = blob is None or read_item(blob).record.available
    return "unavailable" if is_new else None
