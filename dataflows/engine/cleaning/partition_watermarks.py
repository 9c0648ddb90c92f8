"""Event time of each partition: an event is late behind its own partition, not behind others.

Partitions of a topic are read beside each other, and one may be hours behind: what comes of
it then is old, but in order. While a shard has met one partition alone, its time is that of
the whole, and nothing is kept beside it. Files have one time for all that follow each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy

from dataflows.engine.cleaning.stream_memory import Watermark
from dataflows.engine.status.progress import KIND_POSITION
from dataflows.messages.raw import Raw
from dataflows.state.records import Record, Scan
from learners.codec import pack, unpack_as

KIND = "clean:time"
VERSION = 1


class Watermarks:
    """The watermark of each partition of a broker, once a shard has met two of them.

    Partitions that the state had read before it kept any by itself begin where the time of
    all stands, and go on as they did; a new one begins with its first events.
    """

    def __init__(self) -> None:
        self._own: dict[str, Watermark] = {}
        self._only: str | None = None
        self._start = Watermark()
        self._read_before: frozenset[str] = frozenset()
        self._dirty: set[str] = set()

    def of(self, raw: Raw, whole: Watermark) -> Watermark:
        """Return the watermark that an event of this record is held against, and is to advance.

        `whole` is that of all events, which the caller advances; it is given where there is
        no other partition. Files, whose records have no broker's time, are not asked about here.
        """
        name = raw.partition
        if not self._own:
            if self._only is None:
                self._start = copy(whole)
                if not self._is_new(name, whole):
                    self._only = name
            if self._only == name:
                return whole
            self._split(raw.topic, whole)
        if name not in self._own:
            self._own[name] = Watermark()
        self._dirty.add(name)
        return self._own[name]

    def changed(self) -> Iterator[Record]:
        """Return (kind, partition, blob) of the times that were asked for since the last call."""
        dirty, self._dirty = sorted(self._dirty), set()
        return ((KIND, name, pack(KIND, VERSION, self._own[name])) for name in dirty)

    def restore(self, scan: Scan) -> None:
        """Restore the times of an earlier run. Raises `learners.codec.StateError` if damaged."""
        self._own = {name: unpack_as(blob, KIND, VERSION, Watermark) for name, blob in scan(KIND)}
        self._read_before = frozenset(name for name, _ in scan(KIND_POSITION))
        self._only, self._dirty = None, set()

    def _is_new(self, name: str, whole: Watermark) -> bool:
        """Return whether others were read before, and this one was not."""
        has_begun = whole.time is not None or whole.claim is not None
        return has_begun and bool(self._read_before) and name not in self._read_before

    def _split(self, topic: str, whole: Watermark) -> None:
        """Split the time into one of each partition."""
        for name in self._read_before:
            if name.startswith(f"{topic}-"):
                self._own[name] = copy(self._start)
        if self._only is not None:
            self._own[self._only] = copy(whole)
        self._dirty |= self._own.keys()
