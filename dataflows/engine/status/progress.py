"""How far a shard is, as its state says: in each source partition, and in what it learnt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from dataflows.messages import log_ids
from dataflows.messages.log_ids import replaced
from dataflows.messages.outgoing import Position
from dataflows.messages.partition_names import outdated
from dataflows.messages.raw import ITEMS, LogId, Origin, Raw
from dataflows.state import origins
from dataflows.state.ledger import Ledger
from dataflows.state.origins import Origins
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


class InputProgress:
    """How far one shard has read, and what its files and topics are known by.

    `positions` is partition -> next offset, and the engine's to move on. What is counted of a
    partition that is kept no longer is folded into the `ledger`'s page of another.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.positions: dict[str, int] = {}
        self._stored: dict[str, int] = {}
        self._outdated: set[str] = set()
        self._ledger = ledger
        self._origins = Origins(origins.KIND, Origin)
        self._logs = Origins(log_ids.KIND, LogId)
        self._is_told = False

    @property
    def has_moved(self) -> bool:
        """Whether anything was read, or a log is known by something else, since the last commit."""
        return self._is_told or self.positions != self._stored

    def take(self, origins: Mapping[str, Origin], logs: Mapping[str, LogId]) -> None:
        """Note what partitions are known by from now on."""
        self._origins.take(origins, self._forget)
        self._logs.take(logs, self._forget)
        self._is_told |= any(partition in self.positions for partition in logs)

    def begin(self, raw: Raw) -> None:
        """Note the first record of a partition: a file of items takes its older contents' place."""
        if raw.topic == ITEMS:
            for other in outdated(raw.partition, list(self.positions)):
                self._forget(other, other)

    def begin_anew(self, partitions: Sequence[str], logs: Mapping[str, LogId]) -> Position:
        """Go to the start of logs that take others' place; return the last position before."""
        as_of = replaced(partitions[0], self.positions)
        self._logs.take({one: logs[one] for one in partitions if one in logs}, self._forget)
        self.positions.update(dict.fromkeys(partitions, 0))
        return as_of

    def changed(self, learnt: int, since: int) -> Iterator[Record]:
        """Yield what to store: positions that moved, what is known of them, what was learnt.

        `learnt` and `since` are as `read_learnt` returns them.
        """
        yield from self._origins.changed()
        yield from self._logs.changed()
        for partition in sorted(self._outdated):
            yield KIND_POSITION, partition, None
        for partition, position in sorted(self.positions.items()):
            if self._stored.get(partition) != position:
                yield KIND_POSITION, partition, msgspec.msgpack.encode(position)
        yield KIND_LEARNT, "", msgspec.msgpack.encode(learnt)
        yield KIND_LEARNT, SINCE, msgspec.msgpack.encode(since)
        self._stored = dict(self.positions)
        self._outdated.clear()
        self._is_told = False

    def restore(self, store: Records) -> tuple[int, int]:
        """Restore what is stored; return what `read_learnt` does."""
        self.positions.update(read_positions(store))
        self._stored = dict(self.positions)
        self._origins.restore(store)
        self._logs.restore(store)
        return read_learnt(store)

    def _forget(self, partition: str, into: str) -> None:
        """Keep no position of a partition, and count its records under `into`."""
        self.positions.pop(partition, None)
        self._stored.pop(partition, None)
        self._outdated.add(partition)
        self._ledger.fold(partition, into)
