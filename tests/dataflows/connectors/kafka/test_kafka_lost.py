"""Positions that retention has deleted, on librdkafka's own broker in the process.

It keeps about 5 MB of a partition, so producing more deletes the oldest, as retention does.
"""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import pytest
from confluent_kafka import KafkaError, Producer

from dataflows.config.kafka import KafkaSettings
from dataflows.connectors.kafka.assignment.out_of_range import LostOffsets
from dataflows.connectors.kafka.consumer import Reader
from dataflows.connectors.kafka.health import Health
from dataflows.connectors.kafka.source import KafkaSource
from dataflows.errors import InputError
from dataflows.state.positions import Progress
from tests.dataflows.connectors.kafka.flows import run_source, take, until

pytestmark = pytest.mark.kafka

KEPT = "events-0"


@pytest.fixture(scope="module")
def mock():
    """Settings for a topic of which offsets below `begin` are deleted."""
    producer = Producer({"test.mock.num.brokers": 1, "log_level": 0})
    broker = next(iter(producer.list_topics(timeout=60).brokers.values()))
    settings = KafkaSettings(bootstrap_servers=f"{broker.host}:{broker.port}", items_topic="")
    for _ in range(12):
        for _ in range(500):
            producer.produce("events", b"x" * 1000, partition=0)
        assert producer.flush(60) == 0
    return producer, settings


def reader_at(settings, at):
    health = Health("source")
    progress = Progress({0: {KEPT: at}} if at is not None else {})
    reader = Reader(settings, progress, health)
    reader.open()
    reader.begin()
    return reader, health


def test_by_default_a_deleted_position_is_an_error_that_says_what_to_do(mock):
    reader, _ = reader_at(mock[1], 10)
    with pytest.raises(InputError) as raised:
        take(reader, 1)
    message = str(raised.value)
    assert "events-0" in message
    assert "offset 10" in message
    assert "records were never read" in message
    assert "kafka.lost_offset" in message
    reader.finish(1)


def test_a_flow_ends_in_order_and_the_error_comes_after_the_last_commit(mock):
    source = KafkaSource(mock[1], Progress({0: {KEPT: 10}}))
    seen = []
    run_source(source, seen.append)
    with pytest.raises(InputError, match="offset 10"):
        source.finish()
    assert source.finish()


@pytest.mark.parametrize("policy", ["earliest", "latest"])
def test_by_policy_it_jumps_and_counts_what_was_not_read(mock, policy, caplog):
    producer, settings = mock
    reader, health = reader_at(msgspec.structs.replace(settings, lost_offset=policy), 10)
    found = []

    def has_come():
        if health.counts["jumped"] and policy == "latest" and not found:
            producer.produce("events", b"y", partition=0)
            producer.flush(60)
        found.extend(reader.take())
        return bool(found)

    until(has_come, "a record after the jump")
    assert found[0].offset == 10 + health.counts["jumped"]
    assert (found[0].value == b"y") == (policy == "latest")
    assert any("offset 10 is gone" in record.getMessage() for record in caplog.records)
    reader.finish(1)


def test_a_topic_made_anew_is_an_error_whatever_the_policy(mock):
    """To jump back would not help: the learn step skips what is before its position."""
    reader, _ = reader_at(msgspec.structs.replace(mock[1], lost_offset="earliest"), 10_000_000)
    with pytest.raises(InputError, match=r"made anew.*empty \[state\] path"):
        take(reader, 1)
    reader.finish(1)


class Told:
    """Says where partitions begin or end, once it is made to."""

    def __init__(self):
        self.asked, self.given = [], {}

    def ask(self, partitions):
        self.asked = list(partitions)

    def answers(self):
        given, self.given = self.given, {}
        return given


def test_no_answer_about_many_partitions_is_waited_for(caplog):
    """Each of them would hold up the flow, and its stop, one after the other."""
    lost = [("events", number) for number in range(50)]
    jumped = []
    parts = SimpleNamespace(
        next=dict.fromkeys(lost, 10),
        names={where: f"events-{where[1]}" for where in lost},
        role=lambda _: "events",
        jump=lambda where, to: jumped.append((where[1], to)),
    )
    settings = KafkaSettings(lost_offset="earliest")
    health, begins, ends = Health("source"), Told(), Told()
    offsets = LostOffsets(None, settings, parts, health, None, begins, ends)
    for where in lost:
        offsets.noticed(where, KafkaError(KafkaError._AUTO_OFFSET_RESET))
    offsets.handle()
    assert begins.asked == ends.asked == lost
    begins.given = dict.fromkeys(lost, 30)
    ends.given = {lost[7]: 40}
    offsets.handle()
    assert jumped == [(7, 30)]
    assert "events-7: offset 10 is gone" in caplog.text
    ends.given = {lost[7]: 41, lost[3]: 40}  # the first comes late, and is of no use any more
    offsets.handle()
    assert jumped == [(7, 30), (3, 30)]
    assert health.counts["jumped"] == 40
    parts.next[lost[9]] = 11  # it is read on after all: what was asked about it is out of date
    begins.given, ends.given = {lost[9]: 30}, {lost[9]: 40}
    offsets.handle()
    assert len(jumped) == 2


def test_latest_starts_at_the_end_and_loses_nothing_over_a_restart(mock):
    producer, settings = mock
    settings = msgspec.structs.replace(settings, auto_offset_reset="latest", group_id="late")
    first, _ = reader_at(settings, None)
    for _ in range(50):
        assert not [raw for raw in first.take() if raw.partition == KEPT]
    first.finish(1)
    producer.produce("events", b"between", partition=0)
    producer.flush(60)
    second, _ = reader_at(settings, None)
    assert take(second, 1)[0].value == b"between"
    second.finish(1)
