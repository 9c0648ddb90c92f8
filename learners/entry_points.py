"""What other packages bring: objects that are looked up by name when that name is given.

A package declares them as entry points of a group, such as `penchant.encoders`. Looking up reads
the declarations of all installed packages (about 7 ms, once for a group) and imports nothing; a
package is imported when a name of its own is given. The same text stands in `encoders` and in
`learners`, which may not use each other; a test holds it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
"""What a name may look like: it stands in configurations, in commands and in versions."""

_LONGEST = 300
"""Characters of a foreign error that are shown."""


def brought(group: str) -> dict[str, EntryPoint]:
    """Return what installed packages bring in a group, by name and in its order.

    Where two packages bring one name it is that of the first; `find` refuses it.
    """
    found: dict[str, EntryPoint] = {}
    for entry in _declared(group, tuple(sys.path)):
        if NAME.fullmatch(entry.name):
            found.setdefault(entry.name, entry)
    return found


def find(group: str, name: str, ours: Collection[str] = ()) -> EntryPoint | None:
    """Return what an installed package brings under a name; None where there is no such.

    Imports nothing. Raises ValueError, in one line with the remedy, for a name that two packages
    bring, and for one that is among `ours`: it would not be clear which is meant.
    """
    entries = [entry for entry in _declared(group, tuple(sys.path)) if entry.name == name]
    if not entries:
        return None
    bringing = " and ".join(map(origin, entries))
    if name in ours:
        raise ValueError(
            f"{name!r} is a name of penchant's own, and {bringing} brings another under it: "
            f"uninstall {_distribution(entries[0])}, or have it renamed there"
        )
    if len(entries) > 1:
        raise ValueError(
            f"{name!r} is brought by {bringing}: uninstall all of them but one, so that it is "
            f"clear which is meant"
        )
    return entries[0]


def load(entry: EntryPoint) -> object:
    """Import what an entry point names.

    Raises ValueError, in one line, naming the distribution: what is wrong there is not ours.
    """
    try:
        return entry.load()
    except Exception as error:  # a foreign module may raise anything as it is imported
        raise ValueError(
            f"{entry.name!r} of {origin(entry)} cannot be loaded from {entry.value}: "
            f"{failure(error)}; mend or reinstall {_distribution(entry)}, or give another name"
        ) from error


def origin(entry: EntryPoint) -> str:
    """Return the distribution and the version that an entry point is of: `penchant-x 0.1.0`."""
    return f"{_distribution(entry)} {entry.dist.version}" if entry.dist else _distribution(entry)


def failure(error: BaseException) -> str:
    """Return a foreign error on one line, cut, with its type."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:_LONGEST]}".rstrip(": ")


@lru_cache(maxsize=16)
def _declared(group: str, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:  # noqa: ARG001 - a key
    """Return the entry points of a group, by name and distribution, as found on a path."""
    return tuple(sorted(entry_points(group=group), key=lambda each: (each.name, origin(each))))


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.value
