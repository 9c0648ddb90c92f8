"""A window of the stream, as fine-tuning sees it, and its split into what is trained on and not.

The newest slice is never trained on: it is what old and new are compared on. It is taken
from events that are new since the last window, so that the model in force was not trained
on them either; and nothing that is trained on lies after its beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from dataflows.config.finetune import Kind
from dataflows.messages.retractions import Retracts


class WindowEvent(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One event after cleaning: as `learners.types.Interaction`, without vector and place.

    One with `retracts` takes another one back, and neither of them is in a `Window`.
    """

    event_id: str
    user_id: str
    type: str
    ts: float
    item_id: str | None = None
    weight: float = 1.0
    text: str | None = None
    intent: str | None = None
    value: float | None = None
    session_id: str | None = None
    retracts: Retracts | None = None


class WindowItem(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One item of the catalogue. `available` is false for one that left it."""

    item_id: str
    title: str
    text: str | None = None
    categories: tuple[str, ...] = ()
    available: bool = True


class Window(msgspec.Struct, frozen=True):
    """The newest events of the stream, in the order in which they came; the last `fresh` are new.

    `number` counts the windows of a kind, from 0. `items` is the catalogue as of the last
    event.
    """

    kind: Kind
    number: int
    events: list[WindowEvent]
    fresh: int
    items: dict[str, WindowItem]


def standing(events: Sequence[WindowEvent]) -> list[bool]:
    """Return which events, in the order of arrival, still stand: nothing took them back.

    What takes another one back does not stand either.
    """
    stands = [event.retracts is None for event in events]
    by_id: dict[tuple[str, str], int] = {}
    of_kind: dict[tuple[str, str, str | None], list[int]] = {}
    for place, event in enumerate(events):
        what = event.retracts
        if what is None:
            by_id[event.user_id, event.event_id] = place
            of_kind.setdefault((event.user_id, event.type, event.item_id), []).append(place)
        elif what.event_id is not None:
            meant = by_id.pop((event.user_id, what.event_id), place)
            stands[meant] = False
        else:
            newest = of_kind.get((event.user_id, what.type or "", event.item_id), [])
            while newest and not stands[newest[-1]]:
                newest.pop()
            if newest:
                stands[newest.pop()] = False
    return stands


class Split(msgspec.Struct, frozen=True):
    """A window, parted: both parts in the order of time, ties in the order of arrival."""

    train: list[WindowEvent]
    newest: list[WindowEvent]
    items: dict[str, WindowItem]

    def span(self) -> dict[str, float]:
        """Return what was trained on and judged on, in plain figures for a manifest."""
        facts: dict[str, float] = {"events": len(self.train), "newest": len(self.newest)}
        if self.train:
            facts |= {"first_ts": self.train[0].ts, "last_ts": self.train[-1].ts}
        if self.newest:
            facts |= {"newest_first_ts": self.newest[0].ts, "newest_last_ts": self.newest[-1].ts}
        return facts


def split(window: Window, share: float) -> Split:
    """Set the newest part of a window apart: `share` of it, at most all that is fresh.

    Parted between two times, so events of one time stay together: those at the time of the
    cut are in the newest part. Events that are later than the cut but not fresh are in
    neither.
    """
    known = len(window.events) - window.fresh
    fresh = sorted(window.events[known:], key=_time)
    count = min(len(fresh), round(share * len(window.events)))
    if not count:
        return Split(sorted(window.events, key=_time), [], window.items)
    cut = fresh[-count].ts
    train = sorted((event for event in window.events if event.ts < cut), key=_time)
    return Split(train, [event for event in fresh if event.ts >= cut], window.items)


def write_log(
    folder: Path, events: Sequence[WindowEvent], items: dict[str, WindowItem]
) -> tuple[Path, Path]:
    """Write events.jsonl and items.jsonl as `penchant replay` reads them; return both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "events.jsonl", folder / "items.jsonl"
    with paths[0].open("wb") as out:
        out.writelines(msgspec.json.encode(_event_record(event)) + b"\n" for event in events)
    with paths[1].open("wb") as out:
        out.writelines(msgspec.json.encode(_item_record(item)) + b"\n" for item in items.values())
    return paths


def _event_record(event: WindowEvent) -> dict[str, object]:
    """Return the record of an event; its time as ISO 8601, which any time unit leaves alone."""
    fields = msgspec.structs.asdict(event)
    del fields["weight"], fields["retracts"]
    fields["ts"] = datetime.fromtimestamp(event.ts, UTC).isoformat(timespec="microseconds")
    return {name: value for name, value in fields.items() if value is not None}


def _item_record(item: WindowItem) -> dict[str, object]:
    return {
        name: value for name, value in msgspec.structs.asdict(item).items() if value is not None
    }


def _time(event: WindowEvent) -> float:
    return event.ts
