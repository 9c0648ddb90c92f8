"""The files beside a log that tools for rotation made of it: `events.jsonl.1`, `-20260301.gz`."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from dataflows.connectors.files.readable import FileId, Readable
from dataflows.errors import InputError
from dataflows.messages.raw import HEAD, Origin

MOST = 64
"""Files beside a log that are looked at, the newest first."""
_SUFFIX = re.compile(r"[.-](\d[\d_T.-]*?)(?:\.(?:gz|zst))?")
_SHORT = 5
"""Longer numbers are dates. Dates rise with time; `.1`, `.2` fall or rise, see `_rises`."""
NUMBERED = 0
"""The form of a name that ends in a short number."""


def id_of(path: Path) -> FileId | None:
    """Return what stands under a path now; None where nothing does that is a plain file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return FileId(found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) else None


def begins(path: Path) -> bytes:
    """Return the first `HEAD` bytes of a text, b"" where it cannot be read."""
    try:
        with closing(Readable(path)) as source:
            return source.file.read(HEAD)
    except (InputError, OSError):
        return b""


def beside(path: Path, origin: Origin) -> Iterator[Path]:
    """Yield the files whose name begins as that of `path`, and whose text as `origin` says."""
    try:
        with os.scandir(path.parent) as entries:
            named = [
                (entry.stat().st_mtime_ns, entry.name)
                for entry in entries
                if entry.name.startswith(path.name)
                if entry.name != path.name and entry.is_file()
            ]
    except OSError:
        return
    for _, name in sorted(named, reverse=True)[:MOST]:
        found = path.with_name(name)
        if origin.fits(begins(found)):
            yield found


def next_younger(path: Path, rotated: Path) -> Path:
    """Return the file that was written after `rotated`: another that was rotated, or `path`."""
    age = _age(path, rotated)
    if age is None:
        return path
    found = {
        other: place.place
        for other in path.parent.glob(f"{_escaped(path.name)}[.-]*")
        if (place := _age(path, other)) is not None and place.form == age.form
    }
    younger = -1 if age.form == NUMBERED and _rises(found) else 1
    others = [
        (place * younger, len(other.name), other)
        for other, place in found.items()
        if place * younger > age.place * younger
    ]
    # Of one that is being compressed both are there, the whole one under the shorter name.
    return min(others)[2] if others else path


def _rises(found: dict[Path, int]) -> bool:
    """Return whether the numbers of rotated files rise with time, as some tools have it.

    `found` is file to place, the higher the lower the number. Most shift the numbers up, so that
    the newest is `.1`; where the times of the last writing say nothing, that is taken.
    """
    times: dict[int, int] = {}
    for other, place in found.items():
        with suppress(OSError):
            times[place] = max(times.get(place, 0), other.stat().st_mtime_ns)
    in_order = [times[place] for place in sorted(times)]
    steps = [(after > before) - (after < before) for before, after in pairwise(in_order)]
    return sum(steps) < 0


class _Age(NamedTuple):
    """What orders the rotated files of one form, the younger the higher."""

    form: int
    place: int


def _age(path: Path, rotated: Path) -> _Age | None:
    """Return how old a rotated file is, None where its name does not tell."""
    found = _SUFFIX.fullmatch(rotated.name.removeprefix(path.name))
    if found is None or rotated == path:
        return None
    digits = re.sub(r"\D", "", found[1])
    if digits == found[1] and len(digits) <= _SHORT:
        return _Age(NUMBERED, -int(digits))
    return _Age(len(found[1]), int(digits))


def _escaped(name: str) -> str:
    return re.sub(r"([\[*?])", r"[\1]", name)
