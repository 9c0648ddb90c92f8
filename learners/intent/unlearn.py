"""Intent after an event was taken back: the session as if that event had not been in it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from learners.intent.event_buffer import BufferedEvent
from learners.intent.record import (
    DEFAULT,
    Belief,
    IntentRecord,
    SessionMean,
    extended,
    is_over,
)
from learners.intent.tracker import IntentTracker
from learners.signals.undo import hash32
from learners.types import Vector

Kept = tuple[BufferedEvent, Vector | None]
_ROUNDING = 1e-6


def retract(tracker: IntentTracker, user: IntentRecord, user_id: str, event: int) -> str | None:
    """Remove the event with this hash from what may be labelled, and from its user's session.

    The session is made anew from its events; where not all of them are kept, its mean is less
    that of the event, and the belief that of those which are. What learners of everybody's
    learnt of it stays. Returns the id of its item, "" where it had none; None where it is not kept.
    """
    tracker.look_anew()
    events = tracker.buffer.of_user(user_id)
    meant = next((one for one, _ in reversed(events) if hash32(one.event_id) == event), None)
    if meant is None:
        return None
    item_id = meant.item_id or ""
    session, known = _session(events), user.session
    whole = _mean(session)
    tracker.buffer.retract(meant.event_id)
    user.trail = [step for step in user.trail if step.event_id != meant.event_id]
    if known is None or all(one is not meant for one, _ in session):
        return item_id
    if whole is not None and whole.weight > known.weight - _ROUNDING:
        _remember(tracker, user, _session([kept for kept in events if kept[0] is not meant]))
    else:
        _remember(tracker, user, [kept for kept in session if kept[0] is not meant])
        user.session = _less(known, session, meant)
    return item_id


def _session(events: Sequence[Kept]) -> list[Kept]:
    """Return those of a user's events, in order, that are in one session with the newest."""
    mean: SessionMean | None = None
    session: list[Kept] = []
    for one, vector in events:
        if mean is not None and is_over(mean, one.ts, one.session_id):
            session = []
        mean = extended(mean, None, one.ts, one.session_id)
        session.append((one, vector))
    return session


def _mean(session: Sequence[Kept]) -> SessionMean | None:
    """Return the mean of these events of a session."""
    mean: SessionMean | None = None
    for one, vector in session:
        mean = extended(mean, vector, one.ts, one.session_id)
    return mean


def _less(mean: SessionMean, session: Sequence[Kept], meant: BufferedEvent) -> SessionMean:
    """Subtract an event from a session, the newest events of which are given.

    What came before it has then faded once less; what came later is as it was.
    """
    place = next(at for at, (one, _) in enumerate(session) if one is meant)
    vector, after = session[place][1], _mean(session[place + 1 :])
    if vector is None or mean.total is None:
        return mean
    decay = DEFAULT.decay
    later, weight = np.zeros_like(vector), 0.0
    if after is not None and after.total is not None:
        later, weight = after.total, after.weight
    share = decay ** sum(found is not None for _, found in session[place + 1 :])
    total = (mean.total - np.float32(share) * vector - later) / np.float32(decay) + later
    weight += (mean.weight - share - weight) / decay
    return msgspec.structs.replace(mean, total=total, weight=weight)


def _remember(tracker: IntentTracker, user: IntentRecord, session: Sequence[Kept]) -> None:
    """Rebuild a user's session from these events, read by what is known now."""
    labels, by_label = tracker.reported.labels, bool(tracker.stated.labels)
    user.session = user.newest = None
    belief: Belief | None = None
    for place, (one, vector) in enumerate(session):
        user.session = extended(user.session, vector, one.ts, one.session_id)
        user.newest = vector
        # `IntentTracker.learn` takes in what the next action says only when the one after it comes.
        if labels and (by_label or place + 1 < len(session)):
            belief = _believed(tracker, user, belief)
            name = tracker.known_as(one.label) if one.labelled == "label" else None
            if by_label and name in labels:
                belief = tracker.session_filter.known(belief, labels.index(name))
    user.belief = belief


def _believed(tracker: IntentTracker, user: IntentRecord, belief: Belief | None) -> Belief:
    """Return the belief after the newest event of a session."""
    if tracker.stated.labels:
        posterior = None if user.newest is None else tracker.stated.predict(user.newest)
    else:
        posterior = tracker.next.predict(user.view(tracker.dim))
    return tracker.session_filter.look(
        belief, posterior, tracker.edition, len(tracker.reported.labels)
    )
