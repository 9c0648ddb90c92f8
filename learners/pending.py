"""Events whose label may still come: their vectors, for as long as memory is set aside for it.

A label that comes hours after its event is joined to it here by the event's id, or to all
events of a session by the session's id. The newest `limit` events are kept, in blocks that
are records of their own, so that an epoch writes only what it touched. Vectors are stored
as float16, and learnt from as if they had been stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from learners.codec import pack, unpack_as
from learners.interaction import Vector

KIND = "learner:pending"
_VERSION = 1
_BLOCK = 64

Source = Literal["label", "teacher"]
Found = Literal["learn", "unmatched", "duplicate"]
Changed = Iterator[tuple[str, str, bytes | None]]

_RANK: dict[str, int] = {"": 0, "teacher": 1, "label": 2}


class LateLabel(msgspec.Struct, frozen=True):
    """A label that comes after its event, or after all events of a session (`event_id` None)."""

    user_id: str
    name: str
    source: Source = "label"
    event_id: str | None = None
    session_id: str | None = None


class Waiting(msgspec.Struct, array_like=True):
    """One event that may get a label.

    `labelled` says from where it has one already: "", "teacher" or "label". `text` is cut.
    """

    event_id: str
    user_id: str
    session_id: str | None
    text: str = ""
    labelled: str = ""


class _Block(msgspec.Struct):
    """As stored: `vectors` (m, dim) float16, one row for each event that has one."""

    events: list[Waiting]
    has_vector: list[bool]
    vectors: NDArray[np.float16]


class Pending:
    """The newest `limit` events, found by id or by session; at most 64 more for a moment."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._blocks: dict[int, list[tuple[Waiting, Vector | None]]] = {}
        self._newest = 0
        self._events: dict[str, tuple[int, Waiting, Vector | None]] = {}
        self._sessions: dict[tuple[str, str], list[str]] = {}
        self._dirty: set[int] = set()
        self._dropped: list[int] = []

    def __len__(self) -> int:
        return len(self._events)

    def add(self, waiting: Waiting, vector: Vector | None) -> None:
        """Keep an event and its vector (dim,), which is not copied; the oldest block may go."""
        if not self.limit:
            return
        block = self._blocks.setdefault(self._newest, [])
        block.append((waiting, vector))
        self._dirty.add(self._newest)
        self._index(self._newest, waiting, vector)
        if len(block) >= _BLOCK:
            self._newest += 1
        if len(self._events) > self.limit and len(self._blocks) > 1:
            self._drop(min(self._blocks))

    def take(self, event_id: str, source: Source) -> tuple[Found, Waiting | None, Vector | None]:
        """Find the event that a label is for, and note that it has one now.

        A label counts once; one of a teacher counts only until a true one is there.
        """
        number, waiting, vector = self._events.get(event_id, (0, None, None))
        if waiting is None:
            return "unmatched", None, None
        if _RANK[waiting.labelled] >= _RANK[source]:
            return "duplicate", None, None
        waiting.labelled = source
        self._dirty.add(number)
        if vector is not None:
            vector = vector.astype(np.float16).astype(np.float32)
        return "learn", waiting, vector

    def session(self, user_id: str, session_id: str) -> list[str]:
        """Give the ids of a session's events that are kept, oldest first."""
        return list(self._sessions.get((user_id, session_id), ()))

    def changed(self) -> Changed:
        """Give the records changed since the last call."""
        for number in self._dropped:
            yield KIND, str(number), None
        for number in sorted(self._dirty):
            if number in self._blocks:
                yield KIND, str(number), pack(KIND, _VERSION, _stored(self._blocks[number]))
        self._dropped, self._dirty = [], set()

    def restore(self, records: Iterator[tuple[str, bytes]]) -> None:
        """Take up what an earlier run stored. Raises `StateError` where it is damaged."""
        for key, blob in sorted(records, key=lambda record: int(record[0])):
            number, block = int(key), unpack_as(blob, KIND, _VERSION, _Block)
            rows = iter(block.vectors.astype(np.float32))
            self._blocks[number] = [
                (waiting, next(rows) if has else None)
                for waiting, has in zip(block.events, block.has_vector, strict=True)
            ]
            for waiting, vector in self._blocks[number]:
                self._index(number, waiting, vector)
            full = len(block.events) >= _BLOCK
            self._newest = max(self._newest, number + 1 if full else number)

    def _index(self, number: int, waiting: Waiting, vector: Vector | None) -> None:
        self._events[waiting.event_id] = (number, waiting, vector)
        if waiting.session_id is not None:
            key = (waiting.user_id, waiting.session_id)
            self._sessions.setdefault(key, []).append(waiting.event_id)

    def _drop(self, number: int) -> None:
        for waiting, _ in self._blocks.pop(number):
            found = self._events.get(waiting.event_id)
            if found is not None and found[1] is waiting:
                del self._events[waiting.event_id]
            if waiting.session_id is not None:
                self._leave(waiting.user_id, waiting.session_id)
        self._dirty.discard(number)
        self._dropped.append(number)

    def _leave(self, user_id: str, session_id: str) -> None:
        """Forget the oldest event of a session."""
        events = self._sessions[user_id, session_id]
        del events[0]
        if not events:
            del self._sessions[user_id, session_id]


def _stored(block: list[tuple[Waiting, Vector | None]]) -> _Block:
    vectors = [vector for _, vector in block if vector is not None]
    return _Block(
        [waiting for waiting, _ in block],
        [vector is not None for _, vector in block],
        np.array(vectors, np.float16) if vectors else np.zeros((0, 0), np.float16),
    )
