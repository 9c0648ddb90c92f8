"""What travels from the encode step to the learn step: one object per micro-batch and shard.

With it the moment at which another encoder takes over, as the encode step is given it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol
from zlib import crc32

import msgspec

from dataflows.messages.decisions import LabelDecision
from dataflows.messages.events import EventRecord
from dataflows.messages.items import ItemRecord, RemovedItem
from dataflows.messages.raw import LogId, Origin, Raw, Reject
from encoders.base import Encoder
from learners.types import Vector


class EncodedEvent(msgspec.Struct, frozen=True):
    """An event with its own text and the unit vector `(dim,)` of it, None where it has none.

    `decision` is what it decides, in a replay of an old log that may decide; else None.
    """

    raw: Raw
    event: EventRecord
    vector: Vector | None
    text: str | None = None
    decision: LabelDecision | None = None


class EncodedItem(msgspec.Struct, frozen=True):
    """A catalogue record with the vector of `text`; both None where it has no text."""

    raw: Raw
    item: ItemRecord
    text: str | None
    vector: Vector | None


class Removal(msgspec.Struct, frozen=True):
    """An item that leaves the catalogue."""

    raw: Raw
    item: RemovedItem


class EncodedDecision(msgspec.Struct, frozen=True):
    """What somebody decided who may."""

    raw: Raw
    decision: LabelDecision


Encoded = EncodedEvent | EncodedItem | Removal | EncodedDecision | Reject


class Switch(msgspec.Struct, frozen=True):
    """From the first record of a batch on, another encoder is in force.

    `version` is its id in the registry, "" for the configured one; `encoder` the fingerprint
    that its vectors and lists carry; `sequence` the number of the promotion that said so.
    """

    version: str
    encoder: str
    sequence: int = -1


class Batch(msgspec.Struct, frozen=True):
    """One micro-batch for one shard, in the order of the source.

    `positions` is partition -> next offset after the whole micro-batch, so that a
    shard moves on even where none of the records was for it. An empty batch wakes a
    shard at start, to have undelivered messages sent again. `encoder` is the version that
    made all of its vectors ("": there are none); with `switch` it is new from here on.
    `origins` is what partitions of files are known by, and `logs` what those of topics are, as
    far as that is new; `anew` are partitions whose logs take the place of others from here on.
    `arrived` is when it came in, in seconds of `time.perf_counter`; 0 where nobody asks.
    """

    shard: int
    records: Sequence[Encoded] = ()
    positions: dict[str, int] = {}
    encoder: str = ""
    switch: Switch | None = None
    origins: dict[str, Origin] = {}
    logs: dict[str, LogId] = {}
    anew: tuple[str, ...] = ()
    arrived: float = 0.0


def shard_of(user_id: str, shards: int) -> int:
    """Return the shard of a user, the same for ever (CRC-32 of the id's UTF-8)."""
    return crc32(user_id.encode()) % shards if shards > 1 else 0


def shard_of_partition(partition: str, shards: int) -> int:
    """Return the shard that counts what comes from a partition and is nobody's event."""
    return crc32(partition.encode()) % shards


def shard_key(shard: int) -> str:
    """Return the Bytewax key of a shard."""
    return f"shard-{shard}"


class Turn(NamedTuple):
    """The encoder of all records from now on, and the marker that tells the learn step."""

    encoder: Encoder
    switch: Switch


class Turns(Protocol):
    """Who decides when to switch."""

    def turn(self, raws: Sequence[Raw]) -> Turn | None:
        """Return the turn that is due before the first of these records, None mostly. Quick."""
        ...
