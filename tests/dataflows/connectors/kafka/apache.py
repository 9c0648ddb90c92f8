"""Apache Kafka for tests: one node or several, each a process that can be killed and come back.

    with Cluster(folder) as cluster:                  # one node
    with Cluster(folder, count=3) as cluster:         # replication 3, min.insync.replicas 2
    with Cluster(folder, users={"good": "..."}) as c: # also SASL_SSL, SCRAM-SHA-512, an authorizer

`cluster.broker` is what the tests' other helpers take; with users it is the super user's way in,
in plain text, and `cluster.secured("good", "...")` gives the properties of a client that comes as
somebody. Nodes are started and stopped by one thread, the main one: they are killed by the
system when that thread ends, whatever ended it.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.dataflows.connectors.kafka.broker import Broker, free_ports
from tests.dataflows.connectors.kafka.flows import PATIENCE
from tests.dataflows.connectors.kafka.jars import CACHE, jars

HEAP = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
# PR_SET_PDEATHSIG: the node is killed when who started it is gone. It may be gone already.
TIED = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); "
    "os.getppid() == int(sys.argv[1]) and os.execvp(sys.argv[2], sys.argv[2:])"
)
PASSWORD = "not a secret"
EACH = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    # What is noticed in the background is noticed soon.
    "broker.session.timeout.ms": "6000",
    "log.cleaner.backoff.ms": "200",
    "log.retention.check.interval.ms": "500",
    "log.segment.delete.delay.ms": "500",
    "log.initial.task.delay.ms": "500",
}
SECURED = {
    "sasl.enabled.mechanisms": "SCRAM-SHA-512",
    "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": (
        "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    ),
    "ssl.keystore.type": "PKCS12",
    "ssl.keystore.password": PASSWORD,
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",  # who comes in plain text: the tests' own client
}


class Node:
    """One process of Apache Kafka, on data that outlive it."""

    def __init__(self, folder: Path, ports: dict[str, int], properties: dict[str, str]) -> None:
        folder.mkdir(parents=True)
        self.folder, self.ports = folder, ports
        self.process: subprocess.Popen[bytes] | None = None
        self._settings = folder / "server.properties"
        properties = EACH | properties | {"log.dirs": str(folder / "data")}
        self._settings.write_text("".join(f"{k}={v}\n" for k, v in properties.items()))

    def format(self, cluster_id: str, users: dict[str, str]) -> None:
        """Make the folder for its data, with these users' passwords in it."""
        command = ["java", *HEAP, "-cp", jars(), "kafka.tools.StorageTool", "format"]
        command += ["-t", cluster_id, "-c", str(self._settings)]
        for name, password in users.items():
            command += ["-S", f"SCRAM-SHA-512=[name={name},password={password}]"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        """Start it on the data that it has; it takes some seconds to answer."""
        java = ["java", *HEAP, "-cp", jars(), "kafka.Kafka", str(self._settings)]
        command = [sys.executable, "-S", "-c", TIED, str(os.getpid()), *java]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def await_open(self) -> None:
        """Wait until its port is open; fail where it ends before."""
        assert self.process is not None
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"the node ended: {self.said}"
            where = ("127.0.0.1", self.ports["PLAINTEXT"])
            with contextlib.suppress(OSError), socket.create_connection(where, 1):
                return
            time.sleep(0.05)
        raise AssertionError(f"the node opened no port within {PATIENCE} s: {self.said}")

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def said(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-3000:]

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(PATIENCE)

    def stop(self) -> None:
        """End it in order: it hands its partitions over and writes all it has."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(PATIENCE)

    def freeze(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


class Cluster:
    """Nodes of one cluster; numbers count from 0, as its nodes are listed.

    `advertised` is the port that clients are told to come to, where that is a proxy's and the
    node listens on another, `listen` (both with one node only).
    """

    def __init__(
        self,
        folder: Path,
        count: int = 1,
        users: dict[str, str] | None = None,
        listen: int | None = None,
        advertised: int | None = None,
        **properties: str,
    ) -> None:
        self.folder, self.users = folder, users or {}
        folder.mkdir(parents=True, exist_ok=True)
        words = ["PLAINTEXT", "CONTROLLER", *(["SASL_SSL"] if self.users else [])]
        found = iter(free_ports(count * len(words)))
        self._ports = [{word: next(found) for word in words} for _ in range(count)]
        if listen is not None:
            self._ports[0]["PLAINTEXT"] = listen
        self._advertised = advertised
        shared = _replicated(count) | {name.replace("_", "."): v for name, v in properties.items()}
        if self.users:
            shared |= SECURED | {"ssl.keystore.location": str(folder / "keys.p12")}
        shared["controller.quorum.voters"] = ",".join(
            f"{number}@127.0.0.1:{ports['CONTROLLER']}" for number, ports in enumerate(self._ports)
        )
        self.nodes = [
            Node(folder / f"node-{number}", ports, shared | self._listeners(number, ports))
            for number, ports in enumerate(self._ports)
        ]
        entries = [advertised] if advertised else [ports["PLAINTEXT"] for ports in self._ports]
        self.servers = ",".join(f"127.0.0.1:{port}" for port in entries)

    def __enter__(self) -> Self:
        try:
            with _one_at_a_time():
                if self.users:
                    self._make_keys()
                identity = base64.urlsafe_b64encode(b"k" + uuid.uuid4().bytes[1:]).decode()
                for node in self.nodes:
                    node.format(identity.rstrip("="), self.users)
                for node in self.nodes:
                    node.start()
                self.broker = Broker(self.servers, self.nodes[0].process, min(3, len(self.nodes)))
                self.await_whole()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill what still runs; its data stay in the folder."""
        for node in self.nodes:
            node.kill()

    def mend(self) -> None:
        """Have all nodes run again, whatever a test that failed has left."""
        for node in self.nodes:
            if node.is_running:
                node.thaw()
            else:
                node.start()
        self.await_whole()

    def await_whole(self) -> None:
        """Wait until all its nodes run, and the tests' client is told of each."""
        for node in self.nodes:
            node.await_open()
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(Exception):
                told = self.broker.admin.list_topics(timeout=5)
                if len(told.brokers) == len(self.nodes):
                    return
            time.sleep(0.1)
        raise AssertionError(f"the nodes did not find each other\n{self.nodes[0].said}")

    def await_in_sync(self, topic: str) -> None:
        """Wait until each partition of a topic has all its copies up to date."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(Exception):
                parts = self.broker.admin.list_topics(topic, timeout=5).topics[topic].partitions
                if all(len(one.isrs) == len(one.replicas) for one in parts.values()):
                    return
            time.sleep(0.1)
        raise AssertionError(f"the copies of {topic} did not come together within {PATIENCE} s")

    def leader(self, topic: str, partition: int = 0) -> Node:
        """The node that leads a partition."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(Exception):
                told = self.broker.admin.list_topics(topic, timeout=5).topics[topic]
                number = told.partitions[partition].leader
                if number >= 0 and self.nodes[number].is_running:
                    return self.nodes[number]
            time.sleep(0.1)
        raise AssertionError(f"{topic}-{partition} had no leader within {PATIENCE} s")

    @property
    def authority(self) -> Path:
        """The certificate by which a client knows the nodes."""
        return self.folder / "authority.pem"

    def secured(self, user: str, password: str) -> dict[str, str]:
        """The properties of a client that comes over TLS as this user; servers apart."""
        return {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": user,
            "sasl.password": password,
            "ssl.ca.location": str(self.authority),
        }

    @property
    def secured_servers(self) -> str:
        return ",".join(f"127.0.0.1:{ports['SASL_SSL']}" for ports in self._ports)

    def _listeners(self, number: int, ports: dict[str, int]) -> dict[str, str]:
        told = ports | ({"PLAINTEXT": self._advertised} if self._advertised else {})
        return {
            "node.id": str(number),
            "listeners": ",".join(f"{word}://127.0.0.1:{port}" for word, port in ports.items()),
            "advertised.listeners": ",".join(
                f"{word}://127.0.0.1:{port}" for word, port in told.items() if word != "CONTROLLER"
            ),
            "listener.security.protocol.map": ",".join(
                f"{word}:{'PLAINTEXT' if word == 'CONTROLLER' else word}" for word in ports
            ),
        }

    def _make_keys(self) -> None:
        store = ["-keystore", str(self.folder / "keys.p12"), "-storetype", "PKCS12"]
        store += ["-storepass", PASSWORD, "-alias", "node"]
        new = ["-genkeypair", "-keyalg", "EC", "-dname", "CN=127.0.0.1", "-validity", "3"]
        new += ["-ext", "SAN=ip:127.0.0.1,dns:localhost", "-ext", "bc:c"]
        told = ["-exportcert", "-rfc", "-file", str(self.authority)]
        for command in (new, told):
            subprocess.run(["keytool", *command, *store], check=True, capture_output=True)


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Clusters are made one after the other: two on two cores take each other's time."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "starting").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _replicated(count: int) -> dict[str, str]:
    copies, least = min(3, count), min(2, count)
    return {
        "default.replication.factor": str(copies),
        "min.insync.replicas": str(least),
        "offsets.topic.replication.factor": str(copies),
        "transaction.state.log.replication.factor": str(copies),
        "transaction.state.log.min.isr": str(least),
    }
