from __future__ import annotations

import json
import threading
import time
from collections import Counter

import msgspec
import pytest
from confluent_kafka import KafkaError

from dataflows.connectors.kafka.health import Health
from dataflows.connectors.kafka.oversize import size
from dataflows.connectors.kafka.producer import ReliableProducer
from dataflows.connectors.kafka.sink import KafkaSink
from dataflows.errors import InputError
from dataflows.lifecycle.deadline import Deadline
from dataflows.state.outbox import Out, Outbox
from tests.dataflows.connectors.kafka.flows import run_sink, until
from tests.dataflows.connectors.kafka.test_kafka_fit import list_of

pytestmark = pytest.mark.kafka


def put(outbox: Outbox, count: int, topic: str = "recommendations") -> list[Out]:
    return [outbox.put(topic, f"u{n}".encode(), str(n).encode()) for n in range(count)]


def test_each_role_goes_to_its_topic_with_its_key(broker, settings_for):
    names = broker.names()
    outbox = Outbox()
    outs = [
        outbox.put("recommendations", b"u", b"a list"),
        outbox.put("intents", b"u", b"intents"),
        outbox.put("dead-letters", b"events-0:1", b"letter"),
        outbox.put("recommendations", b"gone", None),
    ]
    sink = KafkaSink(settings_for(broker, names), outbox.acknowledge)
    run_sink(sink, outs)
    assert sink.finish() == 0
    assert len(outbox) == 0
    assert broker.read(names.recommendations) == [(b"u", b"a list"), (b"gone", None)]
    assert broker.read(names.intents) == [(b"u", b"intents")]
    assert broker.read(names.dead_letters) == [(b"events-0:1", b"letter")]


def test_a_full_queue_slows_the_flow_and_loses_nothing_at_the_end(broker, settings_for):
    names = broker.names()
    outbox = Outbox()
    outs = put(outbox, 1000)
    sink = KafkaSink(settings_for(broker, names, queue_messages=10), outbox.acknowledge)
    run_sink(sink, outs)  # the flow ends right after the last
    assert len(outbox) == 0
    assert sink.finish() == 0
    assert sink.health.counts["waits"] > 0
    assert [int(value) for _, value in broker.read(names.recommendations)] == list(range(1000))


def test_a_big_list_is_cut_and_its_small_neighbours_arrive_at_once(broker, settings_for):
    names = broker.names()
    small, big = list_of(3, number=0), list_of(50, "x" * 100, number=1)
    last = list_of(3, number=2)
    limit = size(big) - 1
    acknowledged = []
    sink = KafkaSink(settings_for(broker, names, message_max_bytes=limit), acknowledged.append)
    run_sink(sink, [small, big, last])
    assert sink.finish() == 0
    values = [value for _, value in broker.read(names.recommendations)]
    assert [len(json.loads(value)["items"]) for value in values] == [3, 49, 3]
    assert values[0] == small.value
    assert sorted(acknowledged) == [0, 1, 2]
    assert sink.health.counts["cut"] == 1


def test_what_cannot_be_cut_is_dead_lettered_and_acknowledged(broker, settings_for):
    names = broker.names()
    acknowledged = []
    sink = KafkaSink(settings_for(broker, names, message_max_bytes=2000), acknowledged.append)
    run_sink(sink, [list_of(2, "x" * 5000, number=5)])
    assert sink.finish() == 0
    assert acknowledged == [5]
    assert broker.read(names.recommendations) == []
    ((key, value),) = broker.read(names.dead_letters)
    assert key == b"events-3:41"
    assert json.loads(value)["reason"] == "output_too_large"
    assert sink.health.counts["too_large"] == 1


def test_a_missing_topic_is_an_error_before_anything_is_sent(broker, settings_for, pauses):
    names = broker.names()
    names.intents = broker.name("nowhere")
    sink = KafkaSink(settings_for(broker, names), lambda _: None)
    with pytest.raises(InputError, match=rf"'{names.intents}' \(intents\)"):
        sink.open()


class Refusing:
    """A producer that refuses by a plan: number of the message's value -> errors to give."""

    def __init__(self, plan: dict[bytes, list[KafkaError]]) -> None:
        self.plan = plan
        self.log: list[bytes] = []
        self._reports = []
        self._lock = threading.Lock()

    def produce(self, topic, value, key, on_delivery):
        with self._lock:
            errors = self.plan.get(key, [])
            error = errors.pop(0) if errors else None
            if error is None:
                self.log.append(value)
            self._reports.append((on_delivery, error))

    def poll(self, seconds):
        time.sleep(0.002)
        with self._lock:
            reports, self._reports = self._reports, []
        for on_delivery, error in reports:
            on_delivery(error, None)
        return len(reports)

    def flush(self, seconds):
        return self.poll(seconds) * 0

    def purge(self):
        pass


@pytest.fixture
def refusing(monkeypatch):
    """A reliable producer over one that refuses by a plan."""
    started = []

    def make(plan, **settings):
        made = []

        def producer(*_):
            made.append(Refusing(plan))
            return made[-1]

        monkeypatch.setattr("dataflows.connectors.kafka.producer.make_producer", producer)
        monkeypatch.setattr("dataflows.connectors.kafka.producer.PAUSE_SECONDS", 0.05)
        from dataflows.config.kafka import KafkaSettings

        acknowledged: list[int] = []
        reliable = ReliableProducer(KafkaSettings(**settings), acknowledged.append, Health("sink"))
        started.append(reliable)
        return reliable, acknowledged, made

    yield make
    for reliable in started:
        reliable.close(0.1)


def test_a_refused_message_is_sent_again_and_told(refusing, caplog):
    denied = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    reliable, acknowledged, made = refusing({b"b": [denied, denied, denied]})
    for number, key in enumerate([b"a", b"b", b"c"]):
        reliable.send(Out("recommendations", key, key, number))
    assert reliable.flush(60) == 0
    assert sorted(acknowledged) == [0, 1, 2]
    assert made[0].log == [b"a", b"c", b"b"]
    assert reliable._health.counts["refused"] == 3
    assert reliable._health.counts["outages"] == 1
    until(lambda: reliable._health.is_good, "good again")
    assert sum("refused" in record.getMessage() for record in caplog.records) >= 1


def test_one_that_is_never_taken_stays_with_its_owner(refusing):
    denied = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    reliable, acknowledged, _ = refusing({b"b": [denied] * 10_000})
    for number, key in enumerate([b"a", b"b"]):
        reliable.send(Out("recommendations", key, key, number))
    until(lambda: acknowledged == [0], "the other one")
    assert reliable.close(0.3) == 1
    assert acknowledged == [0]


def test_an_old_list_is_never_sent_after_a_newer_one(refusing):
    denied = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    reliable, acknowledged, made = refusing({b"u": [denied]})
    reliable.send(Out("recommendations", b"u", b"old", 0))
    reliable.send(Out("recommendations", b"u", b"new", 1))
    assert reliable.flush(60) == 0
    assert made[0].log == [b"new"]
    assert sorted(acknowledged) == [0, 1]
    assert reliable._health.counts["superseded"] == 1


def test_a_broker_with_a_lower_limit_gets_a_smaller_list(refusing):
    too_big = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
    reliable, acknowledged, made = refusing({b"u": [too_big, too_big]})
    out = list_of(40, "x" * 100)
    reliable.send(out)
    assert reliable.flush(60) == 0
    assert acknowledged == [out.number]
    assert 0 < len(made[0].log[0]) <= len(out.value) // 4 + 1
    assert json.loads(made[0].log[0])["items"][0]["item_id"] == "i0"
    assert reliable._health.counts["cut"] == 2


def test_a_producer_given_up_by_the_library_is_replaced_and_nothing_is_lost(refusing):
    fatal = KafkaError(KafkaError._FATAL)
    reliable, acknowledged, made = refusing({b"b": [fatal]})
    for number, key in enumerate([b"a", b"b", b"c"]):
        reliable.send(Out("recommendations", key, key, number))
    assert reliable.flush(60) == 0
    assert sorted(acknowledged) == [0, 1, 2]
    assert len(made) == 2
    assert Counter(value for each in made for value in each.log) == Counter([b"a", b"b", b"c"])


def test_a_stop_does_not_wait_for_ever_on_a_full_queue(refusing):
    denied = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    reliable, _, _ = refusing({b"b": [denied] * 10_000}, queue_messages=1, flush_seconds=0.3)
    reliable._deadline = Deadline(0.3, lambda: True)
    assert reliable.send(Out("recommendations", b"b", b"", 0))
    assert not reliable.send(Out("recommendations", b"c", b"", 1))
    assert not reliable.send(Out("recommendations", b"d", b"", 2))
    assert reliable._health.counts["kept"] == 2


def test_real_producer_full_queue_is_waited_out(broker, settings_for):
    # librdkafka's own queue is smaller here than ours: its BufferError is what is met.
    names = broker.names()
    settings = settings_for(
        broker, names, producer={"queue.buffering.max.kbytes": 1, "linger.ms": 5}
    )
    acknowledged = []
    reliable = ReliableProducer(
        msgspec.structs.replace(settings), acknowledged.append, Health("sink")
    )
    for number in range(50):
        assert reliable.send(Out("recommendations", b"u", b"x" * 300, number))
    assert reliable.close(60) == 0
    assert sorted(acknowledged) == list(range(50))
    assert reliable._health.counts["waits"] > 0
