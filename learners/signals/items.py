"""The item table: what is known of each item, under a small whole number.

An item gets its number when it is first heard of, from the catalogue or from the
stream, and keeps it: learnt arrays and users' records name items by number.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learners.arrays import grown
from learners.types import Item

MAX_CATEGORIES = 4
NO_CATEGORY = 0


class ItemTable:
    """Numbers, titles, categories and flags of items, in arrays indexed by item number.

    `available` (n,) bool: may be recommended. `streamed` (n,) bool: someone interacted
    with it. `last` (n,) float64: position of its newest interaction. `cleared` (n,) float64:
    position up to which all its counts were emptied, -1 where they never were. `categories`
    (4, n) int32: category numbers, 0 where there is none.
    """

    def __init__(self) -> None:
        self.index: dict[str, int] = {}
        self.ids: list[str] = []
        self.titles: list[str] = []
        self.category_index: dict[str, int] = {"": NO_CATEGORY}
        self.category_names: list[str] = [""]
        self.available = np.zeros(0, bool)
        self.streamed = np.zeros(0, bool)
        self.first = np.zeros(0, np.float64)
        self.last = np.zeros(0, np.float64)
        self.cleared = np.zeros(0, np.float64)
        self.categories = np.zeros((MAX_CATEGORIES, 0), np.int32)

    def __len__(self) -> int:
        return len(self.ids)

    def number(self, item_id: str, position: int = 0) -> int:
        """Return the number of an item, a new one if it was never heard of."""
        found = self.index.get(item_id)
        if found is not None:
            return found
        new = len(self.ids)
        self.index[item_id] = new
        self.ids.append(item_id)
        self.titles.append("")
        self.make_room(new + 1)
        self.available[new] = True
        self.first[new] = position
        return new

    def put(self, item: Item, position: int) -> int:
        """Put a catalogue record; return the item's number."""
        number = self.number(item.item_id, position)
        self.titles[number] = item.title
        self.available[number] = item.available
        named = [self.category(name) for name in item.categories[:MAX_CATEGORIES]]
        self.categories[:, number] = named + [NO_CATEGORY] * (MAX_CATEGORIES - len(named))
        return number

    def category(self, name: str) -> int:
        """Return the number of a category, a new one if it was never heard of."""
        found = self.category_index.get(name)
        if found is None:
            found = self.category_index[name] = len(self.category_names)
            self.category_names.append(name)
        return found

    def category_names_of(self, number: int) -> list[str]:
        """Return the categories of an item, most general first, as the catalogue lists them."""
        return [self.category_names[c] for c in self.categories[:, number].tolist() if c]

    def first_category(self, number: int) -> str:
        """Return an item's most general category, "" where it has none."""
        return next(iter(self.category_names_of(number)), "")

    def title(self, number: int) -> str:
        """Return an item's title, its id where the catalogue has none."""
        return self.titles[number] or self.ids[number]

    def names(self, numbers: NDArray[np.int32]) -> list[str]:
        """Return what items (n,) are called: title, else id; "" for one that was removed."""
        titles, ids, available = self.titles, self.ids, self.available
        return [
            titles[number] or (ids[number] if available[number] else "")
            for number in numbers.tolist()
        ]

    def in_order(self) -> NDArray[np.int64]:
        """Return the numbers of all items that may be recommended, oldest first."""
        return np.flatnonzero(self.available[: len(self.ids)])

    def make_room(self, rows: int) -> None:
        """Make room for item numbers below `rows`."""
        if rows <= len(self.available):
            return
        self.available = grown(self.available, rows)
        self.streamed = grown(self.streamed, rows)
        self.first = grown(self.first, rows)
        self.last = grown(self.last, rows)
        self.cleared = grown(self.cleared, rows, -1.0)
        self.categories = np.ascontiguousarray(grown(self.categories.T, rows).T)
