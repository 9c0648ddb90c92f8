"""A backlog in several partitions, between a broker and the micro-batches."""

from __future__ import annotations

import json

import pytest

from dataflows.config.clean import CleanSettings
from dataflows.engine.cleaning.cleaner import Cleaner
from dataflows.state.positions import Progress
from tests.dataflows.connectors.kafka.flows import until

pytestmark = pytest.mark.kafka

T = 1_700_000_000.0
PARTITIONS = 8


def event(number, ts):
    fields = {"event_id": number, "user_id": f"u{number % 7}", "type": "view", "item_id": "i"}
    return json.dumps(fields | {"ts": ts}).encode()


def fill(broker, names, each, step=10.0):
    """Each partition in order, all of them over the same hours."""
    for n in range(PARTITIONS):
        values = [
            event(n * each + place, T + step * place + n * step / PARTITIONS)
            for place in range(each)
        ]
        broker.produce(names.events, values, partition=n)


def taken(source, count):
    found = []

    def is_enough():
        found.extend(one for one in source.take() if not one.raw.is_mark)
        return len(found) >= count

    until(is_enough, f"{count} records")
    return found


@pytest.mark.parametrize("prefetch", [10_000, 200])
def test_a_backlog_is_learnt_in_the_order_of_its_time_each_record_once(broker, merged, prefetch):
    names = broker.names(partitions=PARTITIONS)
    fill(broker, names, 300)
    source = merged(broker, names, prefetch_messages=prefetch, batch_size=150, merge_seconds=3600)
    assert source._reader._settings.prefetch_messages == prefetch // 2
    most, found = 0, []
    while len(found) < PARTITIONS * 300:
        found += taken(source, 1)
        most = max(most, sum(source._merge.waiting().values()))
    assert most <= prefetch // 2, "the client library has the other half"
    for n in range(PARTITIONS):
        offsets = [one.raw.offset for one in found if one.raw.partition == f"{names.events}-{n}"]
        assert offsets == list(range(300))
    times = [one.one.ts for one in found]
    assert times == sorted(times)
    assert not source.health.counts["not_waited_for"]
    assert not [one for one in source.take() if not one.raw.is_mark]
    cleaner = Cleaner(CleanSettings(late="skip", late_after=1))
    assert {cleaner.judge(one.one, one.raw).outcome for one in found} == {"learn"}


def test_a_restart_goes_on_in_the_same_order(broker, merged):
    names = broker.names(partitions=PARTITIONS)
    fill(broker, names, 60)
    first = taken(merged(broker, names, batch_size=50, merge_seconds=3600), 200)
    positions = {one.raw.partition: one.raw.next_offset for one in first}
    second = merged(broker, names, Progress({0: positions}), batch_size=50, merge_seconds=3600)
    found = first + taken(second, PARTITIONS * 60 - len(first))
    times = [one.one.ts for one in found]
    assert times == sorted(times)
    assert len({(one.raw.partition, one.raw.offset) for one in found}) == PARTITIONS * 60


def test_once_caught_up_nothing_waits_for_the_partitions_that_are_quiet(broker, merged):
    names = broker.names(partitions=PARTITIONS)
    fill(broker, names, 5)
    source = merged(broker, names, merge_seconds=3600)  # what waited would wait for ever
    taken(source, PARTITIONS * 5)
    for number in range(20):
        broker.produce(names.events, [event(9000 + number, T)], partition=number % 3)
        (one,) = taken(source, 1)
        assert one.one.event_id == str(9000 + number)
        assert source._merge.is_holding is False


def test_items_flow_beside_events_that_are_held(broker, merged):
    names = broker.names(partitions=PARTITIONS)
    fill(broker, names, 5)
    source = merged(broker, names, merge_seconds=3600)
    source._merge._is_ended = lambda name: False  # as if one more were to come everywhere
    until(lambda: source.take() is not None and len(source._merge.waiting()) == PARTITIONS)
    broker.produce(names.items, [b'{"item_id": "i"}'])
    until(lambda: any(one.raw.topic == names.items for one in source.take()), "the item")
    assert source._merge.is_holding
    assert set(source.lag()) <= {f"{t}-{n}" for t in (names.events, names.items) for n in range(8)}
