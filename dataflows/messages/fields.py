"""The fields of a record: ids, times and texts, each with one written rule.

An id: a JSON string is the id as it stands, character by character: "007" and "7" are
two, and so are "u1" and "U1". A JSON number that is an integer is its decimal
text: 42 and "42" are one, and all digits of a 64-bit number are kept. Floats,
booleans, lists and objects are no ids. An id holds no control character and no
half of a surrogate pair, is not blank and has at most `limit` characters. It is
never repaired or cut: two users would fall together.

A time: a number in the configured unit, or ISO 8601; always plausible.

* A JSON number is in the unit of the settings (`s`, `ms`, `us`, `ns`) since 1970,
  UTC. A string of digits is read the same way.
* Any other string is ISO 8601; without an offset it is UTC, which may be written
  out behind a blank, as databases print it (`2026-01-31 23:59:00 UTC`); a date
  alone is its midnight.
* The result lies inside the plausible range of the settings, or the record is
  refused with a guess at the unit that was meant: never learnt as 1970 or as the
  year 55000.

A text is repaired, then cut to `limit` characters; what is blank is none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from msgspec import Meta

from dataflows.config.events import TimeUnit
from dataflows.messages.raw import Reason, Refused, shown
from encoders.text import clip, repair

JsonId = Annotated[
    int | str, Meta(description='An integer is its decimal text: 42 and "42" are one.')
]
"""An id as it stands in JSON."""

PER_SECOND: dict[str, int] = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_UNITS: tuple[TimeUnit, ...] = ("s", "ms", "us", "ns")
_NAMES = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_WRITTEN_OUT = " UTC"
_LONGEST = 64  # characters of a time given as text

_FORBIDDEN = {"Cc": "a control character", "Cs": "half of a surrogate pair"}


def read_id(value: int | str, field: str, limit: int) -> str:
    """Return the id as text. Raises `Refused` (bad_id, missing_field) with the field's name."""
    if type(value) is str:
        # The common case first: visible characters only, and no blank to begin with.
        if value and value.isprintable() and value[0] != " " and len(value) <= limit:
            return value
        _check(value, field, limit)
        return value
    try:
        text = str(value)
    except ValueError:  # more digits than Python turns into text
        text = "9" * 5000
    if len(text) > limit:
        raise _too_long(field, len(text), limit)
    return text


def read_optional_id(value: int | str | None, field: str, limit: int) -> str | None:
    """Return the id as `read_id` does; None for null, and for an empty or blank string."""
    if value is None or value == "":
        return None
    if type(value) is str and value.isspace():
        return None
    return read_id(value, field, limit)


def named_event(context: Mapping[str, Any] | None) -> str | None:
    """Return the id of the event that `context.event_id` names, None where it names none."""
    wanted = (context or {}).get("event_id")
    # As for every id: an integer is its decimal text, and nothing else is one.
    if not isinstance(wanted, str | int) or isinstance(wanted, bool):
        return None
    return str(wanted) if str(wanted).strip() else None


def _check(value: str, field: str, limit: int) -> None:
    if not value or value.isspace():
        raise Refused(Reason.MISSING_FIELD, f"{field} is blank; every record needs one")
    if len(value) > limit:
        raise _too_long(field, len(value), limit)
    for place, char in enumerate(value):
        what = _FORBIDDEN.get(unicodedata.category(char))
        if what:
            raise Refused(
                Reason.BAD_ID,
                f"{field} {shown(value)} holds {what} (U+{ord(char):04X}) at place {place};"
                " ids are never repaired",
            )


def _too_long(field: str, length: int, limit: int) -> Refused:
    return Refused(
        Reason.BAD_ID, f"{field} has {length} characters; the limit is {limit} (max_id_chars)"
    )


def read_time(value: float | str, unit: TimeUnit, earliest: float, latest: float) -> float:
    """Return seconds since 1970 UTC; `earliest` and `latest` are such seconds too.

    Raises `Refused`: bad_time for what is no time, time_out_of_range for what is
    not plausible.
    """
    if isinstance(value, str):
        number = _number(value)
        if number is None:
            seconds = _iso(value)
            if earliest <= seconds <= latest:
                return seconds
            raise _out_of_range(shown(value), earliest, latest, "")
        value = number
    try:
        seconds = value / PER_SECOND[unit]
    except OverflowError:
        seconds = float("inf")
    if earliest <= seconds <= latest:
        return seconds
    raise _out_of_range(
        f"{shown(value)} {_NAMES[unit]}", earliest, latest, _guess(value, earliest, latest)
    )


def iso(seconds: float) -> str:
    """Write seconds since 1970 as ISO 8601 in UTC with milliseconds, `2026-01-31T23:59:00.123Z`.

    Raises ValueError for a time outside the years 1 to 9999 (or not finite).
    """
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise ValueError(f"{seconds} seconds since 1970 is no date: {error}") from error
    return moment.isoformat(timespec="milliseconds")[:-6] + "Z"


def _number(text: str) -> float | int | None:
    text = text.strip()
    if len(text) > _LONGEST or not _NUMBER.fullmatch(text):
        return None
    # Whole numbers stay exact: nanoseconds do not fit a float.
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def _iso(text: str) -> float:
    plain = text.strip().upper()
    date = plain.removesuffix(_WRITTEN_OUT)
    if date != plain:  # an offset of its own beside it makes it no time
        plain = f"{date.rstrip()}Z" if "T" in date or ":" in date else date.rstrip()
    try:
        moment = datetime.fromisoformat(plain)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise Refused(
            Reason.BAD_TIME,
            f"ts {shown(text)} is neither a number nor ISO 8601 such as 2026-01-31T23:59:00Z",
        ) from error


def _out_of_range(what: str, earliest: float, latest: float, guess: str) -> Refused:
    return Refused(
        Reason.TIME_OUT_OF_RANGE,
        f"ts {what} lies outside {iso(earliest)} to {iso(latest)} (min_time, max_time){guess}",
    )


def fitting_unit(value: float | str, earliest: float, latest: float) -> TimeUnit | None:
    """Return the unit in which a number is a plausible time, None where it is in none."""
    number = _number(value) if isinstance(value, str) else value
    if number is None:
        return None
    for unit in _UNITS:
        try:
            if earliest <= number / PER_SECOND[unit] <= latest:
                return unit
        except OverflowError:
            continue
    return None


def _guess(value: float, earliest: float, latest: float) -> str:
    unit = fitting_unit(value, earliest, latest)
    if unit is None:
        return ""
    moment = iso(value / PER_SECOND[unit])
    return f"; read as {_NAMES[unit]} it is {moment}: is time_unit right?"


def read_text(value: float | str | None, limit: int) -> tuple[str | None, bool, bool]:
    """Return (text, was cut, was repaired); None is "no text": null, empty or blank.

    `limit` is in characters and counts after the repair, so that a record is cut
    at the same place however its accents were written.
    """
    if value is None or value == "":
        return None, False, False
    text, repaired = repair(value if isinstance(value, str) else str(value))
    text, was_cut = clip(text, limit)
    return text or None, was_cut, repaired
