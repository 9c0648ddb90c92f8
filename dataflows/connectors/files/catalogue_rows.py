"""The ids in a file of items, of rows that cannot be used too."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from dataflows.messages.fields import read_id
from dataflows.messages.raw import Raw, Refused

_NAMED = re.compile(rb'"item_id"\s*:\s*("(?:[^"\\]|\\.)*"|-?[0-9]+)\s*[,}]')


class _Row(msgspec.Struct):
    item_id: int | str


_row = msgspec.json.Decoder(_Row)
_value = msgspec.json.Decoder(int | str)


class ListedItems(msgspec.Struct, frozen=True):
    """What a file of items lists.

    `ids` are those of all rows, be the rest of the row as it may: a slip in a row takes no
    item out. `repeated` are ids that more than one row has. `unnamed` counts rows of which no
    id can be read. `end` is where reading goes on behind the last row.
    """

    ids: set[str]
    repeated: list[str]
    unnamed: int
    end: int


def read_listed(rows: Iterable[Raw], max_id_chars: int = 256) -> ListedItems:
    """Read the ids of all rows of a file."""
    ids: set[str] = set()
    repeated: dict[str, None] = {}
    unnamed = end = 0
    for raw in rows:
        end = raw.next_offset
        item_id = row_id(raw.value or b"", max_id_chars)
        if item_id is None:
            unnamed += 1
        elif item_id in ids:
            repeated[item_id] = None
        else:
            ids.add(item_id)
    return ListedItems(ids, list(repeated), unnamed, end)


def row_id(row: bytes, max_id_chars: int = 256) -> str | None:
    """Return the id in a row of a catalogue, None where none can be read."""
    try:
        found = _row.decode(row).item_id
    except (ValueError, RecursionError):  # what else is wrong with it does not matter here
        named = _NAMED.search(row)
        if named is None:
            return None
        try:
            found = _value.decode(named[1])
        except ValueError:
            return None
    try:
        return read_id(found, "item_id", max_id_chars)
    except Refused:
        return None
