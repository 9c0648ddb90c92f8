"""What is kept of the stream for fine-tuning, as records of its store."""

from __future__ import annotations

import msgspec

from dataflows.config.finetune import Kind
from dataflows.finetune.window.window import WindowEvent, WindowItem
from dataflows.state.records import Records
from learners.codec import unpack_as

KIND_EVENT = "tuning:event"
KIND_ITEM = "tuning:item"
KIND_DUE = "tuning:due"
VERSION = 1
DIGITS = 16


class DueWindow(msgspec.Struct, frozen=True):
    """A window that closed: the kept events `first` up to, not with, `last`, by number."""

    kind: Kind
    number: int
    first: int
    last: int


def event_key(place: int) -> str:
    """Return the key of an event by its number; keys sort as numbers do."""
    return f"{place:0{DIGITS}d}"


def read_due(store: Records) -> dict[Kind, DueWindow]:
    """Return the last window that closed, of each kind."""
    found = (unpack_as(blob, KIND_DUE, VERSION, DueWindow) for _, blob in store.scan(KIND_DUE))
    return {due.kind: due for due in found}


def read_event(store: Records, place: int) -> WindowEvent:
    """Return a kept event by its number. KeyError where it is not kept."""
    blob = store.get(KIND_EVENT, event_key(place))
    if blob is None:
        raise KeyError(place)
    return unpack_as(blob, KIND_EVENT, VERSION, WindowEvent)


def read_items(store: Records) -> dict[str, WindowItem]:
    """Return the catalogue."""
    return {
        item_id: unpack_as(blob, KIND_ITEM, VERSION, WindowItem)
        for item_id, blob in store.scan(KIND_ITEM)
    }
