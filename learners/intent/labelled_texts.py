"""Texts of events with a label, the newest of each label: what a new encoder is taught from.

The newest events alone would not do: a label that is rare, or was given long ago, is not
among them. One record a label, so that an epoch writes only the labels that came.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from learners.codec import pack, unpack_as

KIND = "learner:labelled"
_VERSION = 1
KEPT = 48
_MOST_LABELS = 256

Changed = Iterator[tuple[str, str, bytes | None]]


class Labelled(msgspec.Struct, frozen=True, array_like=True):
    """The whole text of an event, its number in the shard, and what its label weighed.

    `clock` grows with every label that came.
    """

    clock: int
    position: int
    encoded: str
    weight: float


class _Row(msgspec.Struct):
    label: str
    texts: list[Labelled]


class LabelledTexts:
    """The newest 48 texts of each of the 256 labels that came last."""

    def __init__(self) -> None:
        self._rows: dict[str, list[Labelled]] = {}
        self._clock = 0
        self._dirty: set[str] = set()
        self._gone: set[str] = set()

    def add(self, label: str, position: int, encoded: str | None, weight: float) -> None:
        """Keep one more text of a label; without a text nothing is kept."""
        if encoded is None:
            return
        self._clock += 1
        # The label that came last stands last, so that the first one is the one to go.
        texts = self._rows.pop(label, [])
        one = Labelled(self._clock, position, encoded, weight)
        self._rows[label] = [*texts[1 - KEPT :], one]
        self._dirty.add(label)
        if len(self._rows) > _MOST_LABELS:
            self.retire(next(iter(self._rows)))

    def since(self, clock: int) -> list[tuple[str, Labelled]]:
        """Return (label, text) of all that came after `clock`, oldest first."""
        found = [
            (label, one)
            for label, texts in self._rows.items()
            for one in texts
            if one.clock > clock
        ]
        return sorted(found, key=lambda pair: pair[1].clock)

    def rename(self, label: str, into: str) -> None:
        """Move the texts of one label to another."""
        texts = self._rows.get(label)
        if texts is None or label == into:
            return
        both = sorted([*self._rows.get(into, ()), *texts], key=lambda one: one.clock)
        self.retire(label)
        self._rows[into] = both[-KEPT:]
        self._dirty.add(into)
        self._gone.discard(into)

    def retire(self, label: str) -> None:
        """Forget the texts of a label."""
        if self._rows.pop(label, None) is not None:
            self._dirty.discard(label)
            self._gone.add(label)

    def changed(self) -> Changed:
        """Yield the records changed since the last call."""
        for label in sorted(self._gone - self._rows.keys()):
            yield KIND, label, None
        for label in sorted(self._dirty):
            yield KIND, label, pack(KIND, _VERSION, _Row(label, self._rows[label]))
        self._dirty, self._gone = set(), set()

    def restore(self, records: Iterator[tuple[str, bytes]]) -> None:
        """Restore what an earlier run stored. Raises `StateError` where it is damaged."""
        rows = [unpack_as(blob, KIND, _VERSION, _Row) for _, blob in records]
        for row in sorted(rows, key=lambda row: row.texts[-1].clock):
            self._rows[row.label] = row.texts
        self._clock = max((row.texts[-1].clock for row in rows), default=0)
