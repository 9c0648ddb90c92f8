from __future__ import annotations

import logging

import msgspec

from dataflows.connectors.kafka.client import quiet_logger
from dataflows.connectors.kafka.health import TELL_EVERY, Health, Statistics, silent_leader
from learners.testing import FakeClock


def test_an_outage_is_counted_once_and_told_at_its_begin_and_end(caplog):
    clock = FakeClock()
    health = Health("source", clock, settle=2.0)
    assert health.is_good
    for second in range(10):
        clock.now = float(second)
        health.degraded("no connection")
    assert not health.is_good
    assert health.reason == "no connection"
    clock.now = 12.0
    assert health.seconds == 12.0
    health.good()
    assert not health.is_good, "one answer is not yet the end"
    clock.now = 14.0
    health.good()
    health.good()
    assert health.is_good
    assert health.seconds == 2.0
    assert health.counts["outages"] == 1
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 2
    assert "degraded: no connection" in messages[0]
    assert "good again after 12.0 s" in messages[1]


def test_answers_that_come_and_go_are_one_outage(caplog):
    clock = FakeClock()
    health = Health("sink", clock, settle=2.0)
    health.degraded("no delivery for 2 s")
    for step in range(1, 9):
        clock.now = float(step)
        health.good() if step % 2 else health.degraded("no delivery for 1 s")
    for moment in (9.5, 10.0, 11.5):
        clock.now = moment
        health.good()
    assert health.is_good
    assert health.counts["outages"] == 1
    told = [record.getMessage() for record in caplog.records]
    assert [line for line in told if "good again" in line] == ["Kafka sink good again after 9.5 s"]
    clock.now = 13.0
    health.degraded("no delivery for 2 s")
    assert health.counts["outages"] == 2, "this one began after the first was over"


def test_a_flood_of_one_error_is_told_now_and_then_with_what_was_left_out(caplog):
    clock = FakeClock()
    health = Health("source", clock)
    for step in range(1000):
        clock.now = step * 0.05
        health.error("_TRANSPORT", "connect refused")
    assert health.counts["errors"] == 1000
    assert len(caplog.records) == 1 + int(1000 * 0.05 // TELL_EVERY)
    assert "599 like it were not logged" in caplog.records[1].getMessage()


def test_different_errors_do_not_hide_each_other(caplog):
    health = Health("sink", FakeClock())
    health.error("_TRANSPORT", "a")
    health.error("_TIMED_OUT", "b")
    assert len(caplog.records) == 2


def test_lines_of_the_client_library_are_throttled_by_their_word(caplog):
    log = quiet_logger(Health("source", FakeClock()))
    for _ in range(50):
        log.log(logging.ERROR, "FAIL [rdkafka#consumer-1] connect failed")
        log.log(logging.WARNING, "REQTMOUT [rdkafka#consumer-1] timed out")
    assert len(caplog.records) == 2


def statistics(state="UP", leader=1, waiting=0, idle=0, desired=True):
    return msgspec.convert(
        {
            "brokers": {
                "b1:9092/1": {
                    "nodeid": 1,
                    "state": state,
                    "rxidle": int(idle * 1e6),
                    "waitresp_cnt": waiting,
                },
                "b1:9092/bootstrap": {"nodeid": -1, "state": "DOWN"},
            },
            "topics": {
                "events": {
                    "partitions": {
                        "0": {"leader": leader, "desired": desired},
                        "-1": {"leader": -1, "desired": True},
                    }
                }
            },
        },
        Statistics,
    )


def test_who_does_not_answer():
    assert silent_leader(statistics(), 3.0) is None
    assert "no connection to b1:9092" in silent_leader(statistics(state="CONNECT"), 3.0)
    assert "no leader" in silent_leader(statistics(leader=-1), 3.0)
    assert "has not answered for 4 s" in silent_leader(statistics(waiting=1, idle=4), 3.0)
    # Quiet because nothing was asked (the prefetch is full) is not an outage.
    assert silent_leader(statistics(waiting=0, idle=400), 3.0) is None
    # A partition that is not ours does not count.
    assert silent_leader(statistics(leader=-1, desired=False), 3.0) is None
