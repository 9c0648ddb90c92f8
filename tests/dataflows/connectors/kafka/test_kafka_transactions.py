"""Producers with transactions: what they aborted is never read, and no lag is left behind."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaException, Producer

from dataflows.connectors.kafka.consumer import Reader
from dataflows.connectors.kafka.health import Health
from dataflows.state.positions import Progress
from tests.dataflows.connectors.kafka.broker import QUIET
from tests.dataflows.connectors.kafka.engine_process import fill, shopping
from tests.dataflows.connectors.kafka.flows import PATIENCE, take, until

pytestmark = pytest.mark.kafka


def in_transaction(broker, topic, values, before_the_end=lambda: None, partition=0):
    options = {"bootstrap.servers": broker.servers, "transactional.id": broker.name("tx"), **QUIET}
    # Kafka takes back by itself what is open for longer than that.
    producer = Producer(options | {"transaction.timeout.ms": 600_000})
    again_and_again(producer.init_transactions)
    producer.begin_transaction()
    for value in values:
        producer.produce(topic, value, partition=partition)
    assert producer.flush(PATIENCE) == 0
    before_the_end()
    before = end_of(broker, topic, partition)
    again_and_again(producer.commit_transaction)
    # The markers are written after the answer.
    until(lambda: end_of(broker, topic, partition) > before, "the end of the transaction")


def end_of(broker, topic, partition=0) -> int:
    """The offset up to which a reader is given what was committed."""
    return broker.ends(topic, partition + 1)[partition]


def again_and_again(step) -> None:
    """Do a step of a transaction: what fails for now is to be called again."""

    def is_done() -> bool:
        try:
            step(60)
        except KafkaException as error:
            if not error.args[0].retriable():
                raise
            return False
        return True

    until(is_done, f"{step.__name__}")


def test_the_mark_of_an_end_comes_after_all_records_before_it(broker, settings_for):
    names = broker.names()
    in_transaction(broker, names.events, [b"one", b"two"])
    end = end_of(broker, names.events)
    assert end == 3  # the commit marker took an offset
    reader = Reader(settings_for(broker, names), Progress({}), Health("source"))
    reader.open()
    reader.begin()
    first, second, mark = take(reader, 3)
    assert [(one.value, one.offset, one.is_mark) for one in (first, second)] == [
        (b"one", 0, False),
        (b"two", 1, False),
    ]
    assert (mark.is_mark, mark.partition) == (True, f"{names.events}-0")
    assert (mark.offset, mark.next_offset) == (2, end)
    broker.produce(names.events, [b"three"])
    assert [(raw.value, raw.offset) for raw in take(reader, 1)] == [(b"three", 3)]
    for _ in range(50):
        assert reader.take() == []  # an end right behind the last record needs no mark
    reader.finish(60)


def test_after_a_transaction_the_lag_of_the_group_is_0_and_a_restart_reads_on(broker, penchant):
    names = broker.names()
    fill(broker, names, [])
    in_transaction(broker, names.events, shopping(20))
    end = end_of(broker, names.events)
    assert end == 21
    process = penchant(broker, names)
    process.start()
    process.await_learnt(end)
    until(lambda: broker.committed(names.group, names.events) == [end], "a lag of 0")
    assert process.stop() == 0, process.said
    in_transaction(broker, names.events, shopping(30)[20:])
    process.start()
    process.await_learnt(end + 11)
    assert process.stop() == 0, process.said
    assert broker.committed(names.group, names.events) == [end_of(broker, names.events)]
    assert process.ledger().balance() == 30
