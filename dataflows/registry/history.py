"""Numbered records that are only ever added to: promotions, decisions, numbers of versions."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import TypeVar

import msgspec

from dataflows.errors import ModelError
from dataflows.messages.outgoing import MOST_PROMOTIONS
from dataflows.registry.storage import Shelf

DIGITS = 6
MOST = MOST_PROMOTIONS
"""The highest number. A file that is named by a higher one is none of ours, and counts nowhere:
after it no number would be left."""

_NUMBER = re.compile(rf"[0-9]{{{DIGITS},{len(str(MOST))}}}")

_log = logging.getLogger(__name__)
_Record = TypeVar("_Record", bound=msgspec.Struct)


def append(shelf: Shelf, folder: str, make: Callable[[int], bytes]) -> int:
    """Write the next record of a folder and return its number.

    `make` gets the number. Where another process takes it first, `make` is asked anew, so
    what it writes is as of all records before its own. Raises ModelError where no number is left.
    """
    while True:
        number = max(numbers(shelf, folder), default=-1) + 1
        if number > MOST:
            raise ModelError(
                f"{_path(folder, MOST)} is there, the last that can be: nothing can be added; "
                "remove it if it is none of the registry's own"
            )
        content = make(number)
        try:
            shelf.create(_path(folder, number), content)
        except FileExistsError:
            continue
        return number


def numbers(shelf: Shelf, folder: str) -> list[int]:
    """List the numbers of the records in a folder, ascending."""
    stems = (name.removesuffix(".json") for name in shelf.names(folder))
    return sorted(int(stem) for stem in stems if _NUMBER.fullmatch(stem))


def records(
    shelf: Shelf, folder: str, kind: type[_Record], after: int, reported: set[str]
) -> dict[int, _Record]:
    """Read the records with a number above `after`, oldest first.

    A damaged one is logged, unless its path is in `told`, where it is put then.
    """
    wanted = [number for number in numbers(shelf, folder) if number > after]
    paths = [_path(folder, number) for number in wanted]
    found = {}
    for number, path, content in zip(wanted, paths, shelf.read_all(paths), strict=True):
        try:
            found[number] = msgspec.json.decode(content, type=kind)
        except (msgspec.DecodeError, RecursionError) as error:
            if path not in reported:
                reported.add(path)
                _log.warning("%s is passed over: %s", path, error)
    return found


def _path(folder: str, number: int) -> str:
    return f"{folder}/{number:0{DIGITS}d}.json"
