"""What the registry only ever adds to, and what was in force, one after another."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import msgspec

from dataflows.errors import ModelError
from dataflows.messages.outgoing import MOST_PROMOTIONS
from dataflows.registry.manifest import Kind, Manifest, Promotion, kind_of, number_of
from dataflows.registry.storage import Shelf

BASE = ""
"""The model that the configuration names, which is in force before any promotion."""
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

    A damaged one is logged, unless its path is in `reported`, where it is put then.
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


def line_of(promotions: Iterable[Promotion], kind: Kind) -> list[str]:
    """List the versions a rollback can go back through, oldest first, last the one in force.

    A promotion adds one; a rollback takes away all that came after its target. Whatever
    records were lost, the newest one says what is in force.
    """
    line = [BASE]
    for promotion in promotions:
        if promotion.kind != kind:
            continue
        if promotion.action == "rollback":
            del line[max(1, len(line) - 1) :]  # the one in force is left, whatever comes
            while len(line) > 1 and line[-1] != promotion.version:
                line.pop()
        if line[-1] != promotion.version:
            line.append(promotion.version)
    return line


def to_keep(
    versions: Mapping[str, Manifest], lines: Mapping[Kind, list[str]], keep: int
) -> set[str]:
    """Choose the ids that must stay.

    The newest `keep` of each kind, the one in force, the one before it, and whatever an
    adapter that stays was trained upon.
    """
    chosen: set[str] = set()
    for kind, line in lines.items():
        own = sorted((id_ for id_ in versions if kind_of(id_) == kind), key=number_of)
        chosen.update(own[len(own) - keep :] if keep else [])
        chosen.update(line[-2:])
    queue = list(chosen)
    while queue:
        manifest = versions.get(queue.pop())
        if manifest is None or manifest.form != "adapter":
            continue
        needed = {manifest.base, *manifest.parents} & versions.keys() - chosen
        chosen |= needed
        queue.extend(needed)
    return chosen
