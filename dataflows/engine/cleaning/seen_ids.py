"""Which event ids were seen lately, in bounded memory: redelivered events are dropped.

Ids are kept as 64-bit BLAKE2b hashes, in the order of arrival, in segments of 512;
when a new one begins, those that are no longer needed are forgotten. At least the
last `capacity` ids are known, and fewer than 1,024 more. Two different ids share a hash with
a probability of 1e-14 per event at the default capacity. A segment is one record,
so that a commit rewrites 4 kB at most, whatever the capacity.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from hashlib import blake2b

from dataflows.state.records import Record, Scan
from learners.codec import pack, unpack_as

KIND = "clean:ids"
VERSION = 1
SEGMENT = 512
_WIDTH = 8


class SeenIds:
    """Memory of the last `capacity` distinct ids; 0 switches it off (every id is new)."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._known: set[bytes] = set()
        self._segments: deque[tuple[int, bytearray]] = deque()
        self._dirty: set[int] = set()
        self._gone: list[int] = []

    def __len__(self) -> int:
        return len(self._known)

    def add(self, event_id: str) -> bool:
        """Remember the id. Returns whether it is new."""
        if not self._capacity:
            return True
        mark = blake2b(event_id.encode(), digest_size=_WIDTH).digest()
        if mark in self._known:
            return False
        self._known.add(mark)
        if not self._segments or len(self._segments[-1][1]) == SEGMENT * _WIDTH:
            self._open()
        serial, marks = self._segments[-1]
        marks += mark
        self._dirty.add(serial)
        return True

    def changed(self) -> Iterator[Record]:
        """Return the records of segments filled, begun or forgotten since the last call."""
        gone, dirty = self._gone, self._dirty
        self._gone, self._dirty = [], set()
        records: list[Record] = [(KIND, _key(serial), None) for serial in gone]
        for serial, marks in self._segments:
            if serial in dirty:
                records.append((KIND, _key(serial), pack(KIND, VERSION, bytes(marks))))
        return iter(records)

    def restore(self, scan: Scan) -> None:
        """Restore the segments of an earlier run; a smaller capacity forgets the oldest."""
        found = sorted(
            (int(key), unpack_as(blob, KIND, VERSION, bytes)) for key, blob in scan(KIND)
        )
        self._segments = deque((serial, bytearray(marks)) for serial, marks in found)
        self._known = {
            bytes(marks[at : at + _WIDTH])
            for _, marks in found
            for at in range(0, len(marks), _WIDTH)
        }
        self._dirty, self._gone = set(), []
        self._forget()

    def _open(self) -> None:
        serial = self._segments[-1][0] + 1 if self._segments else 0
        self._segments.append((serial, bytearray()))
        self._forget()

    def _forget(self) -> None:
        # Only full segments count, so that a restored memory forgets when an unbroken one does.
        while len(self._segments) > 1:
            serial, oldest = self._segments[0]
            kept = len(self._known) - (len(oldest) + len(self._segments[-1][1])) // _WIDTH
            if kept < self._capacity:
                return
            self._segments.popleft()
            self._known.difference_update(
                bytes(oldest[at : at + _WIDTH]) for at in range(0, len(oldest), _WIDTH)
            )
            self._dirty.discard(serial)
            self._gone.append(serial)


def _key(serial: int) -> str:
    return f"{serial:012d}"
