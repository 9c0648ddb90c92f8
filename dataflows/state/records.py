"""Records, the form in which all state is kept, and how they are read back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

Record = tuple[str, str, bytes | None]
"""(kind, key, blob), or None for the blob where the record is to be deleted."""

Load = Callable[[str, str], bytes | None]
"""Returns the blob of (kind, key), or None."""

Scan = Callable[[str], Iterator[tuple[str, bytes]]]
"""Returns all (key, blob) of a kind, in any order."""

ScanFrom = Callable[[str, str], Iterator[tuple[str, bytes]]]
"""Returns the (key, blob) of a kind from a key on, in the order of keys."""


class Records(Protocol):
    """What an engine needs of a store."""

    def get(self, kind: str, key: str) -> bytes | None:
        """Return the blob, None where there is no such record."""
        ...

    def scan(self, kind: str, start: str = "") -> Iterator[tuple[str, bytes]]:
        """Yield the (key, blob) of a kind from the key `start` on, in the order of keys.

        Do not commit in between.
        """
        ...

    def commit(self, records: Iterable[Record]) -> None:
        """Write all of these or none; of two with the same kind and key the later counts."""
        ...

    def hand_over(self, records: Iterable[Record], written: Callable[[], object]) -> None:
        """Write all of these or none, perhaps beside whoever calls; `written` is told after it.

        What is on its way is read as if it were written. One that is handed over before has come
        to its end first. `written` may be called by another thread.
        """
        ...

    def settle(self) -> None:
        """Wait for what was handed over. Raises what writing it failed with."""
        ...

    @property
    def is_writing(self) -> bool:
        """Whether something that was handed over is not yet written."""
        ...

    @property
    def failure(self) -> Exception | None:
        """What writing failed with, beside whoever handed it over; None where it did not."""
        ...

    def close(self) -> None:
        """Close the file; what is not committed is lost."""
        ...


class WritesAtOnce(ABC):
    """What a store does that writes all at once: nothing is ever on its way."""

    is_writing = False
    failure: Exception | None = None

    @abstractmethod
    def commit(self, records: Iterable[Record]) -> None:
        """See `Records.commit`."""

    def hand_over(self, records: Iterable[Record], written: Callable[[], object]) -> None:
        """See `Records.hand_over`."""
        self.commit(records)
        written()

    def settle(self) -> None:  # noqa: B027 - there is nothing to wait for
        """See `Records.settle`."""


class MemoryStore(WritesAtOnce):
    """Records in memory, for replay and tests."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, bytes]] = {}
        self._ordered: dict[str, list[str]] = {}

    def get(self, kind: str, key: str) -> bytes | None:
        """See `Records.get`."""
        return self.records.get(kind, {}).get(key)

    def scan(self, kind: str, start: str = "") -> Iterator[tuple[str, bytes]]:
        """See `Records.scan`."""
        rows = self.records.get(kind, {})
        keys = self._ordered.get(kind)
        if keys is None or len(keys) != len(rows):
            keys = self._ordered[kind] = sorted(rows)
        for place in range(bisect_left(keys, start), len(keys)):
            yield keys[place], rows[keys[place]]

    def commit(self, records: Iterable[Record]) -> None:
        """See `Records.commit`."""
        for kind, key, blob in records:
            if (blob is None) == (key in self.records.get(kind, {})):
                self._ordered.pop(kind, None)  # a key comes or goes
            if blob is None:
                self.records.get(kind, {}).pop(key, None)
            else:
                self.records.setdefault(kind, {})[key] = blob

    def close(self) -> None:
        """Do nothing: there is nothing to close."""
