"""The time of an event: a number in the configured unit, or ISO 8601; always plausible.

* A JSON number is in the unit of the settings (`s`, `ms`, `us`, `ns`) since 1970,
  UTC. A string of digits is read the same way.
* Any other string is ISO 8601; without an offset it is UTC, which may be written
  out behind a blank, as databases print it (`2026-01-31 23:59:00 UTC`); a date
  alone is its midnight.
* The result lies inside the plausible range of the settings, or the record is
  refused with a guess at the unit that was meant: never learnt as 1970 or as the
  year 55000.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from dataflows.config.events import TimeUnit
from dataflows.messages.raw_reasons import Reason, Refused, shown

PER_SECOND: dict[str, int] = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_UNITS: tuple[TimeUnit, ...] = ("s", "ms", "us", "ns")
_NAMES = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_WRITTEN_OUT = " UTC"
_LONGEST = 64  # characters of a time given as text


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
