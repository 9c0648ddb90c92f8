"""Promotions over a real broker: announced, read back, and a missing topic that harms nothing."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from dataflows.config.config import Config, FlowSettings, StateSettings
from dataflows.errors import InputError
from dataflows.registry.announce import announce, render
from dataflows.registry.promotion_watch import PromotionWatch, open_watch
from dataflows.registry.promotions_topic import PromotionsTopic
from dataflows.registry.registry import open_registry
from tests.dataflows.connectors.kafka.flows import until
from tests.dataflows.registry.tiny import about, write_sentence

pytestmark = pytest.mark.kafka


@pytest.fixture
def config(broker, settings_for, tmp_path):
    kafka = settings_for(broker, broker.names(), promotions_topic=broker.name("promotions"))
    return Config(
        flow=FlowSettings(source="kafka"), kafka=kafka, state=StateSettings(path=str(tmp_path))
    )


def promote(registry, folder: Path, seed: int):
    made = registry.add("encoder", write_sentence(folder / f"m{seed}", seed), about())
    return registry.promote(made.id, "won", 1_764_000_000.0 + seed)


def test_a_promotion_reaches_topic_and_watch_once(broker, config, tmp_path, caplog):
    broker.create(config.kafka.promotions_topic, partitions=2)
    registry = open_registry(config)
    first = promote(registry, tmp_path, 1)
    assert announce(config, registry, first)
    elsewhere = open_registry(
        msgspec.structs.replace(config, state=StateSettings(path=str(tmp_path / "elsewhere")))
    )
    # Where the registry is another, the topic has no say.
    topic = PromotionsTopic(config.kafka)
    watch = PromotionWatch(elsewhere, seconds=3600.0, topic=topic)
    until(lambda: watch.poll() or "the registry does not hold" in caplog.text)
    watch.close()
    topic = PromotionsTopic(config.kafka)
    # One look at the start; what comes later is heard by the topic alone.
    watch = PromotionWatch(registry, seconds=3600.0, topic=topic)
    told = []
    until(lambda: told.extend(watch.poll()) or told)
    back = registry.rollback("encoder", "worse", 1_764_000_100.0)
    announce(config, registry, back)
    until(lambda: told.extend(watch.poll()) or len(told) == 2)
    watch.close()
    assert told == [first, back]
    keys, values = zip(*broker.read(config.kafka.promotions_topic), strict=True)
    assert keys == (b"encoder", b"encoder")
    messages = [json.loads(value) for value in values]
    assert [message["fingerprint"] for message in messages] == ["st-8-abc", None]
    assert [message["version"] for message in messages] == [first.version, ""]
    both = open_watch(config)
    seen = []
    until(lambda: seen.extend(both.poll()) or both._topic._is_assigned)
    for _ in range(20):
        seen += both.poll()
    both.close()
    assert seen == [first, back], "the registry and the topic tell the same, once"


def test_without_the_topic_the_registry_tells_and_it_is_found_later(
    broker, config, tmp_path, caplog
):
    registry = open_registry(config)
    first = promote(registry, tmp_path, 1)
    clock = iter(range(0, 100_000, 11))
    topic = PromotionsTopic(config.kafka, clock=lambda: float(next(clock)))
    watch = PromotionWatch(registry, seconds=3600.0, topic=topic)
    assert watch.poll() == [first]
    until(lambda: watch.poll() or "penchant topics create" in caplog.text)
    broker.create(config.kafka.promotions_topic)
    broker.produce(config.kafka.promotions_topic, [b"no promotion", None])
    forged = msgspec.structs.replace(first, sequence=40, time=1_764_000_200.0)
    announce(config, registry, forged)
    impossible = json.loads(render(first, None)) | {"sequence": 10**30}
    broker.produce(config.kafka.promotions_topic, [json.dumps(impossible).encode()])
    until(lambda: watch.poll() or "promotion 40, which the registry" in caplog.text)
    later = registry.rollback("encoder", "worse", 1_764_000_200.0)
    announce(config, registry, later)
    told = []
    until(lambda: told.extend(watch.poll()) or told)
    watch.close()
    assert told == [later]
    assert "holds what is no promotion" in caplog.text


def test_a_broker_that_is_away_is_told_of_once_and_the_promotion_stands(config, tmp_path, caplog):
    away = msgspec.structs.replace(
        config,
        kafka=msgspec.structs.replace(
            config.kafka, bootstrap_servers="127.0.0.1:1", start_seconds=0.3
        ),
    )
    registry = open_registry(away)
    first = promote(registry, tmp_path, 1)
    with pytest.raises(InputError, match=r"promotion 0 is in force.*was not told"):
        announce(away, registry, first)
    watch = open_watch(away)
    assert watch.poll() == [first]
    watch.close()
    assert caplog.text.count("cannot be read yet") == 1
