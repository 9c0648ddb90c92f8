"""What only a real broker does to records: transactions, retention, compaction, codecs."""

from __future__ import annotations

import contextlib
import json

import msgspec
import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import NewPartitions

from dataflows.connectors.kafka.consumer import Reader
from dataflows.connectors.kafka.health import Health
from dataflows.connectors.kafka.producer import ReliableProducer
from dataflows.errors import InputError
from dataflows.state.outbox import Outbox
from dataflows.state.positions import Progress
from tests.dataflows.connectors.kafka.broker import QUIET
from tests.dataflows.connectors.kafka.flows import take, until

pytestmark = [pytest.mark.kafka, pytest.mark.apache, pytest.mark.slow]

CODECS = ["gzip", "snappy", "lz4", "zstd"]


@contextlib.contextmanager
def reading(settings, stored=None):
    """A reader that begins where `stored` (partition to position) says, and its health."""
    health = Health("source")
    reader = Reader(settings, Progress({0: stored or {}}), health)
    reader.open()
    reader.begin()
    try:
        yield reader, health
    finally:
        with contextlib.suppress(RuntimeError):
            reader.finish(5)


def idle(reader, rounds: int = 30) -> None:
    """Let a reader look again and again; it must find no record. Ends are told when they come."""
    for _ in range(rounds):
        assert [raw for raw in reader.take() if not raw.is_mark] == []


def take_records(reader, count: int):
    """So many records, without the ends that are told between."""
    found = []
    until(
        lambda: found.extend(raw for raw in reader.take() if not raw.is_mark) or len(found) >= count
    )
    return found


def producer(broker, **options) -> Producer:
    names = {name.replace("_", "."): value for name, value in options.items()}
    return Producer({"bootstrap.servers": broker.servers, **QUIET, **names})


def test_of_transactions_only_what_was_committed_is_read_and_an_open_one_holds_what_follows(
    one_node, settings_for
):
    broker = one_node.broker
    names = broker.names()
    writer = producer(broker, transactional_id=broker.name("writer"))
    writer.init_transactions(60)

    def write(word: str, end=None) -> None:
        writer.begin_transaction()
        for number in range(3):
            writer.produce(names.events, f"{word} {number}".encode(), partition=0)
        assert writer.flush(60) == 0
        if end is not None:
            end(60)

    write("kept", writer.commit_transaction)
    write("taken back", writer.abort_transaction)
    write("open")
    broker.produce(names.events, [b"after"])
    settings = msgspec.structs.replace(settings_for(broker, names), decisions_topic="")
    with reading(settings) as (reader, health):
        found = take_records(reader, 3)
        assert [raw.value for raw in found] == [b"kept 0", b"kept 1", b"kept 2"]
        idle(reader)
        writer.commit_transaction(60)
        found += take_records(reader, 4)
        assert [raw.value for raw in found[3:]] == [b"open 0", b"open 1", b"open 2", b"after"]
        # Each end of a transaction takes an offset, and so does what was taken back.
        assert [raw.offset for raw in found] == [0, 1, 2, 8, 9, 10, 11]
        write("taken back at the end", writer.abort_transaction)
        idle(reader)
        assert not health.counts["errors"]


def test_partitions_added_while_it_was_down_are_read_from_their_beginning(one_node, settings_for):
    broker = one_node.broker
    names = broker.names()
    broker.produce(names.events, [b"old"])
    settings = settings_for(broker, names)
    with reading(settings) as (reader, _):
        assert [raw.value for raw in take(reader, 1)] == [b"old"]
    broker.admin.create_partitions([NewPartitions(names.events, 3)])[names.events].result(60)
    until(lambda: len(broker.admin.list_topics(timeout=60).topics[names.events].partitions) == 3)
    writer = producer(broker)  # the helper's own knows of one partition only
    for partition in range(3):
        for _ in range(2):
            writer.produce(names.events, b"new %d" % partition, partition=partition)
    assert writer.flush(60) == 0
    with reading(settings, {f"{names.events}-0": 1}) as (reader, _):
        found = take(reader, 6)
        assert sorted((raw.partition, raw.offset, raw.value) for raw in found) == [
            (f"{names.events}-{partition}", offset + (partition == 0), b"new %d" % partition)
            for partition in range(3)
            for offset in range(2)
        ]
        idle(reader)


@pytest.mark.parametrize("policy", ["stop", "earliest", "latest"])
def test_records_deleted_by_retention(one_node, settings_for, policy):
    broker = one_node.broker
    names = broker.names()
    broker.produce(names.events, [b"%d" % number for number in range(100)])
    done = broker.admin.delete_records([TopicPartition(names.events, 0, 60)])
    for one in done.values():
        assert one.result(60).low_watermark == 60
    settings = settings_for(broker, names, lost_offset=policy)
    with reading(settings, {f"{names.events}-0": 20}) as (reader, health):
        if policy == "stop":
            with pytest.raises(InputError, match=r"offset 20.*40 records were never read"):
                take(reader, 1)
            return
        if policy == "latest":
            until(lambda: reader.take() == [] and health.counts["jumped"], "the jump")
            broker.produce(names.events, [b"100"])
        at = {"earliest": 60, "latest": 100}[policy]
        found = take(reader, 40 if policy == "earliest" else 1)
        assert [int(raw.value) for raw in found] == list(range(at, at + len(found)))
        assert health.counts["jumped"] == at - 20
        idle(reader)


def test_items_of_a_compacted_topic_with_gaps_are_read_to_its_end_before_events(
    one_node, settings_for
):
    broker = one_node.broker
    names = broker.names()
    settled = {"segment.ms": "100", "min.cleanable.dirty.ratio": "0.001"}
    settled |= {"cleanup.policy": "compact", "max.compaction.lag.ms": "1"}
    names.items = broker.create(broker.name("compacted"), **settled)
    broker.produce(names.events, [b"event"])
    for version in range(6):
        for number in range(5):
            key = f"i{number}".encode()
            broker.produce(names.items, [json.dumps([number, version]).encode()], key=key)
    broker.produce(names.items, [None], key=b"i4")

    def is_compacted() -> bool:
        # A segment is closed by the record that begins the next one.
        broker.produce(names.items, [b"the last"], key=b"i9")
        return len(broker.read(names.items)) < 10

    until(is_compacted, "the compaction")
    with reading(settings_for(broker, names)) as (reader, health):
        raws = take(reader, 1)
        while raws[-1].topic != names.events:
            raws += take(reader, 1)
        assert [raw.topic for raw in raws].count(names.events) == 1, "items come first"
        offsets = [raw.offset for raw in raws[:-1]]
        assert offsets == sorted(offsets)
        assert offsets[-1] - offsets[0] >= len(offsets), "no gaps: nothing was compacted"
        last = {raw.key: raw.value for raw in raws[:-1]}
        kept = {f"i{number}".encode(): json.dumps([number, 5]).encode() for number in range(4)}
        assert last.pop(b"i4", None) is None
        assert last == kept | {b"i9": b"the last"}
        assert not health.counts["jumped"]


@pytest.mark.parametrize("codec", CODECS)
def test_each_codec_is_read_and_written(one_node, settings_for, codec):
    broker = one_node.broker
    names = broker.names()
    values = [
        json.dumps({"number": number, "word": "same " * 20}).encode() for number in range(300)
    ]
    writer = producer(broker, compression_type=codec, linger_ms=50)
    for value in values:
        writer.produce(names.events, value, partition=0)
    assert writer.flush(60) == 0
    settings = settings_for(broker, names, producer={"compression.type": codec, "linger.ms": 50})
    with reading(settings) as (reader, _):
        assert [raw.value for raw in take(reader, 300)] == values
    outbox = Outbox()
    reliable = ReliableProducer(settings, outbox.acknowledge, Health("sink"))
    for value in values:
        reliable.send(outbox.put("recommendations", b"u", value))
    assert reliable.close(60) == 0
    assert [value for _, value in broker.read(names.recommendations)] == values
