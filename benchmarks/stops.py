"""How long a stop takes: from SIGTERM to the end of the process, while Kafka is away or refuses.

A node of Apache Kafka with TLS, passwords and rights, started for this, and `penchant run` as
a process of its own, in the midst of a stream. In turn the node is frozen, killed, cut off by
a proxy; the password is changed and the user taken away, and the node started anew; rights to
lists, events and the group are taken away; somebody else is a member of the group. Once the
process has noticed, it gets SIGTERM, and has `kafka.flush_seconds` and five seconds. Where it
takes longer, or ends with another status than 0, this does too.

    python -m benchmarks.stops [CASE ...] [--encoder packaged] [--flush 2] [--busy 0] [--debug]

`--busy N` has N processes keep the processors busy meanwhile. `--debug` sets PENCHANT_DEBUG,
with which the interpreter is taken down in order: what that takes is the difference.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import Consumer, TopicPartition

from dataflows.lifecycle.exit_status import DEBUG
from tests.dataflows.connectors.kafka.apache import Cluster
from tests.dataflows.connectors.kafka.broker import QUIET, free_ports
from tests.dataflows.connectors.kafka.engine_process import Penchant, fill, shopping
from tests.dataflows.connectors.kafka.flows import until
from tests.dataflows.connectors.kafka.guest import Guest
from tests.dataflows.connectors.kafka.proxy import Proxy

GRACE = 5.0
"""Seconds beside `kafka.flush_seconds`."""
EVENTS, FIRST = 3000, 100
BEFORE = 300.0
"""Seconds after which a process is killed that does not end."""
BUSY = "while True: pass"


class Case(msgspec.Struct):
    """What befalls the process, the words by which it has noticed, and how it is mended."""

    fail: Callable[[], object]
    noticed: str
    mend: Callable[[], object] = lambda: None
    before: Callable[[], object] = lambda: None
    comes_as_guest: bool = True


class Stage:
    """One node, a user of it, and the way in that can be cut."""

    def __init__(self, cluster: Cluster, proxy: Proxy) -> None:
        self.cluster, self.proxy = cluster, proxy
        (self.node,) = cluster.nodes
        self.guest: Any = None
        self._other: Consumer | None = None

    def cases(self) -> dict[str, Case]:
        """Name to case; made anew for each, with topics and a user of its own."""
        guest = self.guest = Guest(self.cluster)
        guest.may_all()
        plain = {"comes_as_guest": False}
        refused = "Authentication failed"
        return {
            "well": Case(lambda: None, "items read"),
            "frozen": Case(self.node.freeze, "source degraded", self.node.thaw),
            "dead": Case(self.node.kill, "source degraded", self.start),
            "cut off": Case(self.proxy.cut, "source degraded", self.proxy.heal, **plain),
            "password changed": Case(lambda: self.refuse(guest.call_it, "another"), refused),
            "unknown user": Case(lambda: self.refuse(guest.is_forgotten), refused),
            "no right to lists": Case(
                lambda: guest.loses("recommendations"), "messages are refused"
            ),
            "no right to events": Case(lambda: guest.loses("events"), "authorization failed"),
            "no right to the group": Case(
                lambda: guest.loses("group"), "Group authorization failed"
            ),
            "another in the group": Case(
                lambda: None, "Kafka source: commit", self.other_leaves, self.other_comes, **plain
            ),
        }

    def start(self) -> None:
        self.node.start()
        self.cluster.await_whole()

    def refuse(self, change: Callable[..., object], *given: str) -> None:
        """Change what the node knows of the user; who is connected need not say it again."""
        change(*given)
        self.node.kill()
        self.start()

    def other_comes(self) -> None:
        names, given = self.guest.names, []
        options = {"bootstrap.servers": self.cluster.servers, "group.id": names.group}
        self._other = other = Consumer(options | QUIET)

        def assigned(_: Consumer, partitions: list[TopicPartition]) -> None:
            given.extend(partitions)

        other.subscribe([names.events], on_assign=assigned)
        until(lambda: other.poll(0.1) is not None or bool(given), "the other's partitions")

    def other_leaves(self) -> None:
        if self._other is not None:
            self._other.close()


def measure(
    stage: Stage, name: str, folder: Path, options: argparse.Namespace
) -> tuple[float, int]:
    """Return the seconds from SIGTERM to the end, and the exit status."""
    case = stage.cases()[name]
    guest, settings = stage.guest, {"batch_size": 50, "degraded_seconds": 1}
    fill(stage.cluster.broker, guest.names, shopping(EVENTS))

    def made(broker: Any, names: Any, **kafka: Any) -> Penchant:
        return Penchant(folder, broker, names, encoder=options.encoder, **(kafka | settings))

    if case.comes_as_guest:
        process = guest.runs(made, flush_seconds=options.flush)
    else:
        process = made(stage.cluster.broker, guest.names, flush_seconds=options.flush)
    case.before()
    command = ("-m", "dataflows.cli.main", "run", "--config", str(process.config))
    process.start(*command, **({DEBUG: "1"} if options.debug else {}))
    try:
        process.await_learnt(FIRST)
        case.fail()
        until(lambda: case.noticed in process.said, f"{case.noticed!r} in the log")
        began = time.monotonic()
        status = process.stop(BEFORE)
        return time.monotonic() - began, status
    finally:
        process.kill()
        case.mend()


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Have so many processes take what time the processors have, while inside."""
    others = [subprocess.Popen([sys.executable, "-S", "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help="by its name; default: all")
    parser.add_argument("--encoder", default="packaged")
    parser.add_argument("--flush", type=float, default=2.0, help="kafka.flush_seconds")
    parser.add_argument("--busy", type=int, default=0, metavar="N", help="processes beside")
    parser.add_argument("--debug", action="store_true", help="take the interpreter down in order")
    return parser.parse_args()


def main() -> None:
    options = parsed()
    limit, is_over = options.flush + GRACE, False
    port = free_ports(1)[0]
    with (
        tempfile.TemporaryDirectory() as folder,
        Proxy(("127.0.0.1", port)) as proxy,
        Cluster(
            Path(folder) / "kafka",
            users={"anybody": "anybody"},
            listen=port,
            advertised=proxy.address[1],
        ) as cluster,
        busy(options.busy),
    ):
        stage = Stage(cluster, proxy)
        print(f"flush_seconds {options.flush:g}, {options.encoder} encoder, {os.cpu_count()} CPUs")
        print(f"{'case':<24}{'seconds':>8}{'limit':>8}  load  verdict", flush=True)
        for number, name in enumerate(options.cases or stage.cases()):
            seconds, status = measure(stage, name, Path(folder) / f"run-{number}", options)
            verdict = "ok" if seconds <= limit and status == 0 else "OVER"
            verdict = verdict if status == 0 else f"exit status {status}"
            is_over |= verdict != "ok"
            load = os.getloadavg()[0]
            print(f"{name:<24}{seconds:>8.1f}{limit:>8.1f}  {load:>4.1f}  {verdict}", flush=True)
    sys.exit(int(is_over))


if __name__ == "__main__":
    main()
