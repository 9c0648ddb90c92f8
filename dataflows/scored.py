"""What the judge writes down: one row per scored event, and counts of the rest."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from dataflows.figures import Ranks


class Row(NamedTuple):
    """One scored event.

    `user` numbers the user by first appearance, `ordinal` is how many events
    the user had before this one. `candidates` is how many items it competed
    with, itself included, in the tie-safe clock; `reached` says whether the
    recommender scored the true item at all. Ranks are 0 for a miss.
    """

    user: int
    ordinal: int
    tie_safe: int
    plain: int
    as_served: int
    candidates: int
    reached: bool
    repeat: bool


class Scored:
    """Rows of machine integers, in log order; `references` names what else is ranked."""

    def __init__(self, references: Iterable[str] = ()) -> None:
        self.event_ids: list[str] = []
        self.references = tuple(references)
        self._names = (*Row._fields, *self.references)
        self._cells = array("q")

    def __len__(self) -> int:
        return len(self.event_ids)

    def add(self, event_id: str, row: Row, references: Sequence[int] = ()) -> None:
        """Append one scored event, with the rank that each reference gave it."""
        self.event_ids.append(event_id)
        self._cells.extend(row)
        self._cells.extend(references)

    def column(self, name: str, newest: int | None = None) -> Ranks:
        """Return one column, or one reference's ranks, as int64 `(n,)`; all, or the newest n."""
        width = len(self._names)
        kept = self._cells if newest is None else self._cells[-newest * width :] if newest else []
        cells = np.array(kept, dtype=np.int64).reshape(-1, width)
        return cells[:, self._names.index(name)]

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
