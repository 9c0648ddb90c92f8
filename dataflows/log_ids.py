"""Which log a position counts in: the ids that a broker gives to cluster and topic, and an epoch.

Kept beside the positions, in the same transaction: a topic that was made anew under the same
name has another id, and a position of the old one says nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from dataflows.file_generations import generation_name, split_generation
from dataflows.message_types import Position

KIND = "log"


class LogId(msgspec.Struct, frozen=True):
    """Ids as the broker tells them, "" where it tells none.

    `epoch` is that of the leader that wrote the last record before the position; -1 where the
    position lies behind something that is no record, which another leader may have written.
    """

    cluster: str = ""
    topic: str = ""
    epoch: int = -1

    @property
    def is_told(self) -> bool:
        """Whether the broker told any id."""
        return bool(self.cluster or self.topic)

    def is_another_than(self, other: LogId) -> bool:
        """Whether both are known, and not of the same log."""
        pairs = ((self.cluster, other.cluster), (self.topic, other.topic))
        return any(mine and theirs and mine != theirs for mine, theirs in pairs)


def replaced(partition: str, positions: Mapping[str, int]) -> Position:
    """Give the last input position in the newest log whose place `partition` takes."""
    name, number = split_generation(partition)
    older = (generation_name(name, n) for n in range(number - 1, 0, -1))
    last = next((one for one in older if one in positions), partition)
    return Position(last, max(0, positions.get(last, 0) - 1))
