"""Events that take an earlier event of their user back.

An event of the type `retract` names the event in `context.event_id`. Types that the settings
name (`events.retracts`) take the newest event of another type with the same item back, or the
one that they name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from dataflows.config.event_types import RETRACT
from dataflows.messages.fields import named_event
from dataflows.messages.raw import Reason, Refused


class Retracts(msgspec.Struct, frozen=True, gc=False):
    """What an event takes back: the event `event_id`, or else the newest of `type`."""

    event_id: str | None
    type: str | None


def retracts(
    kind: str, context: Mapping[str, Any] | None, types: Mapping[str, str]
) -> Retracts | None:
    """Return what an event of type `kind` takes back, None where it is an event like any other.

    `types` maps types that take others back to those. Raises `Refused` (missing_field) for one
    of the type `retract` that does not say what it takes back.
    """
    other = types.get(kind)
    if other is None and kind != RETRACT:
        return None
    event_id = named_event(context)
    if event_id is None and other is None:
        # Learnt as any other event, it would speak for what it is to take back.
        raise Refused(
            Reason.MISSING_FIELD,
            f'an event of the type "{RETRACT}" says in context.event_id what it takes back',
        )
    return Retracts(event_id, other)
