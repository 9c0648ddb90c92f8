"""The catalogue as it lies in the store: each item with the vector of its text.

Read at start, so that no item is encoded again whose text and encoder are the same.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np

from dataflows.engine.batch import EncodedItem
from dataflows.messages.items import ItemRecord
from dataflows.state.records import Records
from dataflows.state.store import Store
from learners.codec import pack, unpack_as
from learners.types import Item, Vector

KIND = "item"
VERSION = 1


class StoredItem(msgspec.Struct, frozen=True, array_like=True):
    """An item, the text that was encoded for it, by which encoder, and the vector `(dim,)`."""

    record: ItemRecord
    text: str | None
    encoder: str
    vector: np.ndarray | None


def item_blob(encoded: EncodedItem, encoder: str) -> bytes:
    """Return the record's bytes; `encoder` is the version that made the vector."""
    stored = StoredItem(encoded.item, encoded.text, encoder, encoded.vector)
    return pack(KIND, VERSION, stored)


def moved_blob(stored: StoredItem, vector: Vector | None, encoder: str) -> bytes:
    """Return the bytes of a stored item with the vector of another encoder."""
    moved = msgspec.structs.replace(stored, encoder=encoder, vector=vector)
    return pack(KIND, VERSION, moved)


def read_item(blob: bytes) -> StoredItem:
    """Read what `item_blob` wrote. Raises `learners.codec.StateError` if damaged."""
    return unpack_as(blob, KIND, VERSION, StoredItem)


def to_item(record: ItemRecord, vector: Vector | None) -> Item:
    """Return the item as the learners see it."""
    return Item(
        record.item_id,
        record.title,
        record.categories,
        record.available,
        vector,
        attributes=record.attributes,
    )


def stored_items(folder: Path, shards: int) -> set[str]:
    """Return the ids of the items in a state, of any shard."""
    found: set[str] = set()
    for shard in range(shards):
        store = Store.reader(folder, shard)
        if store is not None:
            with closing(store):
                found.update(store.keys(KIND))
    return found


class Catalogue:
    """Titles of all items, and vectors by text, for the encode step.

    Titles follow the records in the order of the stream, so what an event is
    encoded with does not depend on where a batch ends.

    `titles` are by item, and the encode step's to keep up to date. `records` is a view of a store,
    None where there is none yet. `encoder` is the version whose
    vectors are asked for; it may be set anew.
    """

    def __init__(self, records: Records | None, encoder: str) -> None:
        self.encoder = encoder
        self._records = records
        self.titles: dict[str, str] = {}
        if records is not None:
            for item_id, blob in records.scan(KIND):
                self.titles[item_id] = read_item(blob).record.title

    def vector(self, item_id: str, text: str) -> Vector | None:
        """Return the stored vector of this item if text and encoder are the same, else None."""
        blob = self._records.get(KIND, item_id) if self._records is not None else None
        if blob is None:
            return None
        stored = read_item(blob)
        is_same = stored.text == text and stored.encoder == self.encoder
        return stored.vector if is_same else None
