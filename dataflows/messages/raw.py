"""A record as it came from a source, what its log is known by, and what decoding made of it.

Why a record became a dead letter is said in fixed words (`Reason`), on which consumers can rely.
"""

from __future__ import annotations

from enum import StrEnum
from hashlib import blake2b
from zlib import crc32

import msgspec

EVENTS = "events"
ITEMS = "items"
"""The topics of what comes in from files; on Kafka they are named in the settings."""

HEAD = 4096
"""Bytes at the start of a file that are its fingerprint, or as many as were read."""
EARLIEST_BROKER_TIME = 631_152_000.0
"""1990. A producer can stamp a record with 0, or with seconds for milliseconds: no clock then."""


class Origin(msgspec.Struct, frozen=True):
    """`digest` of the first `size` bytes of a text; 0 for a pipe, which no text can be held by."""

    size: int
    digest: bytes

    @classmethod
    def of(cls, text: bytes) -> Origin:
        """Return the fingerprint of a beginning, at most `HEAD` bytes of which count."""
        head = text[:HEAD]
        return cls(len(head), blake2b(head, digest_size=16).digest())

    def fits(self, text: bytes) -> bool:
        """Return whether a text that begins so may be the one that this was taken of."""
        return self.size > 0 and Origin.of(text[: self.size]) == self


class LastRecord(msgspec.Struct, frozen=True):
    """The record before a position, to be known again by.

    A log that was cut before a position and has grown past it has another one there, also
    where the leader's epoch is the same, as after a broker came back with an older disk.
    `timestamp` is the broker's in seconds, None where it tells none.
    """

    offset: int
    timestamp: float | None
    checksum: int

    @classmethod
    def of(
        cls, offset: int, timestamp: float | None, key: bytes | None, value: bytes | None
    ) -> LastRecord:
        """Return what a record is known again by."""
        return cls(offset, timestamp, crc32(value or b"", crc32(key or b"")))


class LogId(msgspec.Struct, frozen=True):
    """Ids as the broker tells them, "" where it tells none.

    `epoch` is that of the leader that wrote the last record before the position; -1 where the
    position lies behind something that is no record, which another leader may have written.
    `last` is the last record that was read, None where none was, or an older release stored it.
    """

    cluster: str = ""
    topic: str = ""
    epoch: int = -1
    last: LastRecord | None = None

    @property
    def is_known(self) -> bool:
        """Whether any id of it is known."""
        return bool(self.cluster or self.topic)

    def is_another_than(self, other: LogId) -> bool:
        """Return whether both are known, and not of the same log."""
        pairs = ((self.cluster, other.cluster), (self.topic, other.topic))
        return any(mine and theirs and mine != theirs for mine, theirs in pairs)


class Raw(msgspec.Struct, frozen=True):
    """One record of a source. `partition` names it whole (`events-0`, a file's name).

    `offset` is the Kafka offset, or the byte at which the line starts in a
    file; it only grows inside a partition. `next_offset` is where reading goes
    on after this record. `timestamp` is the broker's time in seconds, None for
    files. `origin` is what a file is known by, where this record is the first to tell it.
    With `is_mark` it is no record, but word that reading goes on at `next_offset` and that
    nothing is to be had between what came before it and there. `log` is what the log of a
    topic is known by, where this is the first to tell it; with `is_anew` the mark comes before
    a log that takes another's place, and of which nothing was read. `trace` is the context of a
    trace that the record came with, where traces are on.
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
    trace: str | None = None


class Reject(msgspec.Struct, frozen=True):
    """A record that cannot be learnt: `reason` is a fixed word, `detail` says it in a sentence."""

    raw: Raw
    reason: str
    detail: str


class Reason(StrEnum):
    """The `reason` of a `Reject` and of a dead letter."""

    TOO_LARGE = "too_large"
    """The record has more bytes than `max_record_bytes`."""
    NULL_VALUE = "null_value"
    """An event without a value."""
    NOT_UTF8 = "not_utf8"
    """Bytes that are not UTF-8."""
    BAD_JSON = "bad_json"
    """Not JSON: broken, empty, NaN, nested too deeply to be read."""
    TOO_DEEP = "too_deep"
    """`context` or `attributes` nested deeper than `max_depth`."""
    NOT_AN_OBJECT = "not_an_object"
    """JSON, but not an object."""
    MISSING_FIELD = "missing_field"
    """A needed field is not there, null or blank."""
    BAD_FIELD = "bad_field"
    """A field of the wrong type, or more than 100 categories."""
    BAD_ID = "bad_id"
    """An id of the wrong type, too long, or with characters that ids may not hold."""
    BAD_KEY = "bad_key"
    """A removal whose key is not an item id."""
    BAD_VALUE = "bad_value"
    """`value` is not a finite number."""
    BAD_TIME = "bad_time"
    """`ts` is neither a number nor ISO 8601."""
    TIME_OUT_OF_RANGE = "time_out_of_range"
    """`ts` lies outside `min_time` to `max_time`."""
    DECISION_IN_EVENTS = "decision_in_events"
    """An event that would decide about labels: `penchant intents` sends decisions to where they are
    taken from.
    """
    NOT_SIGNED = "not_signed"
    """A decision without a signature, where a key is set."""
    BAD_SIGNATURE = "bad_signature"
    """A decision whose signature is not that of its bytes under a key of ours."""
    BAD_SEQUENCE = "bad_sequence"
    """A decision whose `sequence` is no integer from 0 to 2^63 - 1."""
    REPLAYED = "replayed"
    """A signed decision that is not above the last sequence of its signer."""
    OUTPUT_TOO_LARGE = "output_too_large"
    """A message of ours that the broker would not take."""


class Refused(Exception):  # noqa: N818 - not an error: it carries a verdict out of the reading of one record
    """One record cannot be used. Raised and caught inside decoding, never seen outside it."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def shown(value: object, limit: int = 60) -> str:
    """Return a value as short, plain ASCII, fit for a message about it."""
    try:
        text = ascii(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, a deep list
        return f"a huge {type(value).__name__}"
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"
