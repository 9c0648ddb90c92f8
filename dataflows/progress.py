"""How far each input partition is learnt and stored, as this process knows it."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from dataflows.origins import Origin


class Progress:
    """Next offset of each partition for which all before it is learnt and stored.

    The learn step reports here after each store transaction; a source asks,
    so that what it commits to a consumer group is never ahead of the state.
    With several shards the answer is the smallest over all shards: only then
    has every shard had its part of what lies before. Safe between threads.
    """

    def __init__(
        self,
        stored: Mapping[int, Mapping[str, int]],
        shards: int = 1,
        origins: Mapping[str, Origin] | None = None,
    ) -> None:
        """`stored` is shard -> partition -> next offset, as read from the stores.

        `origins` is partition -> what it was known by when this process began.
        """
        self._origins = dict(origins or {})
        self._stored = {shard: dict(stored.get(shard, {})) for shard in range(shards)}
        self._lock = threading.Lock()

    def report(self, shard: int, positions: Mapping[str, int]) -> None:
        """Shard `shard` has stored everything before these positions."""
        with self._lock:
            self._stored[shard].update(positions)

    def position(self, partition: str) -> int | None:
        """Where reading `partition` goes on: its next offset, or None if nothing is stored."""
        with self._lock:
            found = [positions.get(partition) for positions in self._stored.values()]
        known = [position for position in found if position is not None]
        return min(known) if len(known) == len(found) else None

    def origin(self, partition: str) -> Origin | None:
        """What a file was known by when this process began; None where that is not stored."""
        return self._origins.get(partition)

    def is_known(self, partition: str) -> bool:
        """Whether any shard has stored something of `partition`."""
        return partition in self.names()

    def names(self) -> set[str]:
        """Every partition that any shard has stored something of."""
        with self._lock:
            return {name for stored in self._stored.values() for name in stored}

    def positions(self) -> dict[str, int]:
        """Next offset of every partition that all shards have stored something of."""
        answers = {name: self.position(name) for name in sorted(self.names())}
        return {name: at for name, at in answers.items() if at is not None}
