"""The items of one transaction: read when first needed, written at its end.

An item has a number from the first time that anybody speaks of it, a list or the catalogue. How
many of the present lists hold it is counted as lists change: that is what *popular* means here.
What *trending* means: each list that takes it up counts 1, each that drops it -1, and both halve
with every six hours by the time of the lists (forward decay: Cormode et al., ICDE 2009).
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable
from typing import Any

import msgspec

from dataflows.messages.items import ItemRecord

UNKNOWN, AVAILABLE, UNAVAILABLE, REMOVED = range(4)
"""How an item stands: `UNKNOWN` is one that lists hold and no catalogue told of."""
HALF_LIFE = 6 * 3600.0
MOST_HALVES = 512.0
"""So far a weight may lie from 1 before all of them are written anew: a float ends at 2^1023."""

_records = msgspec.msgpack.Decoder(ItemRecord)
COLUMNS = "number, item_id, title, standing, arrived, lists, rise, record"


class ItemRow(msgspec.Struct):
    """One item as it is stored. `arrived` is its place in the order of arrival, 0 for none."""

    number: int
    item_id: str
    title: str = ""
    standing: int = UNKNOWN
    arrived: int = 0
    lists: int = 0
    rise: float = 0.0
    record: bytes | None = None

    @property
    def is_gone(self) -> bool:
        """Whether it is not to be offered."""
        return self.standing >= UNAVAILABLE

    def decoded(self) -> ItemRecord | None:
        """Return what the catalogue says of it, None where it says nothing."""
        return None if self.record is None else _records.decode(self.record)

    @property
    def categories(self) -> tuple[str, ...]:
        """Its categories, as the catalogue has them."""
        record = self.decoded()
        return () if record is None else record.categories


class ItemRows:
    """The items that a transaction reads and changes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._by_id: dict[str, ItemRow] = {}
        self._by_number: dict[int, ItemRow] = {}
        self._changed: set[int] = set()
        self._counted: set[int] = set()
        self._next = 1 + _only(connection, "SELECT coalesce(max(number), 0) FROM items")
        self._arrivals = _only(connection, "SELECT coalesce(max(arrived), 0) FROM items")
        began = connection.execute("SELECT value FROM facts WHERE name = 'rise_began'").fetchone()
        self._began: float | None = None if began is None else began[0]
        self.is_catalogue_changed = False
        self.looks_changed: set[int] = set()
        """Numbers of items whose categories or standing are others now: lists show them."""

    def get(self, item_id: str) -> ItemRow:
        """Return an item, new where nobody spoke of it yet."""
        row = self._by_id.get(item_id)
        if row is None:
            row = self._keep(
                _read_item(self._connection, "item_id = ?", item_id) or self._new(item_id)
            )
        return row

    def named(self, item_id: str, title: str) -> ItemRow:
        """Return an item of a list, which gives it its title where no catalogue told of it."""
        row = self.get(item_id)
        if row.standing == UNKNOWN and row.title != title:
            row.title = title
            self._changed.add(row.number)
        return row

    def numbered(self, number: int) -> ItemRow:
        """Return the item of a number that was given."""
        row = self._by_number.get(number)
        if row is None:
            found = _read_item(self._connection, "number = ?", number)
            row = self._keep(found or ItemRow(number, ""))
        return row

    def put(self, record: ItemRecord) -> None:
        """Take in what the catalogue says of an item."""
        row = self.get(record.item_id)
        encoded = msgspec.msgpack.encode(record)
        if row.record == encoded:
            return
        former = row.standing, row.categories
        if row.standing in (UNKNOWN, REMOVED):
            self._arrivals += 1
            row.arrived = self._arrivals
        row.title, row.record = record.title, encoded
        row.standing = AVAILABLE if record.available else UNAVAILABLE
        self._changed.add(row.number)
        self.is_catalogue_changed = True
        if former[1] != record.categories:
            self._write_categories(row.number, former[1], record.categories)
        if former != (row.standing, record.categories):
            self.looks_changed.add(row.number)

    def remove(self, item_id: str) -> None:
        """Take an item out: what the catalogue said of it is forgotten."""
        row = self.get(item_id)
        if row.standing != REMOVED:
            self._withdraw(row, REMOVED)

    def forget_catalogue(self) -> None:
        """Forget all that the catalogue said."""
        for (number,) in self._connection.execute(
            "SELECT number FROM items WHERE standing != ?", (UNKNOWN,)
        ).fetchall():
            self._withdraw(self.numbered(number), UNKNOWN)

    def listed(self, row: ItemRow, by: int, at: float) -> None:
        """Count that one list more (`by` 1) or fewer (-1) holds it, by a list made at `at`."""
        row.lists += by
        row.rise += by * self._weight(at)
        self._counted.add(row.number)

    def write(self) -> None:
        """Write what changed."""
        rows = (self._by_number[number] for number in sorted(self._changed))
        self._connection.executemany(
            f"INSERT OR REPLACE INTO items ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - names of our own
            map(msgspec.structs.astuple, rows),
        )
        counted = map(self._by_number.__getitem__, sorted(self._counted - self._changed))
        self._connection.executemany(
            "UPDATE items SET lists = ?, rise = ? WHERE number = ?",
            ((row.lists, row.rise, row.number) for row in counted),
        )

    def _weight(self, at: float) -> float:
        if self._began is None:
            self._began = at
            self._write_began()
        halves = (at - self._began) / HALF_LIFE
        if halves > MOST_HALVES:
            self._begin_later(halves)
            halves = (at - self._began) / HALF_LIFE
        return float(2.0 ** max(halves, -MOST_HALVES))

    def _begin_later(self, halves: float) -> None:
        """Count from a later moment on: all weights become smaller by a power of two."""
        whole = math.floor(halves)
        assert self._began is not None  # noqa: S101 - set before
        self._began += whole * HALF_LIFE
        self._write_began()
        self._connection.execute("UPDATE items SET rise = rise * ?", (2.0**-whole,))
        for row in self._by_number.values():
            row.rise *= 2.0**-whole

    def _write_began(self) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO facts VALUES ('rise_began', ?)", (self._began,)
        )

    def _withdraw(self, row: ItemRow, standing: int) -> None:
        self._write_categories(row.number, row.categories, ())
        row.standing, row.record, row.arrived = standing, None, 0
        self._changed.add(row.number)
        self.is_catalogue_changed = True
        self.looks_changed.add(row.number)

    def _write_categories(
        self, number: int, former: Iterable[str], categories: Iterable[str]
    ) -> None:
        written = self._connection.executemany
        written(
            "DELETE FROM categories WHERE category = ? AND number = ?",
            ((category, number) for category in former),
        )
        written("INSERT INTO categories VALUES (?, ?)", ((one, number) for one in categories))

    def _new(self, item_id: str) -> ItemRow:
        row = ItemRow(self._next, item_id)
        self._next += 1
        self._changed.add(row.number)
        return row

    def _keep(self, row: ItemRow) -> ItemRow:
        self._by_id[row.item_id] = self._by_number[row.number] = row
        return row


def _read_item(connection: sqlite3.Connection, where: str, value: object) -> ItemRow | None:
    """Return the item of which a condition holds, such as `item_id = ?`."""
    found = connection.execute(
        f"SELECT {COLUMNS} FROM items WHERE {where}",  # noqa: S608 - conditions of our own
        (value,),
    ).fetchone()
    return None if found is None else ItemRow(*found)


def _only(connection: sqlite3.Connection, query: str) -> Any:
    return connection.execute(query).fetchone()[0]
