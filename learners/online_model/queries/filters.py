"""Filters of one question: only some categories, none of some items."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from learners.ranking.components import Filter, Numbers
from learners.ranking.context import Context
from learners.signals.items import ItemTable


class OnlyCategories:
    """Keeps items of one of some categories; a name that nobody has heard of has none."""

    name = "asked categories"

    def __init__(self, items: ItemTable, names: Sequence[str]) -> None:
        known = [items.category_index[name] for name in names if name in items.category_index]
        self._items = items
        self._wanted = np.array([number for number in known if number], np.int32)

    def keep(self, ids: Numbers, _context: Context | None = None) -> NDArray[np.bool_]:
        """Return for each of the items (n,) whether it is of one of the categories."""
        found: NDArray[np.bool_] = np.isin(self._items.categories[:, ids], self._wanted)
        kept: NDArray[np.bool_] = np.logical_or.reduce(found, axis=0)
        return kept


class Excluding:
    """Leaves out some items, by number."""

    def __init__(self, name: str, numbers: Collection[int]) -> None:
        self.name = name
        self._numbers = np.array(sorted(numbers), np.int32)

    def keep(self, ids: Numbers, _context: Context | None = None) -> NDArray[np.bool_]:
        """Return for each of the items (n,) whether it is none of them."""
        return ~np.isin(ids, self._numbers)


def numbers_of(items: ItemTable, item_ids: Sequence[str]) -> list[int]:
    """Return the numbers of the items that are known, each once, in order."""
    found = (items.index.get(item_id) for item_id in dict.fromkeys(item_ids))
    return [number for number in found if number is not None]


def filters_for(
    items: ItemTable, categories: Sequence[str], exclude: Sequence[str], held: Sequence[str] = ()
) -> tuple[Filter, ...]:
    """Return the filters of a question; `held` are items that earlier pages held."""
    found: list[Filter] = []
    if categories:
        found.append(OnlyCategories(items, categories))
    if exclude:
        found.append(Excluding("asked to exclude", numbers_of(items, exclude)))
    if held:
        found.append(Excluding("held by earlier pages", numbers_of(items, held)))
    return tuple(found)
