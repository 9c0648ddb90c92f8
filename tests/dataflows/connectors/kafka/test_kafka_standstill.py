"""A partition that gives nothing though it has more: found, told, and fetched anew."""

from __future__ import annotations

import contextlib
from itertools import pairwise

import msgspec
import pytest
from confluent_kafka import TopicPartition

from dataflows.config.kafka import KafkaSettings
from dataflows.connectors.kafka.assignment.stalled import MOST_SECONDS, Standstill, patience
from dataflows.connectors.kafka.consumer import Reader
from dataflows.connectors.kafka.health import Health, Statistics
from dataflows.state.positions import Progress
from learners.testing import FakeClock
from tests.dataflows.connectors.kafka.flows import take, until

pytestmark = pytest.mark.kafka

STUCK, WELL = ("events", 0), ("events", 1)


class KnownEnds:
    """Ends as a broker tells them: at once, or not at all."""

    def __init__(self) -> None:
        self.ends: dict[tuple[str, int], int] = {}

    def ask(self, partitions) -> None:
        pass

    def answers(self):
        return dict(self.ends)


class Watched:
    """A standstill that is looked at as a reader does while it has nothing in hand."""

    def __init__(self, seconds: float = 3.0) -> None:
        self.clock, self.ends = FakeClock(100.0), KnownEnds()
        self.standstill = Standstill(seconds, self.ends, self.clock)
        self.positions = {STUCK: 10, WELL: 20}

    def starve(self, seconds: int) -> list[tuple[float, tuple[str, int]]]:
        """Give when, from now on, which partition is to be fetched anew."""
        began, found = self.clock.now, []
        for _ in range(seconds * 2):
            self.clock.now += 0.5
            due = self.standstill.starving(self.positions)
            found += [(self.clock.now - began, where) for where in due]
        return found


def test_only_the_partition_that_has_more_and_gives_nothing_is_due():
    watched = Watched()
    watched.ends.ends = {STUCK: 15, WELL: 20}
    ((after, where),) = watched.starve(6)
    assert where == STUCK
    assert 3 <= after <= 5
    assert "events-0 has given nothing" in watched.standstill.said()
    assert "at offset 10, 5 records short of its end" in watched.standstill.said()


def test_a_healthy_neighbour_does_not_hide_it():
    watched = Watched()
    found = []
    for step in range(20):
        watched.positions[WELL] += 100
        watched.ends.ends = {STUCK: 15 + step, WELL: watched.positions[WELL] + 1}
        found += watched.starve(1)
    assert {where for _, where in found} == {STUCK}


def test_what_is_due_is_due_again_after_a_time_that_doubles_to_a_minute():
    watched = Watched()
    watched.ends.ends = {STUCK: 15}
    moments = [after for after, _ in watched.starve(400)]
    pauses = [late - early for early, late in pairwise(moments)]
    assert pauses[:4] == [6, 12, 24, 48]
    assert set(pauses[4:]) == {MOST_SECONDS}


def test_records_in_hand_are_no_standstill():
    """While something is in hand nobody asks; the time begins when there is nothing more."""
    watched = Watched()
    watched.ends.ends = {STUCK: 15}
    watched.starve(1)
    watched.positions[STUCK] = 11
    watched.clock.now += 1000
    assert watched.standstill.starving(watched.positions) == []
    assert watched.starve(2) == []


def test_it_is_over_once_the_partition_moves_or_is_at_its_end():
    watched = Watched()
    watched.ends.ends = {STUCK: 15}
    assert len(watched.starve(6)) == 1
    watched.positions[STUCK] = 12
    watched.standstill.look(watched.positions)
    assert watched.standstill.said() is None
    assert len(watched.starve(6)) == 1
    watched.standstill.reached_end(STUCK)  # the broker says that there is nothing more after all
    assert watched.standstill.said() is None
    assert watched.starve(60) == []


def test_nothing_is_due_while_a_broker_is_silent():
    watched = Watched()
    watched.ends.ends = {STUCK: 15}
    for _ in range(20):
        assert watched.starve(2) == []
        watched.standstill.interrupted()


def test_what_the_consumer_itself_saw_counts_and_open_transactions_do_not():
    watched = Watched()
    watched.standstill.look(watched.positions)
    partitions = {"0": {"ls_offset": 15, "hi_offset": 15}, "1": {"ls_offset": 20, "hi_offset": 99}}
    seen = {"topics": {"events": {"partitions": partitions}}}
    watched.standstill.take(msgspec.convert(seen, Statistics))
    assert {where for _, where in watched.starve(10)} == {STUCK}


def test_a_broker_that_may_wait_for_long_is_given_that_time():
    assert patience(KafkaSettings(degraded_seconds=3)) == 3
    assert patience(KafkaSettings(consumer={"fetch.wait.max.ms": 10_000})) == 20


@contextlib.contextmanager
def reading(settings):
    reader = Reader(settings, Progress({}), Health("source", settle=0.1))
    reader.open()
    reader.begin()
    yield reader
    reader.finish(1)


def a_stuck_partition_is_fetched_anew(broker, settings, names, caplog):
    """A partition that is paused stands for one that the client library left by itself."""
    with reading(settings) as reader:
        for partition in range(2):
            broker.produce(names.events, [b"first"], partition=partition)
        take(reader, 2)
        stuck = TopicPartition(names.events, 1)
        reader._consumer.pause([stuck])
        broker.produce(names.events, [str(n).encode() for n in range(50)], partition=1)
        found = []

        def has_come():
            broker.produce(names.events, [b"well"])
            found.extend(reader.take())
            return sum(raw.partition.endswith("-1") for raw in found) == 50

        until(has_come, "what the stuck partition has")
        until(lambda: not reader.take() and reader._health.is_good, "good again")
    values = [raw.value for raw in found if raw.partition.endswith("-1")]
    assert values == [str(n).encode() for n in range(50)]
    assert reader._health.counts["fetched_anew"] >= 1
    assert f"{names.events}-1 gives nothing at offset 1 though it has records" in caplog.text


@pytest.mark.apache
@pytest.mark.slow
def test_on_a_node_a_stuck_partition_is_fetched_anew(one_node, settings_for, caplog):
    names = one_node.broker.names(partitions=2)
    settings = settings_for(one_node.broker, names, degraded_seconds=1)
    a_stuck_partition_is_fetched_anew(one_node.broker, settings, names, caplog)
