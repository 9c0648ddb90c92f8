"""Brokers for the tests marked `kafka`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from dataflows.config.events import EventSettings
from dataflows.config.kafka import KafkaSettings
from dataflows.connectors.kafka import client, decisions
from dataflows.connectors.kafka.source import KafkaSource
from dataflows.connectors.micro_batches import Portions
from dataflows.engine.encode_step import EncodeStep
from dataflows.engine.item_store import Catalogue
from dataflows.state.positions import Progress
from encoders.backends.hashing import HashingEncoder
from encoders.cache.cached import CachedEncoder
from tests.dataflows.connectors.kafka.apache import Cluster
from tests.dataflows.connectors.kafka.broker import (
    NAMED,
    OWN_NODES,
    WAIT,
    Broker,
    free_ports,
    running,
)
from tests.dataflows.connectors.kafka.engine_process import Penchant
from tests.dataflows.connectors.kafka.flows import Pauses
from tests.dataflows.connectors.kafka.jars import MissingError, jars
from tests.dataflows.connectors.kafka.proxy import Proxy

LOCAL = {"consumer": {"fetch.wait.max.ms": WAIT}}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker; a fresh process for each test module where it is ours."""
    named = os.environ.get(NAMED)
    if named:
        yield Broker(named, None)
        return
    (port,) = free_ports(1)
    with running(tmp_path_factory.mktemp("broker"), port, port) as own:
        yield own


@pytest.fixture
def own_broker(broker: Broker, request: pytest.FixtureRequest) -> Broker:
    """A broker that may be frozen."""
    if broker.process is not None:
        return broker
    if OWN_NODES in os.environ:
        return request.getfixturevalue("one_node").broker
    pytest.skip(f"the broker of {NAMED} is not ours to freeze")


@pytest.fixture(scope="module")
def behind_a_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Broker, Proxy]]:
    """A broker of our own, and the proxy that all its clients have to pass."""
    (port,) = free_ports(1)
    with (
        Proxy(("127.0.0.1", port)) as proxy,
        _started(tmp_path_factory.mktemp("broker"), port, proxy.address[1]) as own,
    ):
        yield own, proxy


@pytest.fixture
def cut_off(behind_a_proxy: tuple[Broker, Proxy]) -> Iterator[tuple[Broker, Proxy]]:
    """A broker that may be cut off by its proxy; it is let in again at the end."""
    yield behind_a_proxy
    behind_a_proxy[1].heal()


@contextmanager
def _started(folder: Path, listen: int, advertised: int) -> Iterator[Broker]:
    if OWN_NODES in os.environ:
        with Cluster(folder, listen=listen, advertised=advertised) as cluster:
            yield cluster.broker
    else:
        with running(folder, listen, advertised) as own:
            yield own


@pytest.fixture(scope="module")
def one_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A node of Apache Kafka that may be killed, by itself."""
    with _nodes(tmp_path_factory.mktemp("kafka")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def three_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three nodes, each record on all of them, and on two before it counts as written."""
    with _nodes(tmp_path_factory.mktemp("kafka"), count=3) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def secured_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A node with TLS, the users `good` and `other` (password: the name), and no rights given."""
    users = {"good": "good", "other": "other"}
    with _nodes(tmp_path_factory.mktemp("kafka"), users=users) as cluster:
        yield cluster


@pytest.fixture
def whole_again(request: pytest.FixtureRequest) -> None:
    """What a test before has left of a cluster, killed or frozen, runs again."""
    for name in ("one_node", "three_nodes"):
        if name in request.fixturenames:
            request.getfixturevalue(name).mend()


def _nodes(folder: Path, **more: Any) -> AbstractContextManager[Cluster]:
    try:
        jars()
    except MissingError as error:
        pytest.skip(str(error))
    return Cluster(folder, **more)


@pytest.fixture
def settings_for() -> Callable[..., KafkaSettings]:
    """Settings for a broker and fresh topics (made by `Broker.names`)."""

    def make(broker: Broker, names: Any, **more: Any) -> KafkaSettings:
        return KafkaSettings(
            bootstrap_servers=broker.servers,
            group_id=names.group,
            events_topic=names.events,
            items_topic=names.items,
            recommendations_topic=names.recommendations,
            intents_topic=names.intents,
            dead_letters_topic=names.dead_letters,
            decisions_topic=names.decisions,
            **(LOCAL | more),
        )

    return make


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Pauses:
    """The clock by which the questions for topics at the start are asked again."""
    clock = Pauses()
    for module in (client, decisions):
        monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def merged(settings_for: Callable[..., KafkaSettings]) -> Iterator[Callable[..., KafkaSource]]:
    """Makes sources as a process has them; they are closed at the end."""
    opened: list[KafkaSource] = []

    def make(
        broker: Broker, names: Any, progress: Progress | None = None, **more: Any
    ) -> KafkaSource:
        encoder = CachedEncoder(HashingEncoder(32), 100)
        step = EncodeStep(
            encoder, EventSettings(), Catalogue(None, encoder.version), items_topic=names.items
        )
        settings = settings_for(broker, names, **more)
        cut = Portions(
            step.render,
            lambda: step.tokens_per_second,
            seconds=100.0,
            records=settings.batch_size,
        )
        source = KafkaSource(
            settings, progress or Progress({}), portions=cut, decode=step.decode, max_skew=300.0
        )
        source.build_part("records", "kafka", None)
        opened.append(source)
        return source

    yield make
    for source in opened:
        source.finish()


@pytest.fixture
def penchant(tmp_path: Path) -> Iterator[Callable[..., Penchant]]:
    """Makes processes of the engine; those that still run are killed at the end."""
    started: list[Penchant] = []

    def make(broker: Broker, names: Any, word: str = "one", **kafka: Any) -> Penchant:
        process = Penchant(tmp_path / word, broker, names, **kafka)
        started.append(process)
        return process

    yield make
    for process in started:
        if process._process is not None and process._process.poll() is None:
            process.kill()
