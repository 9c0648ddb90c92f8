"""Events with a meaning of their own: labels that come late, and decisions about labels.

An event of the type `label` brings a label of intent for an earlier event or for a session. An
event of any type may say that the label which it carries is that of the session so far.

A decision about labels is the content of a signed record. Before they had a topic of their own,
decisions stood among the events. There they are refused now, since whoever may write an event is
not thereby somebody who may change the model; a replay of an old log still reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, cast, get_args

import msgspec
from msgspec import Meta

from dataflows.config.event_types import INTENTS, LABEL
from dataflows.messages.events import EventRecord
from dataflows.messages.fields import named_event, read_id
from dataflows.messages.raw import Reason, Refused, shown
from learners.intent.decisions import Control, Do
from learners.intent.event_buffer import LateLabel, Source

SCOPE, SESSION = "label_of", "session"
KIND = INTENTS
"""Of decisions about labels, among those of the topic `decisions`."""
_LONGEST = 200


def late_label(event: EventRecord) -> LateLabel | None:
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


def session_label(event: EventRecord) -> LateLabel | None:
    """Return the label that an event carries for all its session, None where it carries none."""
    if event.intent is None or event.session_id is None or event.context is None:
        return None
    if event.context.get(SCOPE) != SESSION:
        return None
    return LateLabel(event.user_id, event.intent, "label", None, event.session_id)


_Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class ControlJson(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What a decision of the kind `intents` holds: what to do, with which label."""

    do: Do
    intent: Annotated[str, Meta(description="The label that it is about.")]
    into: Annotated[str | None, Meta(description="The other label, for `name` and `merge`.")] = None
    cluster: Annotated[_Number | None, Meta(description="The cluster to `promote`.")] = None
    shard: Annotated[
        _Number | None, Meta(description="The only shard that it is for; all where left out.")
    ] = None


_decoder = msgspec.json.Decoder(ControlJson)


def read_control(content: bytes, max_id_chars: int) -> tuple[Control, int | None]:
    """Return a decision, and the only shard that it is for. Raises `Refused` for what is none."""
    try:
        wire = _decoder.decode(content)
    except (ValueError, RecursionError) as error:
        why = shown(str(error), _LONGEST)  # it may quote the record
        raise Refused(Reason.BAD_FIELD, f"content is no decision about intents: {why}") from error
    intent = read_id(wire.intent, "intent", max_id_chars)
    into = None if wire.into is None else read_id(wire.into, "into", max_id_chars)
    return Control(wire.do, intent, into, wire.cluster), wire.shard


def write_control(control: Control, shard: int | None = None) -> bytes:
    """Write a decision as content."""
    return msgspec.json.encode(
        ControlJson(control.do, control.intent, control.into, control.cluster, shard)
    )


def control_of(event: EventRecord) -> Control | None:
    """Return the decision that an event of an old log brings, None where it is an event like any.

    It is of the type `intents`, has neither item nor text, and its `context` says what to
    do; what is missing there is reported when it is carried out.
    """
    if event.type != INTENTS or event.intent is None or event.context is None:
        return None
    do = event.context.get("do")
    if do not in get_args(Do) or event.item_id is not None or event.text is not None:
        return None
    return Control(
        cast("Do", do), event.intent, _text(event.context, "into"), _number(event.context)
    )


def shard_meant(event: EventRecord) -> int | None:
    """Return the only shard that such an event is for, None where it is for all."""
    shard = (event.context or {}).get("shard")
    return shard if isinstance(shard, int) and not isinstance(shard, bool) else None


def _text(context: Mapping[str, Any], name: str) -> str | None:
    value = context.get(name)
    return value if isinstance(value, str) else None


def _number(context: Mapping[str, Any]) -> int | None:
    value = context.get("cluster")
    return value if isinstance(value, int) and not isinstance(value, bool) else None
