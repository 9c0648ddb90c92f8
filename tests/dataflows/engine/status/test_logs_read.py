"""What is stored of a topic's log after each micro-batch."""

from dataflows.engine.status.logs_read import LogsRead
from dataflows.messages.raw import LastRecord, LogId, Raw

IDS = LogId("cluster", "topic", 3)


def raw(offset, log=None, value=b"{}", partition="events-0", **more):
    return Raw("events", partition, offset, offset + 1, b"k", value, 7.5, log=log, **more)


def last(record):
    return LastRecord.of(record.offset, record.timestamp, record.key, record.value)


def test_each_batch_gives_its_last_record_of_each_partition_that_has_ids():
    logs = LogsRead()
    first, second = raw(0, IDS), raw(1)
    other = raw(9, partition="events-1")  # of it no ids were told
    assert logs.take([first, other, second]) == {
        "events-0": LogId("cluster", "topic", 3, last(second))
    }
    assert logs.take([other]) == {}
    third = raw(2, value=None)
    assert logs.take([third]) == {"events-0": LogId("cluster", "topic", 3, last(third))}


def test_a_mark_keeps_the_last_record_and_a_new_leader_takes_it_along():
    logs = LogsRead()
    logs.take([raw(0, IDS)])
    behind = LogId("cluster", "topic", -1)
    mark = Raw("events", "events-0", 1, 2, None, None, is_mark=True, log=behind)
    assert logs.take([mark]) == {"events-0": LogId("cluster", "topic", -1, last(raw(0)))}


def test_what_was_stored_before_a_run_stays_until_a_record_is_read():
    stored = last(raw(40))
    mark = Raw(
        "events", "events-0", 41, 42, None, None, is_mark=True, log=LogId("c", "t", -1, stored)
    )
    logs = LogsRead()
    assert logs.take([mark])["events-0"].last == stored
    assert logs.take([raw(42)])["events-0"].last == last(raw(42))


def test_a_record_is_known_again_by_its_place_time_key_and_value():
    one = LastRecord.of(5, 1.5, b"a", b"b")
    assert one == LastRecord.of(5, 1.5, b"a", b"b")
    others = [
        (6, 1.5, b"a", b"b"),
        (5, 1.25, b"a", b"b"),
        (5, 1.5, b"b", b"b"),
        (5, 1.5, b"a", b""),
    ]
    assert all(LastRecord.of(*other) != one for other in others)
