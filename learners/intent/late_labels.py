"""Labels that come after their events: learnt as if the events had carried them.

A label may be for one event or for all events of a session; those that are still kept
(`learners.intent.event_buffer`) are learnt from. What was told of them is judged by it, as long as
it is no teacher's.
"""

from __future__ import annotations

from collections.abc import Sequence

from learners.classifiers.base import Chances
from learners.intent.event_buffer import BufferedEvent, Found, LateLabel
from learners.intent.keywords import words_of
from learners.intent.record import Belief
from learners.intent.state import IntentState
from learners.types import Vector

Kept = tuple[BufferedEvent, Vector | None]


def learn_late(intents: IntentState, late: LateLabel) -> Found:
    """Learn a label that comes after its event, or after all events of a session.

    Returns "learn" where it was, "unmatched" where no event that is kept is meant, and
    "duplicate" where the events have a label of that source already.
    """
    buffer, of = intents.buffer, intents.settings
    found = [buffer.take(event, late.source, late.name) for event in buffer.meant(late)]
    events = [(event, vector) for _, event, vector in found if event is not None]
    if not events:
        return "duplicate" if any(how == "duplicate" for how, _, _ in found) else "unmatched"
    weight = of.intent_teacher if late.source == "teacher" else of.intent_labels
    name = intents.known_as(late.name)
    if weight > 0 and name is not None:
        _learn(intents, events, name, late, weight)
    return "learn"


def _learn(
    intents: IntentState, events: Sequence[Kept], name: str, late: LateLabel, weight: float
) -> None:
    """Learn events under a label; of a whole session also how its need stayed."""
    posteriors = [intents.stated.predict(vector) for _, vector in events if vector is not None]
    known, whole = name in intents.stated.labels, late.event_id is None
    if known and late.source != "teacher":
        _prove(intents, posteriors, name, whole=whole)
    for event, vector in events:
        intents.learn_label(vector, name, weight)
        intents.labelled.add(name, event.position, event.encoded, weight)
        intents.typical.learn(name, words_of(event.text))
    if whole and known and posteriors:
        intents.session_filter.tell_all(posteriors, intents.names.index(name))


def _prove(intents: IntentState, posteriors: Sequence[Chances], name: str, *, whole: bool) -> None:
    """Judge what was told after each of these events, of their session where that is `whole`."""
    belief: Belief | None = None
    slot = intents.stated.labels.index(name)
    for events, posterior in enumerate(posteriors, 1):
        if whole:
            n = len(posterior)
            belief = intents.session_filter.look(belief, posterior, intents.edition, n)
        intents.told.prove(intents.stated, slot, posterior, belief, events)
