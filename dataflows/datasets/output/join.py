"""Which items of the events the catalogue knows, and which of its own no event names."""

from __future__ import annotations

import msgspec

EXAMPLES = 3


class Join(msgspec.Struct, frozen=True):
    """Counts of different items, and of events that name one. Examples are ids.

    `known` of the `items` that events name are in the catalogue, and `known_events` of the
    `events` name one that is; `unused` of the `catalogue` are in no event.
    """

    items: int
    known: int
    events: int
    known_events: int
    catalogue: int
    unused: int
    unknown_examples: tuple[str, ...]
    unused_examples: tuple[str, ...]


def join(taken: dict[str, int], catalogue: dict[str, None]) -> Join:
    """Lay the items of the events (id -> number of events) beside those of the catalogue."""
    unknown = {item: count for item, count in taken.items() if item not in catalogue}
    unused = [item for item in catalogue if item not in taken]
    events = sum(taken.values())
    often = sorted(unknown, key=lambda item: -unknown[item])
    return Join(
        items=len(taken),
        known=len(taken) - len(unknown),
        events=events,
        known_events=events - sum(unknown.values()),
        catalogue=len(catalogue),
        unused=len(unused),
        unknown_examples=tuple(often[:EXAMPLES]),
        unused_examples=tuple(unused[:EXAMPLES]),
    )
