"""Names of lists that are made from a stored one: by its sequence, what was asked, and how far."""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from dataflows.serve.answers import BadRequestError
from dataflows.serve.api_types import ListRequest

END = 3
"""Hexadecimal digits that tell the first place after the list."""


def list_id(sequence: int, asked: ListRequest, end: int) -> str:
    """Return the name of the part of a list before place `end`, counted from 0, for a request."""
    return f"{sequence}.{end:0{END}x}{_told(asked)}"


def first_after(after: str, sequence: int, asked: ListRequest, stored: int) -> int:
    """Return at which place the list goes on after that of a name; `stored` is how long it is.

    Raises BadRequestError where the name is none, or that of another list or request.
    """
    of, _, told = after.partition(".")
    if after == str(sequence):
        return stored
    is_ours = len(told) == END + len(_told(asked)) and of.isdecimal()
    if not is_ours or told[END:] != _told(asked):
        raise BadRequestError(
            f"after = {after!a} is not the list_id of a list with this k, categories, exclude and "
            "scenario; ask with those of the first page"
        )
    if of != str(sequence):
        raise BadRequestError(
            f"after = {after!a}: the list has changed since (it is {sequence} now); ask for the "
            "first page anew"
        )
    try:
        return int(told[:END], 16)
    except ValueError:
        raise BadRequestError(f"after = {after!a} is no list_id that was given out") from None


def _told(asked: ListRequest) -> str:
    """Return five characters that tell which places a request leaves out."""
    what = asked.categories, asked.exclude, asked.scenario
    return blake2b(msgspec.msgpack.encode(what), digest_size=3).hexdigest()[:5]
