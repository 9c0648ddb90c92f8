"""Records of the topic `events` to typed objects; those of `items` are read in `items.py`.

`decode_event` never raises: whatever the bytes, the answer is an event or a `Reject` with a
fixed reason. docs/reference/messages.md is the page for people.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from dataflows.config.event_types import RETRACT
from dataflows.config.events import EventSettings
from dataflows.messages.fields import (
    PER_SECOND,
    JsonId,
    read_id,
    read_optional_id,
    read_text,
    read_time,
)
from dataflows.messages.numbers import fit
from dataflows.messages.raw import Raw, Reason, Refused, Reject, shown
from dataflows.messages.retractions import Retracts, retracts
from dataflows.messages.strict_json import (
    MAX_NESTING,
    Field,
    RecordReader,
    check_depth,
    is_id,
    is_text,
)


class EventRecord(msgspec.Struct, frozen=True, gc=False):
    """One thing that a user did. `ts` is seconds since 1970 UTC, inside the plausible range.

    `text` is repaired and never blank; `cut` says that it was longer than the
    limit, `repaired` that it, or `context`, held something that cannot be kept as it was.
    `value` is finite.
    `retracts` says what it takes back: then it is learnt as nothing else.
    """

    event_id: str
    user_id: str
    type: str
    ts: float
    item_id: str | None = None
    text: str | None = None
    value: float | None = None
    session_id: str | None = None
    intent: str | None = None
    context: dict[str, Any] | None = None
    cut: bool = False
    repaired: bool = False
    retracts: Retracts | None = None


class EventJson(msgspec.Struct, gc=False):
    """Topic `events`: one thing that a user did. Fields that are not named here are ignored."""

    event_id: Annotated[JsonId, Meta(description="An id. The same id twice is one event.")]
    user_id: Annotated[JsonId, Meta(description="An id: who did it.")]
    type: Annotated[
        int | str,
        Meta(
            description="What was done: view, buy, search, rate, ... `clean.weights` gives each "
            "type a weight."
        ),
    ]
    ts: Annotated[
        int | float | str,
        Meta(description="A number in the unit of the settings since 1970 UTC, or ISO 8601."),
    ]
    item_id: Annotated[
        JsonId | None,
        Meta(
            description="An id: what it was done to. Without one an event with a text is a search: "
            "it steers the lists of its user until they search for something else, and teaches "
            "intent."
        ),
    ] = None
    text: Annotated[
        int | float | str | None,
        Meta(
            description="A query, a comment: what the user wrote. A number is read as its digits."
        ),
    ] = None
    value: Annotated[
        int | float | str | None,
        Meta(
            description="A finite number, or a string that holds one: a rating, a price, seconds. "
            "Lists learn where each item usually stands."
        ),
    ] = None
    session_id: Annotated[JsonId | None, Meta(description="An id.")] = None
    intent: Annotated[
        int | str | None, Meta(description="What the user was after, where that is known.")
    ] = None
    context: Annotated[
        dict[str, Any] | None,
        Meta(description="Anything else, nested as deep as the settings say. Not learnt from."),
    ] = None


_ID = "a string or an integer"
_READER = RecordReader(
    EventJson,
    {
        "event_id": Field(_ID, is_id, required=True, reason=Reason.BAD_ID),
        "user_id": Field(_ID, is_id, required=True, reason=Reason.BAD_ID),
        "type": Field("a string", is_id, required=True),
        "ts": Field("a number or ISO 8601", is_text, required=True, reason=Reason.BAD_TIME),
        "item_id": Field(_ID, is_id, reason=Reason.BAD_ID),
        "text": Field("a string", is_text),
        "value": Field("a finite number", is_text, reason=Reason.BAD_VALUE),
        "session_id": Field(_ID, is_id, reason=Reason.BAD_ID),
        "intent": Field("a string", is_id),
        "context": Field("an object", lambda found: isinstance(found, dict)),
    },
)


def decode_event(raw: Raw, settings: EventSettings) -> EventRecord | Reject:
    """Return the event in `raw.value`, or a `Reject` that says why there is none. Never raises."""
    if raw.value is None:
        return Reject(raw, Reason.NULL_VALUE, "a null value is no event; it only removes items")
    try:
        return _plain(raw.value, settings) or _event(raw.value, settings)
    except Refused as refused:
        return Reject(raw, refused.reason, refused.detail)


class _PlainEvent(msgspec.Struct, gc=False):
    """An event as most are written: ids are strings, numbers are numbers, and no context."""

    event_id: str
    user_id: str
    type: str
    ts: int | float
    item_id: str | None = None
    text: str | None = None
    value: int | float | None = None
    session_id: str | None = None
    intent: str | None = None
    context: None = None


_PLAIN = msgspec.json.Decoder(_PlainEvent)


def _plain(value: bytes, settings: EventSettings) -> EventRecord | None:
    """Return the event of a plain record, decoded in one go; None where `_event` is to read it.

    What both can read they read alike. Raises nothing.
    """
    brackets = value.count(b"{") + value.count(b"[")
    if not value.isascii() or len(value) > settings.max_record_bytes or brackets > MAX_NESTING:
        return None
    try:
        wire = _PLAIN.decode(value)
        seconds = wire.ts / PER_SECOND[settings.time_unit]
        number = None if wire.value is None else float(wire.value)
    except (ValueError, OverflowError):  # msgspec's own errors are ValueErrors
        return None
    event_id, user_id, kind = wire.event_id, wire.user_id, wire.type
    item_id, session_id, intent = wire.item_id, wire.session_id, wire.intent
    ids = ("", event_id, user_id, kind, item_id or "", session_id or "", intent or "")
    whole = "|".join(ids)
    longest = max(map(len, ids)) if len(whole) > settings.max_id_chars else 0
    if (
        not (event_id and user_id and kind and whole.isprintable())
        or "| " in whole
        or longest > settings.max_id_chars
        or not settings.min_time <= seconds <= settings.max_time
        or kind == RETRACT
        or kind in settings.retracts
    ):
        return None
    text, cut, repaired = None, False, False
    if wire.text is not None:
        text, cut, repaired = read_text(wire.text, settings.max_text_chars)
    return EventRecord(
        event_id,
        user_id,
        kind,
        seconds,
        item_id or None,
        text,
        number,
        session_id or None,
        intent or None,
        None,
        cut,
        repaired,
    )


def _event(value: bytes, settings: EventSettings) -> EventRecord:
    """Return the event, read field by field. Raises `Refused` with what is wrong."""
    wire = _READER.read(value, settings.max_record_bytes)
    limit = settings.max_id_chars
    text, cut, repaired = read_text(wire.text, settings.max_text_chars)
    context = wire.context
    if context is not None:
        check_depth(context, "context", value, settings.max_depth)
        context, was_mended = fit(context, value)
        repaired = repaired or was_mended
    kind = read_id(wire.type, "type", limit)
    return EventRecord(
        read_id(wire.event_id, "event_id", limit),
        read_id(wire.user_id, "user_id", limit),
        kind,
        read_time(wire.ts, settings.time_unit, settings.min_time, settings.max_time),
        read_optional_id(wire.item_id, "item_id", limit),
        text,
        None if wire.value is None else _value(wire.value),
        read_optional_id(wire.session_id, "session_id", limit),
        read_optional_id(wire.intent, "intent", limit),
        context,
        cut,
        repaired,
        retracts(kind, context, settings.retracts),
    )


def _value(value: float | str) -> float:
    """Return a finite float. Raises `Refused` (bad_value): one NaN never reaches a weight."""
    try:
        number = float(value)
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise Refused(Reason.BAD_VALUE, f"value {shown(value)} is not a finite number")
    return number
