"""How many items of the events a catalogue knows: an id written two ways joins nothing.

Counted as the records come by, in bounded memory. An item is known where its row came
before the event.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import msgspec

from dataflows.engine.catalogue.distinct import Distinct

FEW = 0.5
"""Fewer known events than this share are worth a warning."""
EARLY = 1_000
"""Events with an item after which a log that goes on for ever is looked at once."""
EXAMPLES = 5
REMEDY = "Are ids written as in the catalogue? `penchant check EVENTS --items ITEMS` looks"

_log = logging.getLogger(__name__)


class Joined(msgspec.Struct, frozen=True):
    """Events that name an item, and items of events: in all, and known to the catalogue.

    `catalogue` is how many items that holds. Items are estimates, within a percent, where
    `is_exact` is false. `unknown` are the first ids that it does not know.
    """

    catalogue: int
    events: int
    events_known: int
    items: int
    items_known: int
    is_exact: bool
    unknown: tuple[str, ...]

    @property
    def are_few(self) -> bool:
        """Whether the catalogue knows so few that the two files may not belong together."""
        return self.events_known < FEW * self.events

    def summary(self) -> str:
        """Describe it in one line; "" where there is nothing to say."""
        if not self.events:
            return ""
        if not self.catalogue:
            return "the catalogue holds no item"
        about = "" if self.is_exact else "about "
        line = (
            f"the catalogue knows {about}{self.items_known:,} of {about}{self.items:,} items of "
            f"events, {self.events_known / self.events:.1%} of the events that name one"
        )
        if self.unknown:
            line += f"; not {', '.join(map(repr, self.unknown))}"
            line += ", ..." if self.items - self.items_known > len(self.unknown) else ""
        return line

    def plain(self) -> dict[str, Any]:
        """Return the figures for a report."""
        return {**msgspec.structs.asdict(self), "unknown": list(self.unknown)}


class KnownItems:
    """Counts, in the order of the stream. `events` is how many named an item so far."""

    def __init__(self) -> None:
        self.events = 0
        self._events_known = 0
        self._items, self._unknown = Distinct(), Distinct()
        self._examples: dict[str, None] = {}

    def note(self, item_id: str, is_known: bool) -> None:
        """Note that an event names this item."""
        self.note_all([(item_id, is_known)])

    def note_all(self, named: Sequence[tuple[str, bool]]) -> None:
        """Note the items that events name, in their order, and whether each was known then."""
        self.events += len(named)
        self._events_known += sum(is_known for _, is_known in named)
        for item_id, is_known in dict.fromkeys(named):
            self._items.add(item_id)
            if not is_known:
                self._unknown.add(item_id)
                if len(self._examples) < EXAMPLES:
                    self._examples[item_id] = None

    def joined(self, catalogue: int) -> Joined:
        """Return the figures; `catalogue` is how many items are known."""
        items = self._items.count()
        return Joined(
            catalogue,
            self.events,
            self._events_known,
            items,
            max(0, items - self._unknown.count()),
            self._items.is_exact and self._unknown.is_exact,
            tuple(self._examples),
        )


def tell_joined(joined: Joined, *, is_end: bool = True, is_wanted: bool = False) -> None:
    """Write to the log how many are known, and warn where they are few.

    `is_end` of the run: then what is well is logged too. `is_wanted`: there is to be a catalogue.
    """
    line = joined.summary()
    if not line or not (joined.catalogue or is_wanted):
        return
    if joined.are_few:
        _log.warning("%s. %s", line, REMEDY)
    elif is_end:
        _log.info("%s", line)
