"""All shards of a process: opened when first needed, committed and closed together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from dataflows.engine.protocols import Model
from dataflows.engine.shard import Engine
from dataflows.state.outbox import Acknowledge, Outbox, acknowledger

M = TypeVar("M", bound=Model)


class Engines(Generic[M]):
    """The engines of this process by shard; `make` opens one. Safe between threads.

    With several processes a process opens those shards only that the flow gives it.
    """

    def __init__(self, make: Callable[[int], Engine[M]], shards: int = 1) -> None:
        self.shards = shards
        self._make = make
        self._engines: dict[int, Engine[M]] = {}
        self._outboxes: dict[int, Outbox] = {}
        self._lock = threading.Lock()

    def __getitem__(self, shard: int) -> Engine[M]:
        """Return the engine of a shard, opened now if need be."""
        with self._lock:
            if shard not in self._engines:
                engine = self._engines[shard] = self._make(shard)
                self._outboxes[shard] = engine.outbox
            return self._engines[shard]

    def __iter__(self) -> Iterator[Engine[M]]:
        """Return the engines that are open."""
        with self._lock:
            return iter([self._engines[shard] for shard in sorted(self._engines)])

    def open_now(self) -> list[Engine[M]]:
        """Return the engines that are open at this moment; never waits for one being opened."""
        return [engine for _, engine in sorted(dict(self._engines).items())]

    def open_all(self) -> None:
        """Open every shard, so that errors are reported before the flow starts."""
        for shard in range(self.shards):
            self[shard]

    @property
    def acknowledge(self) -> Acknowledge:
        """What the sink calls with the number of a message that is delivered.

        Messages are of shards that are open, or were: nothing is opened for one.
        """
        return acknowledger(self._outboxes.get, self.shards)

    def close(self) -> None:
        """Commit and close all that are open. Call it after the flow, not beside it."""
        with self._lock:
            while self._engines:
                self._engines.popitem()[1].close()
