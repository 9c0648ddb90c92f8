"""A record as it came from a source, and what decoding made of it."""

from __future__ import annotations

import msgspec

from dataflows.log_ids import LogId
from dataflows.origins import Origin

EVENTS = "events"
ITEMS = "items"
"""The topics of what comes in from files; on Kafka they are named in the settings."""


class Raw(msgspec.Struct, frozen=True):
    """One record of a source. `partition` names it whole (`events-0`, a file's name).

    `offset` is the Kafka offset, or the byte at which the line starts in a
    file; it only grows inside a partition. `next_offset` is where reading goes
    on after this record. `timestamp` is the broker's time in seconds, None for
    files. `origin` is what a file is known by, where this record is the first to tell it.
    With `is_mark` it is no record, but word that reading goes on at `next_offset` and that
    nothing is to be had between what came before it and there. `log` is what the log of a
    topic is known by, where this is the first to tell it; with `is_anew` the mark comes before
    a log that takes another's place, and of which nothing was read.
    """

    topic: str
    partition: str
    offset: int
    next_offset: int
    key: bytes | None
    value: bytes | None
    timestamp: float | None = None
    origin: Origin | None = None
    is_mark: bool = False
    log: LogId | None = None
    is_anew: bool = False


class Reject(msgspec.Struct, frozen=True):
    """A record that cannot be learnt: `reason` is a fixed word, `detail` says it in a sentence."""

    raw: Raw
    reason: str
    detail: str
