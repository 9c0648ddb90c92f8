"""The stream gathered for fine-tuning: events cleaned and kept, windows closed by count and time.

A plain object, with nothing of Bytewax in it. All that it knows lies in a store of its own,
written in one transaction with the positions of the input that it includes: after a crash
each event is in there once, and windows close at the same events as if nothing had been.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from dataflows.config.clean import CleanSettings
from dataflows.config.finetune import FinetuneSettings, Kind
from dataflows.engine.cleaning.cleaner import Cleaner
from dataflows.finetune.window.kept import (
    KIND_DUE,
    KIND_EVENT,
    KIND_ITEM,
    VERSION,
    DueWindow,
    event_key,
    read_due,
)
from dataflows.finetune.window.window import WindowEvent, WindowItem
from dataflows.messages.events import EventRecord
from dataflows.messages.items import ItemRecord, RemovedItem
from dataflows.messages.raw import Origin, Raw, Reject
from dataflows.messages.special_events import control_of, late_label
from dataflows.state.ledger import Ledger
from dataflows.state.origins import Origins
from dataflows.state.positions import Progress
from dataflows.state.records import Record, Records
from learners.codec import decode, pack, unpack_as

KIND_CLOCK = "tuning:clock"
KIND_POSITION = "tuning:position"
KIND_ORIGIN = "tuning:origin"


class Arrived(NamedTuple):
    """A record of the stream, and what decoding made of it; None where it is a mark."""

    raw: Raw
    one: EventRecord | ItemRecord | RemovedItem | Reject | None


class _Mark(msgspec.Struct):
    """Where the last window of a kind ended, and when the first event after it was."""

    number: int = 0
    since: int = 0
    since_ts: float | None = None


class _Clock(msgspec.Struct):
    """`next` numbers the next event, `oldest` the oldest one still kept."""

    marks: dict[str, _Mark]
    next: int = 0
    oldest: int = 0


class Collector:
    """Keeps the newest events, and says when a window of a kind is full.

    `store` is its own; `progress` is called with what is stored. Raises StateError for a store that
    is damaged.
    """

    def __init__(
        self,
        store: Records,
        settings: FinetuneSettings,
        clean: CleanSettings,
        progress: Progress | None = None,
    ) -> None:
        self.ledger = Ledger()
        self._store = store
        self._settings = settings
        self._progress = progress
        self._cleaner = Cleaner(clean)
        self._cleaner.restore(store.get, store.scan)
        self.ledger.restore(store.get, store.scan)
        self._positions = read_positions(store)
        blob = store.get(KIND_CLOCK, "")
        self._clock = unpack_as(blob, KIND_CLOCK, VERSION, _Clock) if blob else _Clock({})
        self._due = {due.kind: due for due in read_due(store).values()}
        self._new: dict[int, WindowEvent] = {}
        self._items: dict[str, bytes | None] = {}
        self._moved: set[str] = set()
        self._outdated: set[str] = set()
        self._origins = Origins(KIND_ORIGIN, Origin)
        self._origins.restore(store)

    @property
    def kept(self) -> int:
        """How many events are kept."""
        return self._clock.next - self._clock.oldest

    @property
    def read(self) -> int:
        """How many records came in, over the life of the store."""
        figures: int = self.ledger.as_dict()["in"]
        return figures

    def take(self, arrived: Sequence[Arrived]) -> list[DueWindow]:
        """Collect a micro-batch; return the windows that closed in it."""
        closed: list[DueWindow] = []
        for raw, one in arrived:
            if raw.offset < self._positions.get(raw.partition, 0):
                continue  # delivered again
            if raw.origin is not None:
                self._origins.take({raw.partition: raw.origin}, self._forget)
            self._positions[raw.partition] = raw.next_offset
            self._moved.add(raw.partition)
            if isinstance(one, EventRecord):
                closed += self._take_event(raw, one)
            elif isinstance(one, Reject):
                self.ledger.arrive(raw.partition)
                self.ledger.count(raw.partition, "dead_letter", one.reason)
            elif one is not None:
                self._take_item(one)
        return closed

    def close_all(self) -> list[DueWindow]:
        """Close a window of every kind that is tuned and has anything new."""
        kinds = [kind for kind in self._settings.kinds() if self._fresh(kind)]
        return [self._close(kind) for kind in kinds]

    def commit(self) -> None:
        """Write all that changed in one transaction, then tell how far it reaches."""
        records = list(self._changed())
        if not records:
            return
        self._store.commit(records)
        self._new.clear()
        self._items.clear()
        self._moved.clear()
        self._outdated.clear()
        if self._progress is not None:
            self._progress.report(0, self._positions)

    def _take_event(self, raw: Raw, event: EventRecord) -> Iterator[DueWindow]:
        self.ledger.arrive(raw.partition)
        verdict = self._cleaner.judge(event, raw)
        self.ledger.count(raw.partition, verdict.in_ledger, verdict.reason)
        if verdict.outcome != "learn" or control_of(event) or late_label(event):
            return
        kept = WindowEvent(
            event.event_id,
            event.user_id,
            event.type,
            verdict.ts,
            event.item_id,
            verdict.weight,
            event.text,
            event.intent,
            event.value,
            event.session_id,
            event.retracts,
        )
        self._new[self._clock.next] = kept
        self._clock.next += 1
        for kind in self._settings.kinds():
            if self._is_due(kind, kept.ts):
                yield self._close(kind)

    def _forget(self, partition: str, into: str) -> None:
        """Keep no position of a partition, and count its records under `into`."""
        self._positions.pop(partition, None)
        self._moved.discard(partition)
        self._outdated.add(partition)
        self.ledger.fold(partition, into)

    def _take_item(self, one: ItemRecord | RemovedItem) -> None:
        if isinstance(one, RemovedItem):
            self._items[one.item_id] = None
            return
        item = WindowItem(one.item_id, one.title, one.text, one.categories, one.available)
        self._items[one.item_id] = pack(KIND_ITEM, VERSION, item)

    def _is_due(self, kind: Kind, ts: float) -> bool:
        """Return whether a window is full, now that an event of time `ts` is in it."""
        mark = self._mark(kind)
        if mark.since_ts is None:
            mark.since_ts = ts
        fresh = self._fresh(kind)
        if fresh >= self._settings.events_of(kind):
            return True
        is_time = ts - mark.since_ts >= self._settings.seconds_of(kind)
        return is_time and fresh >= self._settings.least_events

    def _close(self, kind: Kind) -> DueWindow:
        mark, last = self._mark(kind), self._clock.next
        first = max(self._clock.oldest, last - self._settings.window_events)
        due = self._due[kind] = DueWindow(kind, mark.number, first, last)
        self._clock.marks[kind] = _Mark(mark.number + 1, last)
        return due

    def _fresh(self, kind: Kind) -> int:
        return self._clock.next - self._mark(kind).since

    def _mark(self, kind: Kind) -> _Mark:
        return self._clock.marks.setdefault(kind, _Mark())

    def _changed(self) -> Iterator[Record]:
        if not self._moved and not self._is_changed():
            return
        for place, event in self._new.items():
            yield KIND_EVENT, event_key(place), pack(KIND_EVENT, VERSION, event)
        yield from self._forgotten()
        for item_id, blob in self._items.items():
            yield KIND_ITEM, item_id, blob
        for partition in self._outdated:
            yield KIND_POSITION, partition, None
        for partition in self._moved:
            position = self._positions[partition]
            yield KIND_POSITION, partition, msgspec.msgpack.encode(position)
        for due in self._due.values():
            yield KIND_DUE, due.kind, pack(KIND_DUE, VERSION, due)
        yield KIND_CLOCK, "", pack(KIND_CLOCK, VERSION, self._clock)
        yield from self._cleaner.changed()
        yield from self.ledger.changed()
        yield from self._origins.changed()

    def _is_changed(self) -> bool:
        """Return whether a window was closed without any new record."""
        stored = read_due(self._store)
        return any(stored.get(kind) != due for kind, due in self._due.items())

    def _forgotten(self) -> Iterator[Record]:
        """Drop events that no window will hold; one that closed and may be due keeps its."""
        oldest = self._clock.next - self._settings.window_events
        for kind in self._settings.kinds():
            if kind in self._due:
                oldest = min(oldest, self._due[kind].first)
        for place in range(self._clock.oldest, oldest):
            yield KIND_EVENT, event_key(place), None
        self._clock.oldest = max(self._clock.oldest, oldest)


def read_positions(store: Records) -> dict[str, int]:
    """Return partition -> next offset as stored."""
    return {partition: decode(blob, int) for partition, blob in store.scan(KIND_POSITION)}
