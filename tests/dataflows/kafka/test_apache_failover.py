"""Three nodes: each leader killed in turn, processes killed among them, an unclean election."""

from __future__ import annotations

import json
import re

import pytest
from confluent_kafka.admin import NewTopic

from tests.dataflows.kafka.chaos import Chaos
from tests.dataflows.kafka.engine_process import fill, last_lists
from tests.dataflows.kafka.feeder import USERS, Feeder, learnt, newest_lists, put_again, records
from tests.dataflows.kafka.flows import until

pytestmark = [pytest.mark.kafka, pytest.mark.apache, pytest.mark.slow]

APART = ("outbox:next", "log")
"""Record kinds that tell how often it was started, and the broker's ids, not what was learnt."""
SEED = 16
FAULTS = 20


def stopped_when_all_is_learnt(process, names, count, partitions=1):
    before = -1
    while before < count:  # as long as it goes on, however busy the machine

        def has_moved(at=before):
            assert process._process.poll() is None, process.said
            return learnt(process.folder, names.events, partitions) > at

        until(has_moved, f"more than {before} of {count} events")
        before = learnt(process.folder, names.events, partitions)
    assert process.stop() == 0, process.said
    ledger = process.ledger()
    ledger.balance()
    became = ledger.as_dict()["partitions"]
    of_events = [became[f"{names.events}-{number}"] for number in range(partitions)]
    assert sum(one["in"] for one in of_events) == count
    assert sum(one["learnt"] for one in of_events) == count
    assert "Traceback" not in process.said


def test_each_leader_is_killed_in_turn_while_events_flow(three_nodes, penchant):
    broker = three_nodes.broker
    names = broker.names()
    fill(broker, names, [])
    process = penchant(broker, names)
    process.start()
    feeder = Feeder(broker.servers, names.events)
    process.await_learnt(1)
    for _ in range(3):
        leader = three_nodes.leader(names.events)
        leader.kill()
        assert three_nodes.leader(names.events) is not leader
        leader.start()
        three_nodes.await_whole()
        three_nodes.await_in_sync(names.events)
    Chaos(three_nodes, process, names.events, SEED).kill_all()
    count = feeder.end()
    assert len(broker.read(names.events)) == count
    stopped_when_all_is_learnt(process, names, count)
    assert set(last_lists(broker, names.recommendations)) == {b"u%d" % n for n in range(USERS)}
    assert broker.committed(names.group, names.events) == [count]


def test_after_twenty_faults_it_has_learnt_what_an_unbroken_run_learns(three_nodes, penchant):
    broker = three_nodes.broker
    names, unbroken_names = broker.names(), broker.names()
    fill(broker, names, [])
    process = penchant(broker, names)
    process.start()
    feeder = Feeder(broker.servers, names.events, rate=50)
    chaos = Chaos(three_nodes, process, names.events, SEED)
    chaos.go_through(FAULTS)
    count = feeder.end()
    stopped_when_all_is_learnt(process, names, count)

    fill(broker, unbroken_names, [])
    put_again(broker, unbroken_names.events, count)
    unbroken = penchant(broker, unbroken_names, "unbroken")
    unbroken.start()
    stopped_when_all_is_learnt(unbroken, unbroken_names, count)
    found = records(process.folder, names, APART)
    expected = records(unbroken.folder, unbroken_names, APART)
    assert {key for key in found.keys() | expected if found.get(key) != expected.get(key)} == set()
    for role in ("recommendations", "intents"):
        lists, wanted = (newest(broker, one, role) for one in (names, unbroken_names))
        assert lists == wanted


def newest(broker, names, role):
    """Each user's newest list, with the events topic's own name taken out."""
    lists = newest_lists(broker, getattr(names, role))
    assert len(lists) == USERS
    named = {key.decode(): message for key, message in sorted(lists.items())}
    return json.loads(json.dumps(named).replace(names.events, "events"))


def test_after_an_unclean_election_it_ends_with_what_was_lost(three_nodes, penchant):
    """The second copy is behind when the first one dies, and leads all the same."""
    broker = three_nodes.broker
    names = broker.names()
    names.events = broker.name("events")
    lossy = {"unclean.leader.election.enable": "true", "min.insync.replicas": "1"}
    topic = NewTopic(names.events, 1, replica_assignment=[[0, 1]], config=lossy)
    broker.admin.create_topics([topic])[names.events].result(60)
    fill(broker, names, [])
    first, second = three_nodes.nodes[:2]
    feeder = Feeder(broker.servers, names.events)
    until(lambda: feeder.sent > 100)
    second.kill()
    until(lambda: feeder.sent > 1000)
    count = feeder.end()
    process = penchant(broker, names)
    process.start()
    process.await_learnt(count)
    first.kill()
    second.start()
    assert three_nodes.leader(names.events) is second
    assert process._process.wait(120) == 2, process.said
    first.start()
    three_nodes.await_whole()
    last = process.said.splitlines()[-1]
    assert re.search(rf"{names.events}-0.*offset \d+", last), process.said
    assert "Traceback" not in process.said
