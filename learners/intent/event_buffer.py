"""The newest events: a label may still come for them, and they can be learnt from again.

A label that comes hours after its event is joined to it here by the event's id, or to all
events of a session by the session's id. When the encoder changes, the learners of intent are
trained anew from these events (`learners.state.reencode`). The newest `limit` events are kept, in
blocks that are records of their own, so that an epoch writes only what it touched. Vectors
are stored as float16, and learnt from as if they had been stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from learners.codec import pack, unpack_as
from learners.types import LONGEST_TEXT, Interaction, Vector

KIND = "learner:pending"
_VERSION = 1
_BLOCK = 64

Source = Literal["label", "teacher"]
Found = Literal["learn", "unmatched", "duplicate"]
Changed = Iterator[tuple[str, str, bytes | None]]

RETRACTED = "retracted"
_RANK: dict[str, int] = {"": 0, "teacher": 1, "label": 2}


class LateLabel(msgspec.Struct, frozen=True):
    """A label that comes after its event, or after all events of a session (`event_id` None)."""

    user_id: str
    name: str
    source: Source = "label"
    event_id: str | None = None
    session_id: str | None = None


class BufferedEvent(msgspec.Struct, array_like=True):
    """One event that may get a label, with all that is needed to learn it once more.

    `labelled` says from where it has one already: "", "teacher" or "label", or that it was
    "retracted" and is no event any more; `label` is that one, as it came. `text` is cut,
    `encoded` is whole: what its vector was made of. `position` is its number in the shard,
    `category` the one that it was learnt with; `is_search` tells that it has no item, and counts.
    """

    event_id: str
    user_id: str
    session_id: str | None
    text: str = ""
    labelled: str = ""
    position: int = -1
    type: str = ""
    ts: float = 0.0
    category: str | None = None
    label: str | None = None
    encoded: str | None = None
    is_search: bool = False
    item_id: str | None = None

    def retract(self) -> None:
        """Leave nothing but the place in its block."""
        self.labelled, self.text, self.type = RETRACTED, "", ""
        self.category = self.label = self.encoded = self.session_id = self.item_id = None


class _Block(msgspec.Struct):
    """As stored: `vectors` (m, dim) float16, one row for each event that has one."""

    events: list[BufferedEvent]
    has_vector: list[bool]
    vectors: NDArray[np.float16]


class EventBuffer:
    """The newest `limit` events, found by id or by session; at most 64 more for a moment.

    One that is taken back keeps its place until its block goes.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._blocks: dict[int, list[tuple[BufferedEvent, Vector | None]]] = {}
        self._newest = 0
        self._events: dict[str, tuple[int, BufferedEvent, Vector | None]] = {}
        self._sessions: dict[tuple[str, str], list[str]] = {}
        self._dirty: set[int] = set()
        self._dropped: list[int] = []

    def __len__(self) -> int:
        return len(self._events)

    def add(self, buffered: BufferedEvent, vector: Vector | None) -> None:
        """Keep an event and its vector (dim,), which is not copied; the oldest block may go."""
        if not self.limit:
            return
        block = self._blocks.setdefault(self._newest, [])
        block.append((buffered, vector))
        self._dirty.add(self._newest)
        self._index(self._newest, buffered, vector)
        if len(block) >= _BLOCK:
            self._newest += 1
        places = (len(self._blocks) - 1) * _BLOCK + len(block)  # all but the newest are full
        if places > self.limit and len(self._blocks) > 1:
            self._drop(min(self._blocks))

    def keep(self, interaction: Interaction, category: str | None) -> None:
        """Keep an interaction that was just learnt, with `category`."""
        buffered = BufferedEvent(
            interaction.event_id,
            interaction.user_id,
            interaction.session_id,
            (interaction.text or "")[:LONGEST_TEXT],
            "label" if interaction.intent else "",
            interaction.position,
            interaction.type,
            interaction.ts,
            category,
            interaction.intent or None,
            interaction.encoded,
            interaction.item_id is None and interaction.weight > 0,
            interaction.item_id,
        )
        self.add(buffered, interaction.vector)

    def take(
        self, event_id: str, source: Source, label: str | None = None
    ) -> tuple[Found, BufferedEvent | None, Vector | None]:
        """Find the event that a label is for, and note that it has one now: `label`.

        A label counts once; one of a teacher counts only until a true one is there.
        """
        number, buffered, vector = self._events.get(event_id, (0, None, None))
        if buffered is None:
            return "unmatched", None, None
        if _RANK[buffered.labelled] >= _RANK[source]:
            return "duplicate", None, None
        buffered.labelled, buffered.label = source, label
        self._dirty.add(number)
        if vector is not None:
            vector = _stored_as(vector)
        return "learn", buffered, vector

    def find(self, event_id: str) -> BufferedEvent | None:
        """Return an event that is kept, None where it is not."""
        found = self._events.get(event_id)
        return None if found is None else found[1]

    def meant(self, late: LateLabel) -> list[str]:
        """Return the ids of the events that a label is for, oldest first: its own user's alone."""
        if late.event_id is None:
            return self.session(late.user_id, late.session_id or "")
        kept = self.find(late.event_id)
        return [late.event_id] if kept is None or kept.user_id == late.user_id else []

    def retract(self, event_id: str) -> None:
        """Remove an event that is kept: no label may come for it, and nothing learns from it."""
        number, buffered, _ = self._events.pop(event_id)
        if buffered.session_id is not None:
            self._leave(buffered)
        buffered.retract()
        self._blocks[number] = [
            (one, None if one is buffered else vector) for one, vector in self._blocks[number]
        ]
        self._dirty.add(number)

    def of_user(self, user_id: str) -> list[tuple[BufferedEvent, Vector | None]]:
        """Return the events of a user that are kept, oldest first, with their vectors (dim,)."""
        return [
            (buffered, None if vector is None else _stored_as(vector))
            for _, buffered, vector in self._events.values()
            if buffered.user_id == user_id
        ]

    def newest(self, user_id: str, kind: str, item_id: str | None) -> str | None:
        """Return the id of a user's newest event of this type and item (None: without), if kept."""
        for _, buffered, _ in reversed(self._events.values()):
            if (buffered.user_id, buffered.type, buffered.item_id) == (user_id, kind, item_id):
                return buffered.event_id
        return None

    def retracted(self) -> list[BufferedEvent]:
        """Return the events that were taken out; their places are still kept."""
        blocks = self._blocks.values()
        return [one for block in blocks for one, _ in block if one.labelled == RETRACTED]

    def session(self, user_id: str, session_id: str) -> list[str]:
        """Return the ids of a session's events that are kept, oldest first."""
        return list(self._sessions.get((user_id, session_id), ()))

    def since(self, position: int) -> list[BufferedEvent]:
        """Return the events of a number above `position` that are kept, oldest first."""
        found: list[BufferedEvent] = []
        for number in sorted(self._blocks, reverse=True):
            block = [one for one, _ in self._blocks[number] if one.position > position]
            found[:0] = [one for one in block if one.labelled != RETRACTED]
            if len(block) < len(self._blocks[number]):
                break
        return found

    def set_vectors(self, vectors: Mapping[int, Vector]) -> None:
        """Replace all vectors by another encoder's, (dim,) by position; None where missing."""
        for number, block in self._blocks.items():
            for place, (buffered, _) in enumerate(block):
                vector = vectors.get(buffered.position)
                block[place] = (buffered, vector)
                if self.find(buffered.event_id) is buffered:
                    self._events[buffered.event_id] = (number, buffered, vector)
        self._dirty.update(self._blocks)

    def changed(self) -> Changed:
        """Yield the records changed since the last call."""
        for number in self._dropped:
            yield KIND, str(number), None
        for number in sorted(self._dirty):
            if number in self._blocks:
                yield KIND, str(number), pack(KIND, _VERSION, _stored(self._blocks[number]))
        self._dropped, self._dirty = [], set()

    def restore(self, records: Iterator[tuple[str, bytes]]) -> None:
        """Restore what an earlier run stored. Raises `StateError` where it is damaged."""
        for key, blob in sorted(records, key=lambda record: int(record[0])):
            number, block = int(key), unpack_as(blob, KIND, _VERSION, _Block)
            rows = iter(block.vectors.astype(np.float32))
            self._blocks[number] = [
                (buffered, next(rows) if has else None)
                for buffered, has in zip(block.events, block.has_vector, strict=True)
            ]
            for buffered, vector in self._blocks[number]:
                self._index(number, buffered, vector)
            full = len(block.events) >= _BLOCK
            self._newest = max(self._newest, number + 1 if full else number)

    def _index(self, number: int, buffered: BufferedEvent, vector: Vector | None) -> None:
        if buffered.labelled == RETRACTED:
            return
        self._events[buffered.event_id] = (number, buffered, vector)
        if buffered.session_id is not None:
            key = (buffered.user_id, buffered.session_id)
            self._sessions.setdefault(key, []).append(buffered.event_id)

    def _drop(self, number: int) -> None:
        for buffered, _ in self._blocks.pop(number):
            found = self._events.get(buffered.event_id)
            if found is not None and found[1] is buffered:
                del self._events[buffered.event_id]
            if buffered.session_id is not None:
                self._leave(buffered)
        self._dirty.discard(number)
        self._dropped.append(number)

    def _leave(self, buffered: BufferedEvent) -> None:
        """Forget an event of a session."""
        session = buffered.user_id, buffered.session_id or ""
        events = self._sessions[session]
        events.remove(buffered.event_id)
        if not events:
            del self._sessions[session]


def _stored_as(vector: Vector) -> Vector:
    """Return a vector as it will be once it was stored."""
    return vector.astype(np.float16).astype(np.float32)


def _stored(block: list[tuple[BufferedEvent, Vector | None]]) -> _Block:
    vectors = [vector for _, vector in block if vector is not None]
    return _Block(
        [buffered for buffered, _ in block],
        [vector is not None for _, vector in block],
        np.array(vectors, np.float16) if vectors else np.zeros((0, 0), np.float16),
    )
