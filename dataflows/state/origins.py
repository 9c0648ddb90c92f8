"""What partitions are known by: of a file a fingerprint of how it begins, of a topic its ids.

Kept beside the positions, in the same transaction: a file that is found under a name later is
the one that was read only if it begins as that did. Many files may follow one another under
one name; of those only the newest are kept apart, and the older ones are counted together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

import msgspec

from dataflows.messages.partition_names import split_generation
from dataflows.state.records import Record, Records
from learners.codec import pack, unpack_as

KIND = "origin"
VERSION = 1
KEPT = 8
"""Files that followed one another under one name, of which positions are kept."""


Known = TypeVar("Known", bound=msgspec.Struct)


class Origins(Generic[Known]):
    """What the partitions of one store are known by, as records of `kind` that hold an `of`.

    State goes through `changed` and `restore`.
    """

    def __init__(self, kind: str, of: type[Known]) -> None:
        self._kind = kind
        self._of = of
        self._known: dict[str, Known] = {}
        self._changed: dict[str, Known | None] = {}

    def take(self, origins: Mapping[str, Known], forget: Callable[[str, str], object]) -> None:
        """Note what partitions are known by; `forget` is called with each that is no longer kept.

        It is given the partition, and the one under which its figures are counted from now on.
        """
        for partition, origin in origins.items():
            is_new = partition not in self._known
            self._known[partition] = self._changed[partition] = origin
            if is_new:
                name, newest = split_generation(partition)
                for old in self._older(name, newest - KEPT):
                    del self._known[old]
                    self._changed[old] = None
                    forget(old, name)

    def _older(self, name: str, last: int) -> list[str]:
        """Return the partitions of `name` up to number `last`, oldest first."""
        split = {partition: split_generation(partition) for partition in self._known}
        of_name = [(number, old) for old, (found, number) in split.items() if found == name]
        return [old for number, old in sorted(of_name) if number <= last]

    def changed(self) -> Iterator[Record]:
        """Yield (kind, key, blob) of what changed since the last call."""
        changed, self._changed = self._changed, {}
        for partition, origin in sorted(changed.items()):
            blob = None if origin is None else pack(self._kind, VERSION, origin)
            yield self._kind, partition, blob

    def restore(self, store: Records) -> None:
        """Restore what is stored. Raises `learners.codec.StateError` if damaged."""
        self._known, self._changed = read_origins(store, self._kind, self._of), {}


def read_origins(store: Records, kind: str, of: type[Known]) -> dict[str, Known]:
    """Return partition -> what it is known by. Raises `learners.codec.StateError` if damaged."""
    return {key: unpack_as(blob, kind, VERSION, of) for key, blob in store.scan(kind)}
