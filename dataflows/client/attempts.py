"""How often a request is made again, and after how long.

Every request of the API may be made again: an event is learnt once by its id, an item is what it
was last said to be, and what is asked changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

import msgspec

from dataflows.client.calls import ApiCall
from dataflows.client.errors import UnreachableError, error_of

T = TypeVar("T")

LATER = frozenset({429, 502, 503, 504})
"""States that pass: what is meant by them is that one should ask again."""
FIRST_WAIT = 0.2
"""Seconds before the second attempt, where the API names no other; doubled with each."""
LONGEST_WAIT = 10.0


def check_attempts(attempts: int) -> int:
    """Return a number of attempts. Raises ValueError below 1."""
    if attempts < 1:
        raise ValueError(f"attempts is {attempts}; it must be at least 1")
    return attempts


def waits(attempts: int) -> Iterator[float | None]:
    """Yield how many seconds to wait after each attempt, None after the last one."""
    for attempt in range(attempts - 1):
        yield min(FIRST_WAIT * 2**attempt, LONGEST_WAIT)
    yield None


def asked_to_wait(headers: Mapping[str, str], otherwise: float) -> float:
    """Return the seconds of a `Retry-After`, within bounds; `otherwise` where there is none."""
    told = headers.get("retry-after", "")
    return min(float(told), LONGEST_WAIT) if told.isdigit() else otherwise


def answer_of(call: ApiCall[T], status: int, body: bytes, url: str) -> T:
    """Return what an answer says, as its type. Raises `ClientError`."""
    if status >= 400:
        raise error_of(status, body, url)
    try:
        return msgspec.json.decode(body, type=call.answer)
    except msgspec.MsgspecError as error:
        raise UnreachableError(f"{url} answered what the API does not: {error}") from None
