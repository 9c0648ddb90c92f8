"""Names of lists that are made from a stored one: its sequence, which places, and what was asked.

So whoever sent the list knows which part of it was shown (`part_named`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from dataflows.serve.answers import BadRequestError
from dataflows.serve.api_types import ListRequest

_ID = re.compile(r"([0-9]{1,19})\.([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{5})")
MOST = 0xFFFF
"""Places of a list that can be told."""


class StoredPart(NamedTuple):
    """The places of a list from `first` to before `end`, counted from 0."""

    sequence: str
    first: int
    end: int


def list_id(
    sequence: int, asked: ListRequest, first: int, end: int, rules: Sequence[str] = ()
) -> str:
    """Return the name of the places of a list from `first` to before `end`, for a request.

    `rules` are the names of those that it is made by.
    """
    return f"{sequence}.{min(first, MOST):04x}{min(end, MOST):04x}{_told(asked, rules)}"


def first_after(
    after: str, sequence: int, asked: ListRequest, stored: int, rules: Sequence[str] = ()
) -> int:
    """Return at which place the list goes on after that of a name; `stored` is how long it is.

    Raises BadRequestError where the name is none, or that of another list or request.
    """
    if after == str(sequence):
        return stored
    found = _ID.fullmatch(after)
    if found is None or found[4] != _told(asked, rules):
        raise BadRequestError(
            f"after = {after!a} is not the list_id of a list with this k, categories, exclude, "
            "scenario and rules; ask with those of the first page"
        )
    if found[1] != str(sequence):
        raise BadRequestError(
            f"after = {after!a}: the list has changed since (it is {sequence} now); ask for the "
            "first page anew"
        )
    return int(found[3], 16)


def part_named(name: str) -> StoredPart | None:
    """Return the part of a list that a name tells; None for another, or one that was filtered."""
    found = _ID.fullmatch(name)
    if found is None or found[4] != _told(ListRequest()):
        return None
    return StoredPart(found[1], int(found[2], 16), int(found[3], 16))


def _told(asked: ListRequest, rules: Sequence[str] = ()) -> str:
    """Return five characters that tell which places a request leaves out."""
    what: tuple[object, ...] = asked.categories, asked.exclude, asked.scenario
    if rules:
        what = *what, rules, asked.rules
    return blake2b(msgspec.msgpack.encode(what), digest_size=3).hexdigest()[:5]
