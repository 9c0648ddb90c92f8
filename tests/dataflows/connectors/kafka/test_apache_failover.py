"""Three nodes: each leader killed in turn, processes killed among them, an unclean election."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import pytest
from confluent_kafka.admin import NewTopic

from tests.dataflows.connectors.kafka.chaos import Chaos, Stream
from tests.dataflows.connectors.kafka.engine_process import (
    START,
    Penchant,
    fill,
    last_lists,
    shopping,
)
from tests.dataflows.connectors.kafka.feeder import (
    USERS,
    Feeder,
    event,
    histories,
    learnt,
    learnt_order,
    newest_lists,
    numbers_in,
    numbers_of,
    put,
    records,
)
from tests.dataflows.connectors.kafka.flows import until
from tests.dataflows.connectors.kafka.test_kafka_made_anew import OTHER_LOG, fresh, learn, stored
from tests.dataflows.connectors.kafka.test_kafka_transactions import in_transaction

pytestmark = [
    *(pytest.mark.kafka, pytest.mark.apache, pytest.mark.slow),
    pytest.mark.usefixtures("whole_again"),
]

APART = ("outbox:next", "log")
"""Record kinds that tell how often it was started, and the broker's ids, not what was learnt."""
SEED = 16
FAULTS = 20
PARTITIONS = 8
BACKLOG = 2_000
EACH = 300


def stopped_when_all_is_learnt(process, names, counts):
    """Wait until as many events of each partition are learnt, stop, and look at the ledger."""
    # A producer that lost its broker may put one again that the broker had: it is learnt once.
    ends = process._broker.ends(names.events, len(counts))
    before, count = -1, sum(ends)
    while before < count:  # as long as it goes on, however busy the machine

        def has_moved(at=before):
            assert process._process.poll() is None, process.said
            return learnt(process.folder, names.events, len(counts)) > at

        until(has_moved, f"more than {before} of {count} events")
        before = learnt(process.folder, names.events, len(counts))
    assert process.stop() == 0, process.said
    ledger = process.ledger()
    ledger.balance()
    became = ledger.as_dict()["partitions"]
    of_events = [became[f"{names.events}-{number}"] for number in range(len(counts))]
    assert [one["in"] for one in of_events] == ends
    assert [one["learnt"] for one in of_events] == counts
    assert "Traceback" not in process.said


def test_of_three_nodes_another_leads_when_the_leader_is_killed(three_nodes):
    broker = three_nodes.broker
    topic = broker.create(broker.name("events"))
    broker.produce(topic, [b"one"])
    first = three_nodes.leader(topic)
    first.kill()
    assert three_nodes.leader(topic) is not first
    broker.produce(topic, [b"two"])
    first.start()
    three_nodes.await_whole()
    three_nodes.await_in_sync(topic)
    assert [value for _, value in broker.read(topic)] == [b"one", b"two"]


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
    Chaos(three_nodes, [Stream(process, names.events)], SEED).kill_all()
    count = feeder.end()
    assert len({value for _, value in broker.read(names.events)}) == count
    stopped_when_all_is_learnt(process, names, [count])
    assert set(last_lists(broker, names.recommendations)) == {b"u%d" % n for n in range(USERS)}
    assert broker.committed(names.group, names.events) == broker.ends(names.events)


@pytest.fixture(scope="module")
def runs(three_nodes, tmp_path_factory):
    """Two that go through twenty faults together: one of one partition, and one of eight.

    By number of partitions; the processes still run, and the feeders have ended.
    """
    broker, made = three_nodes.broker, {}
    for partitions in (1, PARTITIONS):
        names = broker.names()
        names.events = broker.create(broker.name("events"), partitions)
        fill(broker, names, [])
        process = Penchant(tmp_path_factory.mktemp("chaos"), broker, names)
        process.start()
        feeder = Feeder(broker.servers, names.events, partitions, rate=50)
        made[partitions] = SimpleNamespace(names=names, process=process, feeder=feeder)
    try:
        streams = [Stream(run.process, run.names.events, count) for count, run in made.items()]
        Chaos(three_nodes, streams, SEED).go_through(FAULTS)
        for run in made.values():
            run.feeder.end()
        yield made
    finally:
        for run in made.values():
            run.feeder.stop()
            if run.process._process.poll() is None:
                run.process.kill()


def test_after_twenty_faults_it_has_learnt_what_an_unbroken_run_learns(three_nodes, penchant, runs):
    broker, run = three_nodes.broker, runs[1]
    stopped_when_all_is_learnt(run.process, run.names, run.feeder.each)
    names = broker.names()
    fill(broker, names, [])
    broker.produce(names.events, [value for _, value in broker.read(run.names.events)])
    unbroken = penchant(broker, names, "unbroken")
    unbroken.start()
    stopped_when_all_is_learnt(unbroken, names, run.feeder.each)
    found = records(run.process.folder, run.names, APART)
    expected = records(unbroken.folder, names, APART)
    assert {key for key in found.keys() | expected if found.get(key) != expected.get(key)} == set()
    for role in ("recommendations", "intents"):
        assert newest(broker, run.names, role) == newest(broker, names, role)


def newest(broker, names, role):
    """Each user's newest list, with the events topic's own name taken out."""
    lists = newest_lists(broker, getattr(names, role))
    assert len(lists) == USERS
    named = {key.decode(): message for key, message in sorted(lists.items())}
    return json.loads(json.dumps(named).replace(names.events, "events"))


def test_after_the_same_faults_each_user_of_eight_partitions_is_learnt_in_order(three_nodes, runs):
    """Then a backlog: of it no event is learnt more than a second after a newer one.

    That is asserted from the last start on, with all nodes up, for what was put while the
    process was stopped. One event in a second of event time, over all partitions.
    """
    broker, run = three_nodes.broker, runs[PARTITIONS]
    process, names, count = run.process, run.names, run.feeder.sent
    stopped_when_all_is_learnt(process, names, run.feeder.each)
    assert newest_lists(broker, names.recommendations).keys() == {b"u%d" % n for n in range(USERS)}
    put(broker, names.events, range(count, count + BACKLOG), PARTITIONS)
    # Waited for however busy the machine is; cut so small that most events have a list.
    process.configure(batch_size=20, prefetch_messages=800, merge_seconds=600)
    process.start()
    expected = numbers_of(count + BACKLOG, PARTITIONS)
    stopped_when_all_is_learnt(process, names, [len(each) for each in expected])
    each_user_is_learnt_in_order(process, count + BACKLOG)
    numbers = numbers_in(broker, names.events, PARTITIONS)
    assert [sorted(set(each)) for each in numbers] == expected
    order = [(where, numbers[where][at]) for where, at in learnt_order(broker, names)]
    order = [(partition, number) for partition, number in order if number >= count]
    assert len(order) > BACKLOG / 4
    newest_of = dict.fromkeys(range(PARTITIONS), count)
    for partition, at in order:
        assert at >= max(each for other, each in newest_of.items() if other != partition) - 1
        newest_of[partition] = at
    assert min(newest_of.values()) > count + BACKLOG / 2, "each partition is among them"


def each_user_is_learnt_in_order(process, count):
    expected: dict[str, list[float]] = {}
    for number in range(count):
        expected.setdefault(str(event(number)["user_id"]), []).append(float(START + number))
    found = histories(process.folder)
    assert found.keys() == expected.keys()
    for user_id, (length, newest) in found.items():
        assert length == len(expected[user_id])
        assert newest == expected[user_id][-len(newest) :]


@pytest.mark.parametrize("fail", ["kill", "freeze"])
def test_a_leader_that_does_not_answer_is_waited_for_a_while_and_the_rest_goes_on(
    three_nodes, merged, fail
):
    """Each node leads a partition that it alone has, and one of them is gone."""
    broker, lost = three_nodes.broker, three_nodes.nodes[1]
    names = broker.names()
    names.events = broker.name("events")
    least = {"min.insync.replicas": "1"}
    alone = NewTopic(names.events, 3, replica_assignment=[[0], [1], [2]], config=least)
    broker.admin.create_topics([alone])[names.events].result(60)
    assert [three_nodes.leader(names.events, n) for n in range(3)] == three_nodes.nodes
    for first in range(0, EACH, 10):  # in small pieces, so that no answer brings all of it
        for n in range(3):
            times = [START + 10 * place + n for place in range(first, first + 10)]
            values = [json.dumps(event(0) | {"event_id": f"{t}", "ts": t}).encode() for t in times]
            broker.produce(names.events, values, partition=n)
    small = {"fetch.message.max.bytes": 4_000}
    source = merged(broker, names, prefetch_messages=90, merge_seconds=1, consumer=small)
    found = []

    def goes_on_to(count, partitions):
        found.extend((int(one.raw.partition[-1]), one.one.ts) for one in source.take() if one.one)
        return sum(n in partitions for n, _ in found) >= count

    until(lambda: goes_on_to(30, range(3)), "the first")
    getattr(lost, fail)()
    try:
        until(lambda: goes_on_to(2 * EACH, (0, 2)), "the rest")
        assert source.health.counts["not_waited_for"] > 0
        assert sum(n == 1 for n, _ in found) < EACH
    finally:
        lost.start() if fail == "kill" else lost.thaw()
        three_nodes.await_whole()
    until(lambda: goes_on_to(3 * EACH, range(3)), "what the lost one has")
    for n in range(3):
        assert [ts for at, ts in found if at == n] == [START + 10 * p + n for p in range(EACH)]


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
    assert process.await_end() == 2, process.said
    first.start()
    three_nodes.await_whole()
    last = process.said.splitlines()[-1]
    assert re.search(rf"{names.events}-0.*offset \d+", last), process.said
    assert "Traceback" not in process.said


def test_a_transaction_that_another_leader_ended_is_no_other_log(three_nodes, penchant):
    """Its leader is killed before the commit, so that the marker is of a newer epoch."""
    broker = three_nodes.broker
    names = broker.names()
    fill(broker, names, [])
    process = penchant(broker, names)
    process.start()
    first = three_nodes.leader(names.events)

    def led_by_another():
        first.kill()
        assert three_nodes.leader(names.events) is not first

    in_transaction(broker, names.events, shopping(20), led_by_another)
    process.await_learnt(21)
    assert process.stop() == 0, process.said
    first.start()
    three_nodes.await_whole()
    three_nodes.await_in_sync(names.events)
    known = stored(process)[1][f"{names.events}-0"]
    assert known.epoch == -1
    assert known.last.offset == 19
    broker.produce(names.events, [fresh(event) for event in shopping(5, seed=2)])
    learn(process, 26)
    known = stored(process)[1][f"{names.events}-0"]
    assert known.epoch > 0
    assert known.last.offset == 25
    three_nodes.leader(names.events).kill()
    broker.produce(names.events, [fresh(event, b"m") for event in shopping(5, seed=3)])
    learn(process, 31)  # the last record was of a leader that is gone
    for node in three_nodes.nodes:
        if not node.is_running:
            node.start()
    three_nodes.await_whole()
    assert not OTHER_LOG.search(process.said), process.said
    assert process.ledger().balance() == 30
