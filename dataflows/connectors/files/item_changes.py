"""The file of item changes, followed beside that of the events: what changes in the catalogue.

A line is an item, whole, as in `files.items`, or the removal of one.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from dataflows.connectors.files.beside_file import BesideFile
from dataflows.messages.fields import JsonId
from dataflows.messages.raw import ITEMS, Raw
from dataflows.state.positions import Progress


class ItemRemoval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line that takes an item out: `{"item_id": "242", "removed": true}`."""

    item_id: JsonId
    removed: bool


_MARK = b'"removed"'
_decoder = msgspec.json.Decoder(ItemRemoval)


def removal_line(item_id: str) -> bytes:
    """Return the line that takes an item out."""
    return msgspec.json.encode(ItemRemoval(item_id, removed=True))


class ItemChanges(BesideFile):
    """Reads the changes that have come. A file that is not there is made, if `is_made`."""

    def __init__(
        self, path: Path, progress: Progress, max_bytes: int, *, is_made: bool = True
    ) -> None:
        super().__init__(path, ITEMS, progress, max_bytes, is_made=is_made, whole_only=True)

    def take(self, most: int) -> list[Raw]:
        """Return what has come, at most so many; a removal has a key and no value."""
        return [_as_on_a_topic(raw) for raw in self.read(most)]


def _as_on_a_topic(raw: Raw) -> Raw:
    if raw.value is None or _MARK not in raw.value:
        return raw
    try:
        found = _decoder.decode(raw.value)
    except msgspec.MsgspecError:
        return raw  # an item, or what decoding refuses
    if not found.removed:
        return raw
    key = str(found.item_id).encode("utf-8", "surrogatepass")
    return msgspec.structs.replace(raw, key=key, value=None)
