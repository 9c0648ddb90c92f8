"""An event as the learners see it: where it stands in the stream, cleaned, with its words."""

from __future__ import annotations

from dataflows.engine.batch import EncodedEvent
from dataflows.engine.cleaning.cleaner import Verdict
from learners.types import Interaction


def to_interaction(
    record: EncodedEvent, verdict: Verdict, position: int, title: str | None
) -> Interaction:
    """Return what is learnt of an event that is the `position`-th; `title` is that of its item."""
    event = record.event
    return Interaction(
        position,
        event.event_id,
        event.user_id,
        event.item_id,
        event.type,
        verdict.ts,
        verdict.weight,
        record.vector,
        event.intent,
        event.session_id,
        event.value,
        ". ".join(filter(None, (title, event.text))) or None,
        record.text,
        verdict.rest,
    )
