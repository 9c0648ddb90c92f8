"""Numbers inside `context` and `attributes`: one written rule for all of them.

An integer of 64 bits (-2^63 to 2^64 - 1) and a number that a float of 64 bits can hold stay as
they are. Any other number becomes a string of its digits as they were written: what is stored
could not hold it, and rounding it would make two things one. So an article number of twenty
digits costs nobody their item.
"""

from __future__ import annotations

import math
import re
from typing import Any, Self

SMALLEST, LARGEST = -(2**63), 2**64 - 1

_LARGE = re.compile(rb"[0-9]{19}|[eE]\+?[0-9]{3}")
"""Integers of fewer digits fit, and so does what has an exponent of two."""


class HugeNumber(float):
    """A number of JSON that no float can hold; `text` is how it was written."""

    text: str

    def __new__(cls, text: str) -> Self:
        """Take the digits; as a float it is infinite."""
        made = super().__new__(cls, -math.inf if text.startswith("-") else math.inf)
        made.text = text
        return made


def read_float(text: str) -> float:
    """Read a number with a point or an exponent, as `json.loads` wants it."""
    number = float(text)
    return number if math.isfinite(number) else HugeNumber(text)


def read_integer(text: str) -> float:
    """Read a number of digits alone, as `json.loads` wants it."""
    try:
        return int(text)
    except ValueError:  # more digits than Python takes
        return HugeNumber(text)


def fit(value: dict[str, Any], record: bytes) -> tuple[dict[str, Any], bool]:
    """Return an object whose numbers can all be stored, and whether any became a string.

    `record` are the bytes that hold it: without a row of digits there is no need to look.
    """
    if not _LARGE.search(record):
        return value, False
    fitted = _fitted(value)
    return (value, False) if fitted == value else (fitted, True)


def _fitted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _fitted(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_fitted(one) for one in value]
    if isinstance(value, HugeNumber):
        return value.text
    if isinstance(value, int) and not SMALLEST <= value <= LARGEST:
        return str(value)
    return value
