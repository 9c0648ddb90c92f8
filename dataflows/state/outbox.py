"""Messages on their way out: numbered, and kept until the sink has delivered them.

A message that is not yet acknowledged when a shard commits is written in that
same transaction, and sent again after a restart. So a message may arrive
twice, never not at all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import msgspec

from dataflows.state.records import Record, Scan
from learners.codec import decode

RECOMMENDATIONS = "recommendations"
INTENTS = "intents"
DEAD_LETTERS = "dead-letters"
NARRATIVES = "narratives"

KIND_MESSAGE = "outbox"
KIND_NEXT = "outbox:next"

Acknowledge = Callable[[int], None]


class Out(msgspec.Struct, frozen=True, gc=False):
    """One message for the sink.

    `topic` is a role ("recommendations", "intents", "dead-letters", "narratives");
    the sink knows the real name. `number` is unique in the process: the sink hands it
    to `acknowledge` once the message is delivered for good.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    number: int


class Outbox:
    """The undelivered messages of one shard.

    Numbers are `shard`, `shard + shards`, `shard + 2 * shards`, ..., so that no
    two shards share one. Acknowledging is safe from another thread.
    """

    def __init__(self, shard: int = 0, shards: int = 1) -> None:
        self._step = shards
        self._next = shard
        self._stored_next = shard
        self._waiting: dict[int, Out] = {}
        self._unsaved: set[int] = set()
        self._to_delete: set[int] = set()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, topic: str, key: bytes | None, value: bytes | None) -> Out:
        """Give a message its number, and keep it until it is acknowledged."""
        with self._lock:
            out = Out(topic, key, value, self._next)
            self._next += self._step
            self._waiting[out.number] = out
            self._unsaved.add(out.number)
        return out

    def acknowledge(self, number: int) -> None:
        """Note that the message is delivered. A number seen before is ignored."""
        with self._lock:
            if self._waiting.pop(number, None) is None:
                return
            if number in self._unsaved:
                self._unsaved.discard(number)
            else:
                self._to_delete.add(number)

    def undelivered(self) -> list[Out]:
        """Return what is not yet acknowledged, oldest first."""
        with self._lock:
            return [self._waiting[number] for number in sorted(self._waiting)]

    @property
    def is_unsettled(self) -> bool:
        """Whether a message waits for its acknowledgement, or one is yet to be stored."""
        return bool(self._waiting or self._unsaved or self._to_delete)

    def changed(self) -> Iterator[Record]:
        """Yield the records changed since the last call, as (kind, key, blob or None to delete)."""
        with self._lock:
            unsaved = [self._waiting[number] for number in sorted(self._unsaved)]
            deleted = sorted(self._to_delete)
            self._unsaved.clear()
            self._to_delete.clear()
        for out in unsaved:
            yield KIND_MESSAGE, f"{out.number:020d}", msgspec.msgpack.encode(out)
        for number in deleted:
            yield KIND_MESSAGE, f"{number:020d}", None
        if self._next != self._stored_next:
            self._stored_next = self._next
            yield KIND_NEXT, "", msgspec.msgpack.encode(self._next)

    def restore(self, scan: Scan) -> None:
        """Read back what `changed` wrote; all of it counts as undelivered.

        Raises `learners.codec.DamagedError`.
        """
        for _, blob in scan(KIND_NEXT):
            self._next = self._stored_next = decode(blob, int)
        for _, blob in scan(KIND_MESSAGE):
            out = decode(blob, Out)
            self._waiting[out.number] = out


def acknowledger(outboxes: Callable[[int], Outbox | None], shards: int) -> Acknowledge:
    """Return one `acknowledge` for the sink and all shards of this process."""

    def acknowledge(number: int) -> None:
        outbox = outboxes(number % shards)
        if outbox is not None:
            outbox.acknowledge(number)

    return acknowledge
