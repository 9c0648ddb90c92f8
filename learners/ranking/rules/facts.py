"""What rules know of items beyond what is learnt from: their attributes, in memory, by number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

_MILLISECONDS_FROM = 1e11  # seconds since 1970 that are in the year 5138


class ItemFigures:
    """One figure of each item, found out when it is first asked for and kept until it changes.

    `of` returns the figure of an item, by number; never NaN.
    """

    def __init__(self, of: Callable[[int], float]) -> None:
        self._of = of
        self._known = np.full(0, np.nan)

    def at(self, numbers: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return the figures (n,) of items (n,)."""
        if len(numbers) and (top := int(numbers.max())) >= len(self._known):
            more = np.full(2 * (top + 1) - len(self._known), np.nan)
            self._known = np.concatenate((self._known, more))
        found = self._known[numbers]
        new = np.isnan(found)
        if new.any():
            for place in np.flatnonzero(new).tolist():
                number = int(numbers[place])
                found[place] = self._known[number] = self._of(number)
        return found

    def forget(self, number: int) -> None:
        """Find out anew about an item."""
        if number < len(self._known):
            self._known[number] = np.nan


class ItemFacts:
    """Attributes of items by number; columns over them follow what changes."""

    def __init__(self) -> None:
        self._attributes: dict[int, Mapping[str, Any]] = {}
        self._categories: dict[int, tuple[str, ...]] = {}
        self._columns: WeakSet[ItemFigures] = WeakSet()

    def put(
        self, number: int, attributes: Mapping[str, Any], categories: tuple[str, ...] = ()
    ) -> None:
        """Put the attributes of an item, and all of its categories; none for a removed one."""
        if attributes:
            self._attributes[number] = attributes
        else:
            self._attributes.pop(number, None)
        if categories:
            self._categories[number] = categories
        else:
            self._categories.pop(number, None)
        for column in self._columns:
            column.forget(number)

    def get(self, number: int, name: str) -> Any:
        """Return an attribute of an item, None where it has none; a dot leads into one."""
        found: Any = self._attributes.get(number)
        if found is None:
            return None
        if name in found:
            return found[name]
        for part in name.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        return found

    def categories(self, number: int) -> tuple[str, ...]:
        """Return all categories of an item, also those beyond the few that are learnt from."""
        return self._categories.get(number, ())

    def column(self, of: Callable[[int], float]) -> ItemFigures:
        """Return a column that follows changes as long as somebody holds it."""
        made = ItemFigures(of)
        self._columns.add(made)
        return made


def values_of(found: Any) -> tuple[Any, ...]:
    """Return the values that an attribute holds: those of a list, or itself."""
    if found is None:
        return ()
    return tuple(found) if isinstance(found, list | tuple) else (found,)


def moment_of(found: Any) -> float | None:
    """Return a moment in seconds since 1970, None for what is none."""
    if isinstance(found, bool):
        return None
    if isinstance(found, int | float):
        return float(found) / (1000 if abs(found) >= _MILLISECONDS_FROM else 1)
    if not isinstance(found, str):
        return None
    try:
        moment = datetime.fromisoformat(found)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
