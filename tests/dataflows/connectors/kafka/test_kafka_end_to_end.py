"""The whole engine, as a process of its own, between the topics of a broker."""

from __future__ import annotations

import json
import re
import signal
import threading
import time

import pytest

from dataflows.app.run import run
from dataflows.config.config import load_config
from dataflows.lifecycle.exit_status import run_to_status
from dataflows.state.ledger import Ledger
from tests.dataflows.connectors.kafka.broker import LONG_OUTAGE
from tests.dataflows.connectors.kafka.engine_process import fill, last_lists, shopping
from tests.dataflows.connectors.kafka.flows import until

pytestmark = pytest.mark.kafka


def as_of_input(lists: dict[bytes, dict], names) -> dict[bytes, dict]:
    """The same with the topic's own name taken out, so that two runs can be compared."""
    return json.loads(
        json.dumps({key.decode(): message for key, message in sorted(lists.items())}).replace(
            names.events, "events"
        )
    )


def test_events_in_lists_out_dead_letters_and_offsets(broker, penchant):
    names = broker.names()
    good = shopping(120)
    bad = [b"\xff\xfe\x83", None, b"{broken", b'{"event_id": 1, "ts": NaN}']
    fill(broker, names, [*good[:60], *bad, *good[60:]])
    process = penchant(broker, names)
    process.start()
    process.await_learnt(124)
    assert process.stop() == 0, process.said
    users = {json.loads(event)["user_id"].encode() for event in good}
    lists = last_lists(broker, names.recommendations)
    assert set(lists) == users
    assert set(last_lists(broker, names.intents)) == users
    letters = {key: json.loads(value) for key, value in broker.read(names.dead_letters)}
    assert set(letters) == {f"{names.events}-0:{offset}".encode() for offset in range(60, 64)}
    assert {letter["topic"] for letter in letters.values()} == {names.events}
    assert letters[f"{names.events}-0:60".encode()]["reason"] == "not_utf8"
    assert letters[f"{names.events}-0:61".encode()]["reason"] == "null_value"
    assert broker.committed(names.group, names.events) == [124]
    assert broker.committed(names.group, names.items) == [40]
    ledger = process.ledger()
    ledger.balance()
    assert "Traceback" not in process.said


def test_signals_that_are_not_to_end_it(broker, penchant):
    names = broker.names()
    fill(broker, names, shopping(30))
    process = penchant(broker, names)
    process.start()
    process.await_learnt(30)
    for number in (signal.SIGHUP, signal.SIGUSR1):
        process._process.send_signal(number)
    until(lambda: "SIGUSR1: thread MainThread" in process.said, "its answer")
    assert "SIGHUP: there is no file to open anew" in process.said
    assert re.search("Kafka source (good|degraded)", process.said)
    assert f"30 in {names.events}-0" in process.said
    assert process.stop() == 0, process.said


def test_bytewax_own_command_runs_and_stops_the_same_flow(broker, penchant):
    names = broker.names()
    fill(broker, names, shopping(30))
    process = penchant(broker, names)
    flow = "dataflows.app.flow:get_flow"
    process.start("-m", "bytewax.run", "-s", "1", flow, PENCHANT_CONFIG=str(process.config))
    process.await_learnt(30)
    assert process.stop() == 0, process.said
    users = {json.loads(event)["user_id"].encode() for event in shopping(30)}
    assert set(last_lists(broker, names.recommendations)) == users
    assert broker.committed(names.group, names.events) == [30]


def test_a_removed_item_is_in_no_later_list(broker, penchant):
    names = broker.names()
    fill(broker, names, shopping(60))
    process = penchant(broker, names)
    process.start()
    process.await_learnt(60)
    users = {json.loads(event)["user_id"].encode() for event in shopping(60)}
    until(lambda: set(last_lists(broker, names.recommendations)) == users, "the lists")
    before = last_lists(broker, names.recommendations)
    shown = [place["item_id"] for message in before.values() for place in message["items"]]
    gone = max(set(shown), key=shown.count)
    broker.produce(names.items, [None], key=gone.encode())
    # Items and events are two topics: which comes first is not promised.
    until(lambda: broker.committed(names.group, names.items) == [41], "the removal")
    broker.produce(names.events, shopping(120)[60:])
    process.await_learnt(120)
    assert process.stop() == 0, process.said
    for message in last_lists(broker, names.recommendations).values():
        if message["position"]["offset"] >= 60:
            assert gone not in [place["item_id"] for place in message["items"]]
            assert len(message["items"]) == 10


def test_killed_at_several_points_it_ends_with_the_lists_of_an_unbroken_run(broker, penchant):
    events = shopping(450)
    unbroken_names, names = broker.names(), broker.names()
    unbroken = penchant(broker, unbroken_names, "unbroken")
    fill(broker, unbroken_names, events)
    unbroken.start()
    unbroken.await_learnt(450)
    assert unbroken.stop() == 0, unbroken.said
    broken = penchant(broker, names, "broken", batch_size=7)
    fill(broker, names, [])
    for part in range(2):
        broken.start()
        broker.produce(names.events, events[part * 200 : part * 200 + 200])
        broken.await_learnt(part * 200 + 60)
        broken.kill()
    broken.start()
    broker.produce(names.events, events[400:])
    broken.await_learnt(450)
    assert broken.stop() == 0, broken.said
    for role in ("recommendations", "intents"):
        expected = last_lists(broker, getattr(unbroken_names, role))
        found = last_lists_of_any_order(broker, getattr(names, role))
        assert as_of_input(found, names) == as_of_input(expected, unbroken_names)
    assert broken.ledger().as_dict() == renamed(unbroken.ledger(), unbroken_names, names)
    assert broker.committed(names.group, names.events) == [450]


def last_lists_of_any_order(broker, topic) -> dict[bytes, dict]:
    """As a consumer reads after a crash: what is older than what it has is dropped."""
    last: dict[bytes, dict] = {}
    for key, value in broker.read(topic):
        message = json.loads(value)
        del message["time"]
        if message["sequence"] >= last.get(key, message)["sequence"]:
            last[key] = message
    return last


def renamed(ledger: Ledger, old, new) -> dict:
    return json.loads(json.dumps(ledger.as_dict()).replace(old.events, new.events))


def test_lists_that_were_not_delivered_when_it_was_killed_are_sent_after_the_restart(
    broker, penchant
):
    names = broker.names()
    fill(broker, names, shopping(50))
    process = penchant(broker, names, producer={"linger.ms": 900_000})  # held back, then killed
    process.start()
    process.await_learnt(50)
    assert broker.read(names.recommendations) == []
    process.kill()
    process.configure()
    process.start()
    users = {json.loads(event)["user_id"].encode() for event in shopping(50)}
    until(lambda: set(last_lists(broker, names.recommendations)) == users, "the lists")
    assert process.stop() == 0, process.said
    assert set(last_lists(broker, names.intents)) == users


def test_a_broker_that_is_not_there_ends_the_start_with_one_line(broker, penchant, capsys):
    process = penchant(broker, broker.names(), bootstrap_servers="127.0.0.1:1", start_seconds=1)
    before = set(threading.enumerate())
    assert run_to_status(lambda: run(load_config(process.config))) == 2
    said = capsys.readouterr().err
    # No client is left that goes on by itself: each has a thread that waits to close it.
    until(lambda: set(threading.enumerate()) <= before, "the end of its threads")
    assert "127.0.0.1:1 did not answer within 1 s" in said
    assert said.count("\n") == 1


def test_under_bytewax_it_ends_with_the_same_line_and_status(broker, penchant):
    process = penchant(broker, broker.names(), bootstrap_servers="127.0.0.1:1", start_seconds=1)
    flow = "dataflows.app.flow:get_flow"
    process.start("-m", "bytewax.run", flow, PENCHANT_CONFIG=str(process.config))
    assert process.await_end() == 2, process.said
    last = process.said.splitlines()[-1]
    assert last.startswith(
        "penchant: Kafka at 127.0.0.1:1 did not answer within 1 s (127.0.0.1:1: "
    )


@pytest.mark.slow
def test_the_engine_outlives_a_long_outage(cut_off, penchant):
    broker, proxy = cut_off
    names = broker.names()
    events = shopping(300)
    fill(broker, names, events[:150])
    process = penchant(broker, names)
    process.start()
    process.await_learnt(150)
    proxy.cut()
    time.sleep(LONG_OUTAGE)
    proxy.heal()
    broker.produce(names.events, events[150:])
    process.await_learnt(300)
    # What was missed is read faster than the connections are looked at.
    until(lambda: "good again" in process.said, "a word of it")
    assert process.stop() == 0, process.said
    assert "degraded" in process.said
    users = {json.loads(event)["user_id"].encode() for event in events}
    assert set(last_lists(broker, names.recommendations)) == users
    assert broker.committed(names.group, names.events) == [300]
