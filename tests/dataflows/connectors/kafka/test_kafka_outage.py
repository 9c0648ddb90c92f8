"""The broker is frozen, or cut off, in mid-stream, and comes back without a person."""

from __future__ import annotations

import threading
import time

import pytest
from confluent_kafka import Consumer, TopicPartition

from dataflows.connectors.kafka.consumer import Reader
from dataflows.connectors.kafka.health import Health
from dataflows.connectors.kafka.producer import ReliableProducer
from dataflows.state.outbox import Outbox
from dataflows.state.positions import Progress
from tests.dataflows.connectors.kafka.broker import LONG_OUTAGE, QUIET, WAIT
from tests.dataflows.connectors.kafka.flows import take, until

pytestmark = pytest.mark.kafka

SHORT = 5.0


class Both:
    """A reader and a producer that hands each record on, as the flow does."""

    def __init__(self, settings):
        self.source, self.sink = Health("source"), Health("sink")
        self.outbox = Outbox()
        self.progress = Progress({})
        self.reader = Reader(settings, self.progress, self.source)
        self.reader.open()
        self.reader.begin()
        self.reliable = ReliableProducer(settings, self.outbox.acknowledge, self.sink)
        self.seen = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._end.is_set():
            for raw in self.reader.take():
                self.seen.append(int(raw.value))
                self.reliable.send(self.outbox.put("recommendations", b"u", raw.value))
                self.progress.report(0, {raw.partition: raw.next_offset})

    def close(self):
        self._end.set()
        self._thread.join()
        assert self.reliable.close(60) == 0
        assert self.reader.finish(60)


def go_through(broker, settings, names, fail, mend, seconds, caplog):
    both = Both(settings)
    numbers = [str(n).encode() for n in range(40)]
    broker.produce(names.events, numbers[:10])
    until(lambda: len(both.seen) == 10 and not len(both.outbox), "the first ten")
    until(lambda: both.source.is_good and both.sink.is_good, "all well before the outage")
    before = both.source.counts["outages"], both.sink.counts["outages"]
    fail()
    # Lists made just before the outage are on their way while nobody answers.
    for number in range(10, 20):
        both.reliable.send(both.outbox.put("recommendations", b"u", numbers[number]))
    started = time.monotonic()
    until(lambda: not both.source.is_good and not both.sink.is_good, "degraded")
    time.sleep(max(0.0, seconds - (time.monotonic() - started)))
    assert len(both.outbox) == 10
    mend()
    broker.produce(names.events, numbers[20:])
    until(lambda: len(both.seen) == 30, "the events after the outage")
    until(lambda: not len(both.outbox), "the lists after the outage")
    until(lambda: both.source.is_good and both.sink.is_good, "good")
    both.close()
    assert both.seen == [*range(10), *range(20, 40)]
    delivered = [int(value) for _, value in broker.read(names.recommendations)]
    assert sorted(delivered) == list(range(40))
    assert delivered[:20] == list(range(20))
    assert broker.committed(names.group, names.events) == [30]
    after = both.source.counts["outages"], both.sink.counts["outages"]
    # One, unless a busy broker kept silent once more before all was well for a while.
    more = after[0] - before[0] - 1, after[1] - before[1] - 1
    assert min(more) >= 0
    # Each is told at its begin and its end, and not ten times a second between.
    lines = [record.getMessage() for record in caplog.records]
    assert sum("It is tried again" in line for line in lines) <= sum(after)
    assert len(lines) < 20 + seconds + 20 * sum(more)


def test_frozen_for_5_s(own_broker, settings_for, caplog):
    names = own_broker.names()
    settings = settings_for(own_broker, names, degraded_seconds=1)
    go_through(own_broker, settings, names, own_broker.freeze, own_broker.thaw, SHORT, caplog)


def test_cut_off_for_5_s(cut_off, settings_for, caplog):
    broker, proxy = cut_off
    names = broker.names()
    settings = settings_for(broker, names, degraded_seconds=1)
    go_through(broker, settings, names, proxy.cut, proxy.heal, SHORT, caplog)


@pytest.mark.slow
def test_frozen_for_long(own_broker, settings_for, caplog):
    names = own_broker.names()
    go_through(
        own_broker,
        settings_for(own_broker, names),
        names,
        own_broker.freeze,
        own_broker.thaw,
        LONG_OUTAGE,
        caplog,
    )


@pytest.mark.slow
def test_cut_off_for_long(cut_off, settings_for, caplog):
    broker, proxy = cut_off
    names = broker.names()
    settings = settings_for(broker, names)
    go_through(broker, settings, names, proxy.cut, proxy.heal, LONG_OUTAGE, caplog)


def test_a_stop_in_an_outage_ends_in_the_set_time_and_keeps_what_is_left(cut_off, settings_for):
    broker, proxy = cut_off
    names = broker.names()
    settings = settings_for(broker, names, flush_seconds=0.5)
    outbox = Outbox()
    reliable = ReliableProducer(settings, outbox.acknowledge, Health("sink"))
    reliable.send(outbox.put("recommendations", b"u", b"0"))
    assert reliable.flush(60) == 0
    proxy.cut()
    for number in range(1, 6):
        reliable.send(outbox.put("recommendations", b"u", str(number).encode()))
    assert reliable.close(0.5) == 5
    assert [out.value for out in outbox.undelivered()] == [b"1", b"2", b"3", b"4", b"5"]
    proxy.heal()
    assert [value for _, value in broker.read(names.recommendations)] == [b"0"]


def test_a_long_step_does_not_cost_the_consumer_its_partitions(broker, settings_for, caplog):
    """The poll limit of a group is passed, as by a step that trains; nothing is read twice."""
    names = broker.names()
    limits = {"max.poll.interval.ms": 1000, "session.timeout.ms": 1000}
    settings = settings_for(
        broker, names, batch_size=10, consumer={"fetch.wait.max.ms": WAIT, **limits}
    )
    health, progress = Health("source"), Progress({})
    reader = Reader(settings, progress, health)
    reader.open()
    reader.begin()
    broker.produce(names.events, [str(n).encode() for n in range(60)])
    raws = take(reader, 10)
    time.sleep(2.5)
    broker.produce(names.events, [str(n).encode() for n in range(60, 100)])
    raws += take(reader, 90)
    assert [int(raw.value) for raw in raws] == list(range(100))
    progress.report(0, {raws[-1].partition: raws[-1].next_offset})
    assert reader.finish(60)
    assert broker.committed(names.group, names.events) == [100]
    assert "_MAX_POLL_EXCEEDED" not in caplog.text


def test_another_member_of_the_group_takes_nothing_away(broker, settings_for):
    """Fifty events wait between read and learn while somebody joins under our group's name."""
    names = broker.names(partitions=2)
    for partition in range(2):
        broker.produce(names.events, [str(n).encode() for n in range(50)], partition=partition)
    settings = settings_for(broker, names, batch_size=50)
    progress = Progress({})
    reader = Reader(settings, progress, Health("source"))
    reader.open()
    reader.begin()
    waiting = take(reader, 50)
    options = {"bootstrap.servers": broker.servers, "group.id": names.group, **QUIET}
    intruder = Consumer(options | {"session.timeout.ms": 6000})
    given: list[TopicPartition] = []
    intruder.subscribe([names.events], on_assign=lambda _, partitions: given.extend(partitions))
    until(lambda: intruder.poll(0.1) is not None or len(given) == 2, "the other's partitions")
    rest = take(reader, 50)
    intruder.close()
    raws = waiting + rest
    assert sorted((raw.partition, raw.offset) for raw in raws) == [
        (f"{names.events}-{partition}", offset) for partition in range(2) for offset in range(50)
    ]
    progress.report(0, {f"{names.events}-0": 50, f"{names.events}-1": 50})
    assert reader.finish(60)
    assert broker.committed(names.group, names.events, 2) == [50, 50]
