"""Records, the form in which all state is kept, and how they are read back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

Record = tuple[str, str, bytes | None]
"""(kind, key, blob), or None for the blob where the record is to be deleted."""

Load = Callable[[str, str], bytes | None]
"""Returns the blob of (kind, key), or None."""

Scan = Callable[[str], Iterator[tuple[str, bytes]]]
"""Returns all (key, blob) of a kind, in any order."""


class Records(Protocol):
    """What an engine needs of a store."""

    def get(self, kind: str, key: str) -> bytes | None:
        """Return the blob, None where there is no such record."""
        ...

    def scan(self, kind: str) -> Iterator[tuple[str, bytes]]:
        """Yield all (key, blob) of a kind in the order of keys. Do not commit in between."""
        ...

    def commit(self, records: Iterable[Record]) -> None:
        """Write all of these or none; of two with the same kind and key the later counts."""
        ...

    def close(self) -> None:
        """Close the file; what is not committed is lost."""
        ...


class MemoryStore:
    """Records in memory, for replay and tests."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, bytes]] = {}

    def get(self, kind: str, key: str) -> bytes | None:
        """See `Records.get`."""
        return self.records.get(kind, {}).get(key)

    def scan(self, kind: str) -> Iterator[tuple[str, bytes]]:
        """See `Records.scan`."""
        yield from sorted(self.records.get(kind, {}).items())

    def commit(self, records: Iterable[Record]) -> None:
        """See `Records.commit`."""
        for kind, key, blob in records:
            if blob is None:
                self.records.get(kind, {}).pop(key, None)
            else:
                self.records.setdefault(kind, {})[key] = blob

    def close(self) -> None:
        """Do nothing: there is nothing to close."""
