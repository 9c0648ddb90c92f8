"""Why a record became a dead letter: fixed words, so that consumers can rely on them."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """The `reason` of a `Reject` and of a dead letter. docs/messages.md explains each."""

    TOO_LARGE = "too_large"
    NULL_VALUE = "null_value"
    NOT_UTF8 = "not_utf8"
    BAD_JSON = "bad_json"
    TOO_DEEP = "too_deep"
    NOT_AN_OBJECT = "not_an_object"
    MISSING_FIELD = "missing_field"
    BAD_FIELD = "bad_field"
    BAD_ID = "bad_id"
    BAD_KEY = "bad_key"
    BAD_VALUE = "bad_value"
    BAD_TIME = "bad_time"
    TIME_OUT_OF_RANGE = "time_out_of_range"
    DECISION_IN_EVENTS = "decision_in_events"
    NOT_SIGNED = "not_signed"
    BAD_SIGNATURE = "bad_signature"
    BAD_SEQUENCE = "bad_sequence"
    REPLAYED = "replayed"
    OUTPUT_TOO_LARGE = "output_too_large"


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
