"""What people decide while a process runs: read from a topic of its own, and refused elsewhere."""

from __future__ import annotations

import logging

import msgspec

from dataflows.config.event_types import INTENTS
from dataflows.config.events import EventSettings
from dataflows.config.signing_keys import Keys
from dataflows.lifecycle.rare_warnings import RareWarnings
from dataflows.messages.events import EventRecord
from dataflows.messages.raw import Raw, Reason, Refused, Reject, shown
from dataflows.messages.signed import Signed, read_signed
from dataflows.messages.special_events import (
    KIND,
    control_of,
    read_control,
    shard_meant,
)
from learners.intent.decisions import Control

DECISIONS = "decisions"

_seldom = RareWarnings(logging.getLogger(__name__))


class LabelDecision(msgspec.Struct, frozen=True):
    """One decision. `shard` is the only one that it is for, None where it is for all.

    `is_signed`: a key proves who decided, and `sequence` must be above that signer's last.
    """

    kind: str
    control: Control
    shard: int | None
    signer: str
    sequence: int
    is_signed: bool = False


class DecisionReader:
    """Tells decisions from everything else. `topic` is where they come from, "" for nowhere.

    With `keys` only those are taken that are signed. With `in_events` those of old logs are
    taken, which stand among the events.
    """

    def __init__(
        self, topic: str = DECISIONS, keys: Keys | None = None, *, in_events: bool = False
    ) -> None:
        self.topic = topic
        self.in_events = in_events
        self._keys = keys or Keys()

    def read(self, raw: Raw, settings: EventSettings) -> LabelDecision | Reject:
        """Read a record of the topic. Never raises."""
        try:
            signed = read_signed(
                raw.value, self._keys, settings.max_record_bytes, settings.max_id_chars
            )
            return _decision(signed, settings)
        except Refused as refused:
            return _logged(Reject(raw, refused.reason, refused.detail))

    def refused(self, raw: Raw, event: EventRecord) -> Reject | None:
        """Refuse an event that would decide something; None for all others."""
        if event.type != INTENTS or self.in_events or control_of(event) is None:
            return None
        return _logged(Reject(raw, Reason.DECISION_IN_EVENTS, IN_EVENTS))

    def of_event(self, event: EventRecord) -> LabelDecision | None:
        """Return the decision that an event brings, where such are taken."""
        if event.type != INTENTS or not self.in_events:
            return None
        control = control_of(event)
        if control is None:
            return None
        return LabelDecision(KIND, control, shard_meant(event), event.user_id, 0)


IN_EVENTS = (
    "a decision about labels stands among the events, where anybody may write; `penchant intents` "
    "sends it to where decisions are taken from, and `penchant replay --decisions-in-events` "
    "takes those of old logs"
)


def _decision(signed: Signed, settings: EventSettings) -> LabelDecision:
    if signed.kind != KIND:
        raise Refused(Reason.BAD_FIELD, f"kind is {shown(signed.kind)}; known here is {KIND!r}")
    control, shard = read_control(signed.content, settings.max_id_chars)
    return LabelDecision(
        signed.kind, control, shard, signed.signer, signed.sequence, signed.is_signed
    )


def _logged(reject: Reject) -> Reject:
    raw = reject.raw
    _seldom.warn(
        reject.reason,
        "a decision was refused (%s, %s at %d): %s",
        *(reject.reason, raw.partition, raw.offset, reject.detail),
    )
    return reject
