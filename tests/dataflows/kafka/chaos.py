"""Faults in a seeded order: the process and the nodes of a cluster are killed, frozen, stopped.

One node at a time is away, or all at once: so what counted as written stays written.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from tests.dataflows.kafka.apache import Cluster, Node
from tests.dataflows.kafka.engine_process import Penchant
from tests.dataflows.kafka.flows import until


class Chaos:
    """Does things to a cluster and to a process beside it, and puts all right again."""

    def __init__(self, cluster: Cluster, process: Penchant, topic: str, seed: int) -> None:
        self._cluster, self._process, self._topic = cluster, process, topic
        self._dice = random.Random(seed)
        self._learnt = 0

    def go_through(self, faults: int) -> None:
        """Go through this many faults, every second one of them a kill of the process alone.

        It is killed only once it has learnt something since its last kill.
        """
        others = [self.kill_leader, self.kill_leader_and_process, self.kill_another]
        others += [self.stop_leader, self.freeze_leader, self.kill_all]
        turns: list[Callable[[], None]] = []
        for number in range(faults):
            turns = turns or self._dice.sample(others, len(others))
            fault = turns.pop() if number % 2 else self.kill_process
            fault()
            self._pause(0.3, 1.5)

    def kill_process(self) -> None:
        self._await_progress()
        self._process.kill()
        self._pause(0.0, 0.5)
        self._process.start()

    def kill_leader(self) -> None:
        self._away(self._cluster.leader(self._topic))

    def kill_leader_and_process(self) -> None:
        leader = self._cluster.leader(self._topic)
        self._await_progress()
        self._process.kill()
        leader.kill()
        self._process.start()
        self._back([leader])

    def kill_another(self) -> None:
        leader = self._cluster.leader(self._topic)
        self._away(self._dice.choice([one for one in self._cluster.nodes if one is not leader]))

    def stop_leader(self) -> None:
        leader = self._cluster.leader(self._topic)
        leader.stop()
        self._back([leader])

    def freeze_leader(self) -> None:
        leader = self._cluster.leader(self._topic)
        leader.freeze()
        self._pause(2.0, 8.0)  # shorter and longer than what makes it count as gone
        leader.thaw()
        self._back([])

    def kill_all(self) -> None:
        for node in self._cluster.nodes:
            node.kill()
        self._pause(0.0, 3.0)
        self._back(self._cluster.nodes)

    def _await_progress(self) -> None:
        """Wait until the process has learnt something since it was last killed."""
        until(lambda: self._process.learnt_to() > self._learnt, f"more than {self._learnt} learnt")
        self._learnt = self._process.learnt_to()

    def _away(self, node: Node) -> None:
        node.kill()
        self._pause(0.0, 3.0)
        self._back([node])

    def _back(self, nodes: list[Node]) -> None:
        for node in nodes:
            node.start()
        self._cluster.await_whole()
        self._cluster.await_in_sync(self._topic)

    def _pause(self, least: float, most: float) -> None:
        time.sleep(self._dice.uniform(least, most))
