"""What the judge writes down: one row per scored event, and counts of the rest."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from dataflows.figures import Ranks


class Row(msgspec.Struct, frozen=True):
    """One scored event.

    `user` numbers the user by first appearance, `ordinal` is how many events
    the user had before this one. `candidates` is how many items it competed
    with, itself included, in the tie-safe clock; `reached` says whether the
    recommender scored the true item at all. Ranks are 0 for a miss.
    """

    event_id: str
    user: int
    ordinal: int
    tie_safe: int
    plain: int
    as_served: int
    candidates: int
    reached: bool
    repeat: bool
    references: tuple[int, ...]


_COLUMNS = (
    "user",
    "ordinal",
    "tie_safe",
    "plain",
    "as_served",
    "candidates",
    "reached",
    "repeat",
)


class Scored:
    """Rows kept as columns of machine integers, in log order."""

    def __init__(self, references: Iterable[str] = ()) -> None:
        self.event_ids: list[str] = []
        self._columns = tuple(array("q") for _ in _COLUMNS)
        self._references = {name: array("q") for name in references}

    def __len__(self) -> int:
        return len(self.event_ids)

    @property
    def references(self) -> tuple[str, ...]:
        """The references' names, in the order of `Row.references`."""
        return tuple(self._references)

    def add(self, row: Row) -> None:
        """Append one scored event."""
        self.event_ids.append(row.event_id)
        for name, column in zip(_COLUMNS, self._columns, strict=True):
            column.append(getattr(row, name))
        for column, rank in zip(self._references.values(), row.references, strict=True):
            column.append(rank)

    def column(self, name: str) -> Ranks:
        """Return one column, or one reference's ranks, as int64 `(n,)`."""
        found = self._references.get(name)
        if found is None:
            found = self._columns[_COLUMNS.index(name)]
        return np.array(found, dtype=np.int64)

    def flag(self, name: str) -> NDArray[np.bool_]:
        """Return a yes-or-no column as bool `(n,)`."""
        return self.column(name).astype(np.bool_)


class Unscored(msgspec.Struct):
    """Learnt events that no rank was taken for, by rule."""

    warmup: int = 0
    no_item: int = 0
    repeat: int = 0
    group_began_in_warmup: int = 0


class NewItems(msgspec.Struct):
    """True items that nobody had met before: how many, how many the catalogue had, how many hit.

    They are misses in the main figures.
    """

    events: int = 0
    listed: int = 0
    hits: int = 0
