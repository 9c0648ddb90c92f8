"""What a store says of items: what is in many lists, what is rising there, what came last."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from dataflows.serve.answers import UnknownError
from dataflows.serve.api_types import ItemAnswer, ItemsAnswer, ScoredItem
from dataflows.serve.stored.store.answer_store import AnswerStore
from dataflows.serve.stored.store.item_rows import (
    AVAILABLE,
    COLUMNS,
    HALF_LIFE,
    REMOVED,
    ItemRow,
)


class Order(NamedTuple):
    """An order of items: which have a place in it, and by what."""

    column: str
    where: str
    ties: str


POPULAR = Order("lists", "lists > 0 AND standing < 2", "item_id")
TRENDING = Order("rise", "rise > 0 AND standing < 2", "item_id")
FALLING = Order("-rise", "rise < 0 AND standing < 2", "item_id")
LATEST = Order("arrived", f"standing = {AVAILABLE}", "arrived")


class StoredItems:
    """Answers questions about items from a store.

    *Popular* is how many of the present lists hold an item, *trending* how many took it up lately
    less those that dropped it, *falling* the other way round, *latest* the order in which the
    catalogue told of items.
    """

    def __init__(self, store: AnswerStore) -> None:
        self._store = store

    def item(self, item_id: str) -> ItemAnswer:
        """Return one item, as the catalogue has it; of one that only lists tell of, its title."""
        row = self.row(item_id)
        if row is None or row.standing == REMOVED:
            raise UnknownError(f"no item {item_id!a} is in the catalogue or in any list")
        record = row.decoded()
        return ItemAnswer(
            item_id=item_id,
            title=row.title,
            text=None if record is None else record.text,
            categories=row.categories,
            attributes={} if record is None else record.attributes,
            is_available=not row.is_gone,
            as_of=self._store.as_of(),
        )

    def popular(self, k: int, categories: Sequence[str]) -> ItemsAnswer:
        """Return the items that most lists hold; the score is how many do."""
        return self._answer((row, float(row.lists)) for row in self.rows(POPULAR, k, categories))

    def trending(self, k: int, categories: Sequence[str]) -> ItemsAnswer:
        """Return the items that lists take up; the score is how many did, fading by the time."""
        return self._risen(TRENDING, 1.0, k, categories)

    def falling(self, k: int, categories: Sequence[str]) -> ItemsAnswer:
        """Return the items that lists drop; the score is how many did, fading by the time."""
        return self._risen(FALLING, -1.0, k, categories)

    def latest(self, k: int, categories: Sequence[str]) -> ItemsAnswer:
        """Return what came into the catalogue last; the score is its place in that order."""
        return self._answer((row, float(row.arrived)) for row in self.rows(LATEST, k, categories))

    def row(self, item_id: str) -> ItemRow | None:
        """Return what is stored of an item, None where nothing is."""
        rows = self._store.read(f"SELECT {COLUMNS} FROM items WHERE item_id = ?", (item_id,))  # noqa: S608 - words of our own
        return ItemRow(*rows[0]) if rows else None

    def rows(self, order: Order, k: int, categories: Collection[str] = ()) -> list[ItemRow]:
        """Return the first items of an order that may be offered, of one of these categories."""
        of = ""
        if categories:
            marks = ", ".join("?" * len(categories))
            of = f" AND number IN (SELECT number FROM categories WHERE category IN ({marks}))"  # noqa: S608 - question marks
        query = (
            f"SELECT {COLUMNS} FROM items WHERE {order.where}{of}"  # noqa: S608 - words of our own
            f" ORDER BY {order.column} DESC, {order.ties} LIMIT ?"
        )
        return [ItemRow(*row) for row in self._store.read(query, (*categories, k))]

    def _risen(self, order: Order, sign: float, k: int, categories: Sequence[str]) -> ItemsAnswer:
        newest, began = self._store.fact("time"), self._store.fact("rise_began")
        weight = sign
        if newest is not None and began is not None:
            weight *= 2.0 ** ((datetime.fromisoformat(newest).timestamp() - began) / HALF_LIFE)
        return self._answer((row, row.rise / weight) for row in self.rows(order, k, categories))

    def _answer(self, scored: Iterator[tuple[ItemRow, float]]) -> ItemsAnswer:
        items = tuple(
            ScoredItem(row.item_id, row.title, score, row.categories) for row, score in scored
        )
        return ItemsAnswer(items=items, as_of=self._store.as_of())
