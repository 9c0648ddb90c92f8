"""Decisions about labels of intent as records of the topic `events`.

So a running process carries them out at their place in the stream, and a replay of the
stream repeats them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast, get_args

import msgspec

from dataflows.event_types import INTENTS
from dataflows.events import Event
from learners.control import Control, Do

OPERATOR = "penchant"


def control_of(event: Event) -> Control | None:
    """Give the decision that an event brings, None where it is an event like any other.

    It is of the type `intents`, has neither item nor text, and its `context` says what to
    do; what is missing there is told when it is carried out.
    """
    if event.type != INTENTS or event.intent is None or event.context is None:
        return None
    do = event.context.get("do")
    if do not in get_args(Do) or event.item_id is not None or event.text is not None:
        return None
    return Control(
        cast("Do", do), event.intent, _text(event.context, "into"), _number(event.context)
    )


def shard_meant(event: Event) -> int | None:
    """Give the only shard that a decision is for, None where it is for all."""
    shard = (event.context or {}).get("shard")
    return shard if isinstance(shard, int) and not isinstance(shard, bool) else None


def as_record(control: Control, shard: int | None, event_id: str, ts: str) -> bytes:
    """Write a decision as the value of a record; `ts` is the time in ISO 8601."""
    context: dict[str, Any] = {"do": control.do}
    given = {"into": control.into, "cluster": control.cluster, "shard": shard}
    context |= {name: value for name, value in given.items() if value is not None}
    record = {
        "event_id": event_id,
        "user_id": OPERATOR,
        "type": INTENTS,
        "ts": ts,
        "intent": control.intent,
        "context": context,
    }
    return msgspec.json.encode(record)


def _text(context: Mapping[str, Any], name: str) -> str | None:
    value = context.get(name)
    return value if isinstance(value, str) else None


def _number(context: Mapping[str, Any]) -> int | None:
    value = context.get("cluster")
    return value if isinstance(value, int) and not isinstance(value, bool) else None
