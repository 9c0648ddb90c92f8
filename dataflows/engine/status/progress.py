"""How far a shard is, as its state says: in each source partition, and in what it learnt."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import msgspec

from dataflows.state.records import Record, Records
from learners.codec import decode

KIND_POSITION = "position"
KIND_LEARNT = "learnt"
SINCE = "since"
"""The key under which stands how many events were carried out since that are no interactions."""


def read_positions(store: Records) -> dict[str, int]:
    """Return partition -> next offset as stored."""
    return {key: decode(blob, int) for key, blob in store.scan(KIND_POSITION)}


def read_learnt(store: Records) -> tuple[int, int]:
    """Return the number of interactions learnt, and of other events carried out since the last."""
    learnt, since = store.get(KIND_LEARNT, ""), store.get(KIND_LEARNT, SINCE)
    return (
        0 if learnt is None else decode(learnt, int),
        0 if since is None else decode(since, int),
    )


def records(
    positions: Mapping[str, int], moved: Collection[str], learnt: int, since: int
) -> Iterator[Record]:
    """Yield what to store: the positions of the partitions that moved, and what was learnt."""
    for partition in sorted(moved):
        yield KIND_POSITION, partition, msgspec.msgpack.encode(positions[partition])
    yield KIND_LEARNT, "", msgspec.msgpack.encode(learnt)
    yield KIND_LEARNT, SINCE, msgspec.msgpack.encode(since)
