"""How far each input partition is learnt and stored, as this process knows it."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from dataflows.messages.raw import LogId, Origin


class Progress:
    """Next offset of each partition for which all before it is learnt and stored.

    The learn step reports here after each store transaction; a source asks,
    so that what it commits to a consumer group is never ahead of the state.
    With several shards the answer is the smallest over all shards: only then
    has every shard had its part of what lies before. Safe between threads.

    `stored` is shard -> partition -> next offset, as read from the stores. `origins` is
    partition -> what it was known by when this process began, `logs` the same of topics.
    """

    def __init__(
        self,
        stored: Mapping[int, Mapping[str, int]],
        shards: int = 1,
        origins: Mapping[str, Origin] | None = None,
        logs: Mapping[str, LogId] | None = None,
    ) -> None:
        self._logs = dict(logs or {})
        self._lost: set[str] = set()
        self._origins = dict(origins or {})
        self._stored = {shard: dict(stored.get(shard, {})) for shard in range(shards)}
        self._lock = threading.Lock()

    def report(self, shard: int, positions: Mapping[str, int]) -> None:
        """Note that shard `shard` has stored everything before these positions."""
        with self._lock:
            self._stored[shard].update(positions)

    def position(self, partition: str) -> int | None:
        """Return where reading `partition` goes on: its next offset, None if nothing is stored."""
        with self._lock:
            found = [positions.get(partition) for positions in self._stored.values()]
        known = [position for position in found if position is not None]
        return min(known) if len(known) == len(found) else None

    def origin(self, partition: str) -> Origin | None:
        """Return what a file was known by at the start; None where that is not stored."""
        return self._origins.get(partition)

    def log(self, partition: str) -> LogId | None:
        """Return the last known identity of a partition's log; None where that is not known."""
        return self._logs.get(partition)

    def note_log(self, partition: str, log: LogId) -> None:
        """Note the log whose records are read, for the next time that the source begins."""
        self._logs[partition] = log

    def note_lost(self, partition: str) -> None:
        """Note that nothing more is read under this name: its log is gone, or is another one."""
        self._lost.add(partition)

    def is_lost(self, partition: str) -> bool:
        """Return whether `note_lost` was called of it."""
        return partition in self._lost

    def is_known(self, partition: str) -> bool:
        """Return whether any shard has stored something of `partition`."""
        return partition in self.names()

    def names(self) -> set[str]:
        """Return every partition of which anything is stored, or was read from a topic."""
        with self._lock:
            return {name for stored in self._stored.values() for name in stored} | set(self._logs)

    def positions(self) -> dict[str, int]:
        """Return the next offset of every partition that all shards have stored something of."""
        answers = {name: self.position(name) for name in sorted(self.names())}
        return {name: at for name, at in answers.items() if at is not None}
