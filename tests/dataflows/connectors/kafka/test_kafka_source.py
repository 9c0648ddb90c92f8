from __future__ import annotations

import contextlib
import json
import time

import msgspec
import pytest

from dataflows.connectors.kafka.client import NEW_SECONDS
from dataflows.connectors.kafka.consumer import Reader
from dataflows.connectors.kafka.health import Health
from dataflows.connectors.kafka.source import KafkaSource
from dataflows.connectors.micro_batches import Portions
from dataflows.errors import InputError
from dataflows.messages.decoded_records import Rendered
from dataflows.messages.events import EventRecord
from dataflows.state.positions import Progress
from tests.dataflows.connectors.kafka.flows import run_source, take, until

pytestmark = pytest.mark.kafka


@pytest.fixture
def open_reader():
    readers = []

    def make(settings, progress=None):
        reader = Reader(settings, progress or Progress({}), Health("source"))
        reader.open()
        reader.begin()
        readers.append(reader)
        return reader

    yield make
    for reader in readers:
        with contextlib.suppress(RuntimeError):  # the test has closed it
            reader.finish(60)


def test_records_come_whole_and_in_order(broker, settings_for, open_reader):
    names = broker.names()
    before = time.time()
    broker.produce(names.events, [b"one", None, b""], key=b"k")
    broker.produce(names.events, [b"four"])
    raws = take(open_reader(settings_for(broker, names)), 4)
    assert [raw.value for raw in raws] == [b"one", None, b"", b"four"]
    assert [raw.key for raw in raws] == [b"k", b"k", b"k", None]
    assert [raw.offset for raw in raws] == [0, 1, 2, 3]
    assert [raw.next_offset for raw in raws] == [1, 2, 3, 4]
    assert {raw.topic for raw in raws} == {names.events}
    assert {raw.partition for raw in raws} == {f"{names.events}-0"}
    assert all(before - 5 < raw.timestamp < time.time() + 5 for raw in raws)


def test_all_items_come_before_the_first_event(broker, settings_for, open_reader):
    names = broker.names(partitions=3)
    for partition in range(3):
        broker.produce(names.events, [b"event"] * 10, partition=partition)
        broker.produce(names.items, [b"item"] * 400, partition=partition)
    raws = take(open_reader(settings_for(broker, names, batch_size=50)), 1230)
    assert [raw.topic for raw in raws] == [names.items] * 1200 + [names.events] * 30


def test_a_removed_item_stays_a_true_null_with_its_key(broker, settings_for, open_reader):
    names = broker.names()
    broker.produce(names.items, [b"{}", None], key=b"i1")
    raws = take(open_reader(settings_for(broker, names)), 2)
    assert [(raw.key, raw.value) for raw in raws] == [(b"i1", b"{}"), (b"i1", None)]


def test_items_that_come_later_flow_beside_the_events(broker, settings_for, open_reader):
    names = broker.names()
    reader = open_reader(settings_for(broker, names))
    broker.produce(names.events, [b"event"])
    take(reader, 1)
    broker.produce(names.items, [b"item"])
    assert [raw.value for raw in take(reader, 1)] == [b"item"]


def test_without_an_items_topic_events_flow_at_once(broker, settings_for, open_reader):
    names = broker.names()
    names.items = ""
    broker.produce(names.events, [b"event"])
    assert [raw.value for raw in take(open_reader(settings_for(broker, names)), 1)] == [b"event"]


def test_reading_goes_on_where_the_store_ends_whatever_the_group_says(
    broker, settings_for, open_reader
):
    names = broker.names(partitions=2)
    for partition in range(2):
        broker.produce(names.events, [str(n).encode() for n in range(10)], partition=partition)
    settings = settings_for(broker, names)
    ahead = Reader(settings, Progress({0: {f"{names.events}-0": 9}}), Health("source"))
    ahead.open()
    ahead.begin()
    take(ahead, 1)
    assert ahead.finish(60)
    assert broker.committed(names.group, names.events, 2) == [9, -1001]
    progress = Progress({0: {f"{names.events}-0": 4}})
    raws = take(open_reader(settings, progress), 6 + 10)
    first = [int(raw.value) for raw in raws if raw.partition.endswith("-0")]
    second = [int(raw.value) for raw in raws if raw.partition.endswith("-1")]
    assert first == list(range(4, 10))
    assert second == list(range(10))


def test_a_batch_is_what_is_in_hand_and_no_more_than_the_cap(broker, settings_for, open_reader):
    names = broker.names()
    reader = open_reader(settings_for(broker, names, batch_size=7))
    broker.produce(names.events, [b"x"] * 100)
    sizes = []
    while sum(sizes) < 100:
        sizes.append(len(reader.take()))
    assert max(sizes) == 7
    broker.produce(names.events, [b"x"])  # one alone is not waited over
    assert len(take(reader, 1)) == 1


def test_committed_is_what_is_stored_and_never_what_is_only_read(broker, settings_for, open_reader):
    names = broker.names()
    broker.produce(names.events, [b"x"] * 50)
    progress = Progress({})
    reader = open_reader(settings_for(broker, names), progress)
    take(reader, 50)
    for _ in range(100):
        reader.take()
    assert broker.committed(names.group, names.events) == [-1001]
    progress.report(0, {f"{names.events}-0": 20})
    until(
        lambda: not reader.take() and broker.committed(names.group, names.events) == [20],
        "the commit",
    )
    progress.report(0, {f"{names.events}-0": 50})
    assert reader.finish(60)
    assert broker.committed(names.group, names.events) == [50]


def test_lag_is_what_is_not_yet_read(broker, settings_for, open_reader):
    names = broker.names()
    broker.produce(names.events, [b"x"] * 500)
    reader = open_reader(settings_for(broker, names, batch_size=1))
    taken = len(take(reader, 10))
    name = f"{names.events}-0"

    def is_told():
        nonlocal taken
        taken += len(reader.take())
        return 0 < reader.lag.get(name, 0) < 500

    until(is_told, "a lag")
    take(reader, 500 - taken)
    until(lambda: not reader.take() and reader.lag[name] == 0, "a lag of 0")


def test_partitions_added_while_running_are_read_from_their_begin(
    broker, settings_for, open_reader, caplog
):
    names = broker.names(partitions=3)
    for partition in range(3):
        broker.produce(names.events, [b"x"] * 5, partition=partition)
    settings = settings_for(broker, names, auto_offset_reset="earliest")
    reader = Reader(settings, Progress({}), Health("source"))
    reader.open()
    reader._counts[names.events] = 1  # as if the other two came later
    reader.begin()
    raws = take(reader, 15)
    reader.finish(60)
    assert {raw.partition for raw in raws} == {f"{names.events}-{n}" for n in range(3)}
    assert reader._health.counts["new_partitions"] == 2
    assert any("new partitions" in record.getMessage() for record in caplog.records)


def test_a_missing_topic_is_waited_for_some_seconds_and_named_with_the_remedy(
    broker, settings_for, pauses
):
    names = broker.names()
    names.items = broker.name("nowhere")
    source = KafkaSource(settings_for(broker, names, start_seconds=600), Progress({}))
    with pytest.raises(InputError, match=rf"'{names.items}' \(items\).*penchant topics create"):
        source.open()
    assert NEW_SECONDS <= pauses.now <= NEW_SECONDS + 1


@pytest.mark.parametrize("role", ["events", "items", "decisions"])
def test_a_topic_that_was_made_a_moment_ago_is_waited_for(
    broker, settings_for, open_reader, pauses, role
):
    names = broker.names()
    topic = broker.name(role)
    setattr(names, role, topic)
    pauses.first = lambda: broker.create(topic)
    reader = open_reader(settings_for(broker, names))
    assert pauses.count >= 1
    broker.produce(topic, [b"here"])
    assert [raw.value for raw in take(reader, 1)] == [b"here"]


def test_a_broker_that_is_not_there_ends_the_start_in_the_set_time(broker, settings_for):
    settings = settings_for(broker, broker.names(), start_seconds=1)
    nowhere = msgspec.structs.replace(settings, bootstrap_servers="127.0.0.1:1")
    with pytest.raises(InputError, match=r"127.0.0.1:1 did not answer within 1 s"):
        KafkaSource(nowhere, Progress({})).open()


def test_in_a_flow_it_stops_when_told_and_commits_at_the_end(broker, settings_for):
    names = broker.names()
    broker.produce(names.items, [b'{"item_id": 1}'] * 3)
    broker.produce(names.events, [json.dumps(n).encode() for n in range(1000)])
    progress = Progress({})
    seen = []
    source = KafkaSource(settings_for(broker, names), progress, stop=lambda: len(seen) >= 1003)
    run_source(source, seen.append)
    last = {raw.partition: raw.next_offset for raw in seen}
    progress.report(0, last)  # as the learn step does after its last snapshot
    assert source.finish()
    assert [int(raw.value) for raw in seen[3:]] == list(range(1000))
    assert broker.committed(names.group, names.events) == [1000]
    assert broker.committed(names.group, names.items) == [3]


def costly(raws):
    """As if each text took ten tokens to encode."""
    one = EventRecord(event_id="e", user_id="u", type="view", ts=1.0)
    return [Rendered(raw, one, "text", 10) for raw in raws]


def test_a_batch_that_is_cut_keeps_its_order_and_what_is_left_at_a_stop_is_read_again(
    broker, settings_for
):
    names = broker.names()
    name = f"{names.events}-0"
    broker.produce(names.events, [b"%d" % n for n in range(200)])
    progress, stopped = Progress({}), []
    learnt: list[int] = []

    def open_source():
        cut = Portions(costly, lambda: 100.0, seconds=0.5, records=50)
        source = KafkaSource(
            settings_for(broker, names, batch_size=50),
            progress,
            lambda: bool(stopped),
            portions=cut,
        )
        source.build_part("records", "kafka", None)
        return source, cut

    def learn(source, count):
        while len(learnt) < count:
            batch = source.take()
            assert len(batch) <= 5, "five of ten tokens, at a hundred a second, take half a second"
            learnt.extend(int(one.raw.value) for one in batch)
            if batch:
                progress.report(0, {name: batch[-1].raw.next_offset})

    source, cut = open_source()
    while len(learnt) < 95 or not cut.is_waiting:
        learn(source, len(learnt) + 1)
        committed = broker.committed(names.group, names.events)[0]
        assert committed <= len(learnt), "what is read and waits is not committed"
        # Counted once a second, so it may be of a moment ago; what waits is not behind us yet.
        assert source.lag().get(name, 200) >= 200 - len(learnt)
    stopped.append(True)
    with pytest.raises(StopIteration):
        source.take()
    assert source.finish()
    assert broker.committed(names.group, names.events) == [len(learnt)]
    stopped.clear()
    source, _ = open_source()
    learn(source, 200)
    assert source.finish()
    assert learnt == list(range(200))
