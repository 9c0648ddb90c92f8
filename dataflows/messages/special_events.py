"""Labels of intent that come after their event.

An event of the type `label` brings one for an earlier event or for a session. An event of
any type may say that the label which it carries is that of the session so far.
"""

from __future__ import annotations

from dataflows.config.event_types import LABEL
from dataflows.messages.events import Event
from dataflows.messages.fields import named_event
from learners.intent.event_buffer import LateLabel, Source

SCOPE, SESSION = "label_of", "session"


def late_label(event: Event) -> LateLabel | None:
    """Return the label that an event brings for an earlier one, None where it is no such event.

    It names its event in `context.event_id`, or all events of a session in `session_id`;
    `context.source` may say "teacher". It has neither item nor text of its own.
    """
    if event.type != LABEL or event.intent is None:
        return None
    if event.item_id is not None or event.text is not None:
        return None
    context = event.context or {}
    event_id = named_event(context)
    if event_id is None and event.session_id is None:
        return None
    source: Source = "teacher" if context.get("source") == "teacher" else "label"
    session_id = event.session_id if event_id is None else None
    return LateLabel(event.user_id, event.intent, source, event_id, session_id)


def session_label(event: Event) -> LateLabel | None:
    """Return the label that an event carries for all its session, None where it carries none."""
    if event.intent is None or event.session_id is None or event.context is None:
        return None
    if event.context.get(SCOPE) != SESSION:
        return None
    return LateLabel(event.user_id, event.intent, "label", None, event.session_id)
