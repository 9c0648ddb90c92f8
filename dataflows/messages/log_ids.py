"""Which log a position counts in: the ids that a broker gives to cluster and topic, and an epoch.

Kept beside the positions, in the same transaction: a topic that was made anew under the same
name has another id, and a position of the old one says nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from dataflows.messages.outgoing import Position
from dataflows.messages.partition_names import generation_name, split_generation

KIND = "log"


def replaced(partition: str, positions: Mapping[str, int]) -> Position:
    """Return the last input position in the newest log whose place `partition` takes."""
    name, number = split_generation(partition)
    older = (generation_name(name, n) for n in range(number - 1, 0, -1))
    last = next((one for one in older if one in positions), partition)
    return Position(last, max(0, positions.get(last, 0) - 1))
