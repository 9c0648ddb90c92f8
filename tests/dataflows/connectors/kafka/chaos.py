"""Faults in a seeded order: processes and the nodes of a cluster are killed, frozen, stopped.

One node at a time is away, or all at once: so what counted as written stays written.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import NamedTuple

from tests.dataflows.connectors.kafka.apache import Cluster, Node
from tests.dataflows.connectors.kafka.engine_process import Penchant
from tests.dataflows.connectors.kafka.feeder import learnt
from tests.dataflows.connectors.kafka.flows import until


class Stream(NamedTuple):
    """A process, and the topic of events that it reads."""

    process: Penchant
    topic: str
    partitions: int = 1

    def learnt(self) -> int:
        """How many events the stored state is past."""
        return learnt(self.process.folder, self.topic, self.partitions)


class Chaos:
    """Does things to a cluster and to processes beside it, and puts all right again.

    Processes go through each fault together. A leader is that of a partition chosen by lot.
    """

    def __init__(self, cluster: Cluster, streams: list[Stream], seed: int) -> None:
        self._cluster, self._streams = cluster, streams
        self._dice = random.Random(seed)
        self._learnt = [0] * len(streams)

    def go_through(self, faults: int) -> None:
        """Go through this many faults, every second one of them a kill of the processes alone.

        They are killed only once each has learnt something since its last kill.
        """
        others = [self.kill_leader, self.kill_leader_and_processes, self.kill_another]
        others += [self.stop_leader, self.freeze_leader, self.kill_all]
        turns: list[Callable[[], None]] = []
        for number in range(faults):
            turns = turns or self._dice.sample(others, len(others))
            fault = turns.pop() if number % 2 else self.kill_processes
            fault()
            self._pause(0.3, 1.5)

    def kill_processes(self) -> None:
        self._await_progress()
        self._kill()
        self._pause(0.0, 0.5)
        self._start()

    def kill_leader(self) -> None:
        self._away(self._leader())

    def kill_leader_and_processes(self) -> None:
        leader = self._leader()
        self._await_progress()
        self._kill()
        leader.kill()
        self._start()
        self._back([leader])

    def kill_another(self) -> None:
        leader = self._leader()
        self._away(self._dice.choice([one for one in self._cluster.nodes if one is not leader]))

    def stop_leader(self) -> None:
        leader = self._leader()
        leader.stop()
        self._back([leader])

    def freeze_leader(self) -> None:
        leader = self._leader()
        leader.freeze()
        self._pause(2.0, 8.0)  # shorter and longer than what makes it count as gone
        leader.thaw()
        self._back([])

    def kill_all(self) -> None:
        for node in self._cluster.nodes:
            node.kill()
        self._pause(0.0, 3.0)
        self._back(self._cluster.nodes)

    def _leader(self) -> Node:
        led = [(one.topic, number) for one in self._streams for number in range(one.partitions)]
        return self._cluster.leader(*self._dice.choice(led))

    def _kill(self) -> None:
        for stream in self._streams:
            stream.process.kill()

    def _start(self) -> None:
        for stream in self._streams:
            stream.process.start()

    def _await_progress(self) -> None:
        """Wait until each process has learnt something since it was last killed."""
        for number, stream in enumerate(self._streams):
            before = self._learnt[number]
            until(lambda at=before, one=stream: one.learnt() > at, f"more than {before} learnt")
            self._learnt[number] = stream.learnt()

    def _away(self, node: Node) -> None:
        node.kill()
        self._pause(0.0, 3.0)
        self._back([node])

    def _back(self, nodes: list[Node]) -> None:
        for node in nodes:
            node.start()
        self._cluster.await_whole()
        for stream in self._streams:
            self._cluster.await_in_sync(stream.topic)

    def _pause(self, least: float, most: float) -> None:
        time.sleep(self._dice.uniform(least, most))
