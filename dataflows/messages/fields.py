"""Ids and other words of a record: one written rule for all of them.

A JSON string is the id as it stands, character by character: "007" and "7" are
two, and so are "u1" and "U1". A JSON number that is an integer is its decimal
text: 42 and "42" are one, and all digits of a 64-bit number are kept. Floats,
booleans, lists and objects are no ids. An id holds no control character and no
half of a surrogate pair, is not blank and has at most `limit` characters. It is
never repaired or cut: two users would fall together.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta

from dataflows.messages.raw_reasons import Reason, Refused, shown

JsonId = Annotated[
    int | str, Meta(description='An integer is its decimal text: 42 and "42" are one.')
]
"""An id as it stands in JSON."""

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
    """Like `read_id`; null and an empty or blank string both mean "none"."""
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
