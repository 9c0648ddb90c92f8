"""Records between a source and the encoder: as they came, or decoded, with their texts."""

from __future__ import annotations

import msgspec

from dataflows.messages.decisions import LabelDecision
from dataflows.messages.events import EventRecord
from dataflows.messages.items import ItemRecord, RemovedItem
from dataflows.messages.raw import Raw, Reject

Decoded = EventRecord | ItemRecord | RemovedItem | LabelDecision | Reject


class Rendered(msgspec.Struct, frozen=True):
    """A record, what it says (None for a mark), and its text, None where it has none.

    `tokens` is about how many tokens have to be encoded for it: 0 where its vector is known.
    """

    raw: Raw
    one: Decoded | None
    text: str | None
    tokens: int = 0


Arrived = Raw | Rendered
"""What a source may give: records as they came, or rendered already."""
