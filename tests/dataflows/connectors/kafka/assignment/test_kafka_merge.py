import random
from math import inf

import pytest

from dataflows.connectors.kafka.assignment.merge_by_time import Merge
from dataflows.messages.decoded_records import Rendered
from dataflows.messages.events import EventRecord
from dataflows.messages.raw import Raw, Reject

T = 1_700_000_000.0
SECONDS = 2.0
SKEW = 300.0


class Topic:
    """Partitions that are read in pieces, and a clock that is set."""

    def __init__(self, partitions=3):
        self.names = [f"events-{n}" for n in range(partitions)]
        self.ended = set()
        self.given_up = []
        self.now = 0.0
        self.merge = Merge(
            lambda: self.names,
            lambda name: name in self.ended,
            seconds=SECONDS,
            max_skew=SKEW,
            given_up=self.given_up.extend,
            clock=lambda: self.now,
        )

    def put(self, *records):
        for record in records:
            self.ended.discard(record.raw.partition)
        self.merge.put(records)

    def take(self, most=1000):
        return [(one.raw.partition[-1], one.raw.offset) for one in self.merge.take(most)]


def event(partition, offset, ts, broker=None, topic="events"):
    at = T + ts + 1 if broker is None else broker
    raw = Raw(topic, f"{topic}-{partition}", offset, offset + 1, None, b"12", at)
    return Rendered(
        raw, EventRecord(event_id=f"e{offset}", user_id="u", type="view", ts=T + ts), None
    )


def test_partitions_in_order_come_out_in_one_order_however_they_are_read():
    dice = random.Random(3)
    for _ in range(50):
        topic = Topic()
        left = {
            n: [event(n, o, ts) for o, ts in enumerate(sorted(dice.sample(range(900), 60)))]
            for n in range(3)
        }
        found, held = [], 0
        while any(left.values()) or held:
            n, size = dice.randrange(3), dice.randrange(30)
            piece, left[n] = left[n][:size], left[n][size:]
            topic.put(*piece)
            held += len(piece)
            topic.ended = {f"events-{each}" for each, rest in left.items() if not rest}
            taken = topic.merge.take(dice.randrange(1, 40))
            held -= len(taken)
            found += taken
        times = [one.one.ts for one in found]
        assert times == sorted(times)
        assert not topic.given_up
        assert not topic.merge.is_holding
        assert topic.merge.bytes_held == 0


def test_one_that_has_more_is_waited_for_and_one_at_its_end_is_not():
    topic = Topic()
    topic.put(event(0, 0, 10), event(0, 1, 30), event(1, 0, 20))
    assert topic.take() == []
    assert topic.merge.is_stalled
    assert topic.merge.lacking() == {"events-2"}
    assert topic.merge.waiting() == {"events-0": 2, "events-1": 1}
    assert topic.merge.bytes_held == 6
    topic.ended.add("events-2")
    assert topic.take() == [("0", 0), ("1", 0)]
    assert topic.merge.lacking() == {"events-1"}, "it may have more, and that may be older"
    topic.put(event(1, 1, 25))
    assert topic.take() == [("1", 1)]
    topic.ended.add("events-1")
    assert topic.take() == [("0", 1)]


def test_a_stream_that_has_caught_up_is_not_held_at_all():
    topic = Topic()
    for offset in range(5):
        for n in (2, 0, 1):
            topic.ended = set(topic.names)
            topic.put(event(n, offset, -offset))
            topic.ended = set(topic.names)
            assert topic.take() == [(str(n), offset)]


def test_no_record_waits_longer_than_that_in_all_for_one_after_another():
    topic = Topic()
    topic.put(event(0, 0, 10), event(2, 0, 500))
    assert topic.take() == []
    topic.now = 1.5
    topic.put(event(1, 0, 5))
    assert topic.take() == [("1", 0)], "and now the same one lacks again"
    topic.now = 1.9
    assert topic.take() == []
    topic.now = 2.0
    assert topic.take() == [("0", 0)]
    assert topic.given_up == ["events-1"]
    topic.now = 2.3
    assert topic.take() == [("2", 0)], "it has waited for one, and does not wait for the next"
    assert topic.given_up == ["events-1", "events-0"]
    topic.put(event(0, 1, 20))
    topic.ended.add("events-2")
    assert topic.take() == [("0", 1)], "one that does not give what it has is waited for no more"
    topic.put(event(1, 1, 30), event(1, 2, 31))
    assert topic.take() == [], "until it gives again"


def test_one_far_ahead_keeps_its_place_through_many_reads_of_the_others():
    topic = Topic(2)
    topic.put(event(1, 0, 5_000))
    for offset in range(100):
        assert topic.take() == []
        topic.now += 0.1
        topic.put(event(0, offset, offset))
        assert topic.take() == [("0", offset)]
    assert not topic.given_up


def test_work_between_two_stalls_is_no_waiting():
    topic = Topic(2)
    topic.put(event(0, 0, 10), event(0, 1, 40), event(1, 0, 20))
    assert topic.take(1) == [("0", 0)]
    topic.now = 100.0
    assert topic.take(1) == [("1", 0)]
    assert topic.take(1) == []
    topic.now = 101.0
    assert topic.take(1) == []
    assert not topic.given_up


@pytest.mark.parametrize(
    ("late", "place"),
    [
        (event(0, 0, 86_400), 2),  # dated a day ahead: as at the broker's time and the skew
        (event(0, 0, 0, broker=T + 150), 0),
        (event(0, 0, 5_000, broker=T - 200 + 1), 1),
        (event(0, 0, 150, broker=1.0), 1),  # a broker without a clock
    ],
)
def test_a_time_counts_as_no_later_than_the_brokers_and_the_skew(late, place):
    topic = Topic(2)
    if place == 2:
        late = event(0, 0, 86_400, broker=T)
    topic.put(late, event(1, 0, 100), event(1, 1, 200))
    topic.ended = set(topic.names)
    assert [one[0] for one in topic.take()].index("0") == place


def test_what_cannot_be_read_goes_by_the_broker_and_keeps_its_place_in_its_partition():
    topic = Topic(2)
    raws = [
        Raw("events", "events-0", n, n + 1, None, b"{", T + at) for n, at in enumerate((50, 150))
    ]
    bad = [Rendered(raw, Reject(raw, "not_json", ""), None) for raw in raws]
    topic.put(bad[0], bad[1], event(1, 0, 100), event(1, 1, 200))
    topic.ended = set(topic.names)
    assert topic.take() == [("0", 0), ("1", 0), ("0", 1), ("1", 1)]


def test_items_and_marks_and_records_without_any_time_are_not_held():
    topic = Topic()
    timeless = Raw("events", "events-0", 0, 1, None, b"{", None)
    mark = Raw("events", "events-0", 1, 2, None, None, is_mark=True)
    topic.put(
        event(0, 7, 99, topic="items"),
        Rendered(timeless, Reject(timeless, "not_json", ""), None),
        Rendered(mark, None, None),
        event(0, 2, 50),
    )
    taken = topic.merge.take(1000)
    assert [(one.raw.topic, one.raw.offset) for one in taken] == [
        ("items", 7),
        ("events", 0),
        ("events", 1),
    ]
    assert topic.merge.waiting() == {"events-0": 1}
    assert [one.raw.offset for one in topic.merge.take(9, is_full=True)] == [2], "no room to wait"


def test_what_is_read_no_more_is_given_in_order_and_the_rest_is_forgotten():
    topic = Topic()
    topic.put(event(0, 0, 50), event(1, 0, 20), event(2, 0, 1), event(0, 0, 9, topic="items"))
    topic.now = 5.0
    topic.put(event(0, 1, 60), event(1, 1, 30))
    ends = {"events-0": 1, "events-1": inf}
    given, others = topic.merge.let_go(ends, before=5.0)
    assert [(one.raw.partition[-1], one.raw.offset) for one in given] == [
        ("1", 0),
        ("0", 0),
        ("0", 1),  # beyond the end of the one in its place
    ]
    assert others == 1, "it came when it was no longer known what it is of"
    assert not topic.merge.is_holding
    assert topic.merge.bytes_held == 0
    assert topic.merge.take(1000) == []
