"""Fine-tuning beside a broker: reading goes on while a training outlasts the poll limit."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dataflows.config.config import Config
from dataflows.config.finetune import FinetuneSettings
from dataflows.connectors.kafka.consumer import Reader
from dataflows.errors import InputError
from dataflows.finetune import process as finetune_process
from dataflows.finetune.end_of_input import QuietInput
from dataflows.finetune.run import IDENTITY, finetune
from dataflows.finetune.window.collect import Collector, read_positions
from dataflows.lifecycle import child_process
from dataflows.registry.registry import Registry
from dataflows.state.store import Store
from tests.dataflows.connectors.kafka.flows import PATIENCE, until
from tests.dataflows.finetune.doubles import TinyTuner, behave

pytestmark = pytest.mark.kafka
MAKE = "tests.dataflows.finetune.doubles:tiny_tuner"
POLL_LIMIT = 1.5
"""Seconds between two polls after which a consumer is thrown out of its group."""


def event(number: int) -> bytes:
    return json.dumps(
        {
            "event_id": f"e{number}",
            "user_id": f"u{number % 5}",
            "type": "view",
            "ts": 1e9 + number,
            "item_id": f"i{number % 9}",
        }
    ).encode()


def item(number: int) -> bytes:
    return json.dumps({"item_id": f"i{number}", "title": f"Title {number}"}).encode()


def config(tmp_path: Path, kafka, **more) -> Config:
    finetuning = FinetuneSettings(
        models="encoder", encoder_events=100, quiet_seconds=5.0, group_id=f"{kafka.group_id}-tune"
    )
    base = Config()
    return msgspec.structs.replace(
        base,
        flow=msgspec.structs.replace(base.flow, source="kafka", epoch_seconds=0.05),
        state=msgspec.structs.replace(base.state, path=str(tmp_path / "state")),
        kafka=kafka,
        finetune=finetuning,
    )


@pytest.mark.slow
def test_poll_limits_hold_while_a_training_takes_longer_than_they_are(
    tmp_path, broker, settings_for
):
    names = broker.names()
    limits = {"max.poll.interval.ms": int(POLL_LIMIT * 1000), "session.timeout.ms": 1000}
    kafka = settings_for(broker, names)
    kafka = msgspec.structs.replace(kafka, consumer=kafka.consumer | limits)
    given = config(tmp_path, kafka)
    broker.produce(names.items, [item(n) for n in range(9)])
    broker.produce(names.events, [event(n) for n in range(100)])
    tiny = tmp_path / "tiny-encoder"
    behave(tiny, hold=True)
    registry = Registry(tmp_path / "state" / "models")
    process = child_process.start(
        finetune_process.MODULE, msgspec.json.encode(finetune_process.FinetuneJob(given, MAKE))
    )
    try:
        until(lambda: TinyTuner(tiny).calls("trained"), "the training")
        for number in range(100, 200):
            broker.produce(names.events, [event(number)])
            time.sleep(2 * POLL_LIMIT / 100)
        until(lambda: reached(tmp_path, names.events) == 200, "what was sent meanwhile")
        assert registry.decisions() == []
        assert process.poll() is None
        (tiny / "release").touch()
        until(lambda: len(registry.decisions()) == 2, "the second decision")
    finally:
        status = child_process.end(process, PATIENCE)
    assert status == 0
    assert arrived(tmp_path) == 200
    first, second = registry.decisions()
    assert (first.data["newest_last_ts"], second.data["newest_last_ts"]) == (1e9 + 99, 1e9 + 199)
    assert committed(broker, given.finetune.group_id, names.events) == 200
    # The group of the running stream is another one.
    assert committed(broker, kafka.group_id, names.events) < 0


def test_once_ends_when_the_topic_is_read_and_promotions_are_announced(
    tmp_path, broker, settings_for
):
    names = broker.names()
    promotions = broker.create(broker.name("promotions"))
    kafka = msgspec.structs.replace(settings_for(broker, names), promotions_topic=promotions)
    broker.produce(names.items, [item(n) for n in range(9)])
    broker.produce(names.events, [event(n) for n in range(60)])
    decisions = finetune(config(tmp_path, kafka), once=True, make=MAKE)
    assert [one.verdict for one in decisions] == ["promote"]
    ((key, value),) = broker.read(promotions)
    assert key == b"encoder"
    assert json.loads(value)["version"] == decisions[0].candidate


def slow(monkeypatch, answers: Callable[[], bool]) -> None:
    """Have the broker give nothing until it answers."""
    given = Reader._messages

    def messages(reader: Reader, limit: int, may_wait: bool) -> list[Any]:
        return given(reader, limit, may_wait) if answers() else []

    monkeypatch.setattr(Reader, "_messages", messages)


def test_once_does_not_take_a_broker_that_is_slow_at_the_start_for_the_end(
    tmp_path, broker, settings_for, monkeypatch
):
    names = broker.names()
    broker.produce(names.items, [item(n) for n in range(9)])
    broker.produce(names.events, [event(n) for n in range(60)])
    promotions = broker.create(broker.name("promotions"))
    given = config(tmp_path, settings_for(broker, names, promotions_topic=promotions))
    short = msgspec.structs.replace(given.finetune, quiet_seconds=0.1)
    given = msgspec.structs.replace(given, finetune=short)
    asked: list[float] = []

    def after_a_second() -> bool:
        asked.append(time.monotonic())
        return asked[-1] > asked[0] + 1.0

    slow(monkeypatch, after_a_second)
    decisions = finetune(given, once=True, make=MAKE, is_seen=False)
    assert [one.verdict for one in decisions] == ["promote"]


def test_once_on_a_broker_that_never_answers_is_an_error_and_trains_nothing(
    tmp_path, broker, settings_for, monkeypatch
):
    names = broker.names()
    broker.produce(names.events, [event(n) for n in range(60)])
    given = config(tmp_path, settings_for(broker, names))
    slow(monkeypatch, lambda: False)
    minutes = itertools.count()  # each look at the clock is a minute after the one before

    def hurried(seconds: float | None, patience: float) -> QuietInput:
        return QuietInput(seconds, patience, lambda: 60.0 * next(minutes))

    monkeypatch.setattr("dataflows.finetune.run.QuietInput", hurried)
    with pytest.raises(InputError, match=r"gave nothing for 30 s .*\(0 records read\)"):
        finetune(given, once=True, make=MAKE, is_seen=False)
    assert Registry(tmp_path / "state" / "models").decisions() == []


def reached(tmp_path: Path, topic: str) -> int:
    """Up to where the topic is taken in and stored, while the process runs."""
    store = Store.reader(tmp_path / "state" / "finetune")
    if store is None:
        return 0
    try:
        return sum(at for name, at in read_positions(store).items() if name.startswith(topic))
    finally:
        store.close()


def arrived(tmp_path: Path) -> int:
    """How many events were taken in, each once, all accounted for; once the process has ended."""
    folder = tmp_path / "state" / "finetune"
    store = Store.reader(folder)
    if store is None:
        return 0
    try:
        store.must_match(IDENTITY)
        collector = Collector(store, FinetuneSettings(), Config().clean)
        count = collector.ledger.balance()
        assert collector.ledger.as_dict()["duplicate"] == 0
        assert count == collector.kept
        return count
    finally:
        store.close()


def committed(broker, group: str, topic: str) -> int:
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer({"bootstrap.servers": broker.servers, "group.id": group, "log_level": 0})
    try:
        (found,) = consumer.committed([TopicPartition(topic, 0)], timeout=60)
        return int(found.offset)
    finally:
        consumer.close()
