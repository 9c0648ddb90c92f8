"""What the judge writes down: one row per scored event, and counts of the rest."""

from __future__ import annotations

from array import array
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from dataflows.evaluation.metrics.rank_metrics import Ranks


class ScoredEvent(NamedTuple):
    """One scored event.

    `user` numbers the user by first appearance, `ordinal` is how many events
    the user had before this one. `candidates` is how many items it competed
    with, itself included, in the tie-safe clock; `reached` says whether the
    recommender scored the true item at all. `item_events` is how many events of
    the stream its item had before the group; where it had none, `unmet` is its
    rank among all that was scored, catalogue and all. `refreshed` says that the list
    last sent was made by a change of the catalogue, for no event of the user. Ranks are
    0 for a miss.
    """

    user: int
    ordinal: int
    tie_safe: int
    plain: int
    as_served: int
    candidates: int
    reached: bool
    repeat: bool
    item_events: int
    unmet: int
    refreshed: bool = False


class Scored:
    """Rows of machine integers, in log order; `baselines` has one more column for each baseline."""

    def __init__(self) -> None:
        self.event_ids: list[str] = []
        self.baselines: dict[str, Ranks] = {}
        self._cells = array("q")

    def __len__(self) -> int:
        return len(self.event_ids)

    def add(self, event_id: str, row: ScoredEvent) -> None:
        """Append one scored event."""
        self.event_ids.append(event_id)
        self._cells.extend(row)

    def add_baseline(self, name: str, ranks: Ranks) -> None:
        """Set the ranks that a baseline gave, int64 `(n,)`, once all events are scored."""
        if len(ranks) != len(self):
            raise ValueError(
                f"baseline {name} gave {len(ranks)} ranks for {len(self)} scored events"
            )
        self.baselines[name] = ranks

    def column(self, name: str, newest: int | None = None) -> Ranks:
        """Return one column, or one baseline's ranks, as int64 `(n,)`; all, or the newest n."""
        if name in self.baselines:
            ranks = self.baselines[name]
            return ranks if newest is None else ranks[-newest:] if newest else ranks[:0]
        width = len(ScoredEvent._fields)
        kept = self._cells if newest is None else self._cells[-newest * width :] if newest else []
        cells = np.array(kept, dtype=np.int64).reshape(-1, width)
        return cells[:, ScoredEvent._fields.index(name)]

    def flag(self, name: str) -> NDArray[np.bool_]:
        """Return a yes-or-no column as bool `(n,)`."""
        return self.column(name).astype(np.bool_)


class Unscored(msgspec.Struct):
    """Learnt events that no rank was taken for, by rule; `unwanted` have no weight above 0."""

    warmup: int = 0
    no_item: int = 0
    unwanted: int = 0
    repeat: int = 0
    group_began_in_warmup: int = 0


class Unwanted(msgspec.Struct):
    """Events without a weight above 0: how many had a ranking, and how many items it had in front.

    A list is the better, the fewer of those it shows.
    """

    events: int = 0
    hits: int = 0


class NewItems(msgspec.Struct):
    """True items that nobody had met before: how many, how many the catalogue had, how many hit.

    They are misses in the main figures.
    """

    events: int = 0
    listed: int = 0
    hits: int = 0
