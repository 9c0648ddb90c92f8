"""Topics that are not the ones that were read, on Apache Kafka: told, or read anew by policy."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from confluent_kafka import KafkaException

from dataflows.engine.status.progress import read_positions
from dataflows.messages.log_ids import KIND
from dataflows.messages.raw import LogId
from dataflows.state.origins import read_origins
from dataflows.state.store import Store
from tests.dataflows.connectors.kafka.broker import Broker
from tests.dataflows.connectors.kafka.engine_process import fill, last_lists, shopping
from tests.dataflows.connectors.kafka.flows import until
from tests.dataflows.connectors.kafka.test_kafka_transactions import in_transaction

pytestmark = [
    *(pytest.mark.kafka, pytest.mark.apache, pytest.mark.slow),
    pytest.mark.usefixtures("whole_again"),
]

OTHER_LOG = re.compile(r"was cut before|ends at offset|is not what|jumped|read_anew|Traceback")
"""Words that are said of a log that is not the one that was read. (Micro-batches are cut too.)"""


def make_anew(broker, topic, partitions=1):
    """Delete a topic and make it again; its name is refused for some seconds."""
    broker.admin.delete_topics([topic])[topic].result(60)

    def is_made():
        try:
            broker.create(topic, partitions)
        except KafkaException:
            return False
        return True

    until(is_made, "the topic")


def fresh(event, word=b"n"):
    """The event under another id."""
    return event.replace(b': "e', b': "' + word)


def stored(process):
    """Positions and ids by partition."""
    store = Store.reader(process.folder / "state")
    try:
        return read_positions(store), read_origins(store, KIND, LogId)
    finally:
        store.close()


def learn(process, position):
    process.start()
    process.await_learnt(position)
    assert process.stop() == 0, process.said


def sequences(broker, topic):
    return {key: json.loads(value)["sequence"] for key, value in broker.read(topic)}


def test_a_topic_made_anew_and_grown_past_the_position_is_told(one_node, penchant):
    broker = one_node.broker
    names = broker.names()
    fill(broker, names, shopping(100))
    process = penchant(broker, names)
    learn(process, 100)
    _, ids = stored(process)
    assert ids[f"{names.events}-0"].topic
    assert ids[f"{names.events}-0"].epoch >= 0
    make_anew(broker, names.events)
    broker.produce(names.events, shopping(180, seed=2))
    process.start()
    assert process.await_end() == 2
    last = process.said.strip().splitlines()[-1]
    assert f"{names.events}-0 is not what the state has read" in last
    assert "kafka.lost_log" in last
    assert stored(process)[0][f"{names.events}-0"] == 100


def test_by_policy_it_is_read_anew_and_every_list_is_sent_again(one_node, penchant):
    broker = one_node.broker
    names = broker.names()
    events = shopping(100)
    fill(broker, names, events)
    process = penchant(broker, names)
    learn(process, 100)
    before = last_lists(broker, names.recommendations)
    make_anew(broker, names.events)
    make_anew(broker, names.recommendations)
    new = [fresh(event) for event in shopping(80, users=3, seed=2)]
    broker.produce(names.events, [*events[50:], *new])  # 50 whose ids are remembered
    process.configure(lost_log="anew")
    process.start()
    anew = f"{names.events}-0#2"
    until(lambda: stored(process)[0].get(anew) == 130, "all of the new topic")
    until(lambda: set(sequences(broker, names.recommendations)) == set(before), "every list")
    assert process.stop() == 0, process.said
    assert broker.committed(names.group, names.events) == [130]
    positions, ids = stored(process)
    assert positions[f"{names.events}-0"] == 100
    assert ids[anew].topic != ids[f"{names.events}-0"].topic
    ledger = process.ledger()
    assert ledger.balance() == 230
    page = ledger.as_dict()["partitions"][anew]
    assert page["in"] == 130
    assert page["duplicate"] == 50, page
    after = last_lists(broker, names.recommendations)
    for user, message in before.items():
        assert after[user]["sequence"] >= message["sequence"]
    learnt = process.learnt_to()
    process.start()  # and once more, from where it is
    broker.produce(names.events, [fresh(event, b"m") for event in shopping(10, seed=3)])
    until(lambda: stored(process)[0][anew] == 140, "what came after")
    assert process.stop() == 0, process.said
    assert process.learnt_to() == learnt
    assert process.said.count("is not what the state has read") == 1


@pytest.mark.parametrize("policy", ["stop", "anew"])
def test_a_topic_made_anew_while_it_runs(one_node, penchant, policy):
    broker = one_node.broker
    names = broker.names()
    fill(broker, names, shopping(100))
    process = penchant(broker, names, lost_log=policy)
    process.start()
    process.await_learnt(100)
    make_anew(broker, names.events)
    new = [fresh(event) for event in shopping(120, seed=2)]
    broker.produce(names.events, new)
    if policy == "stop":
        assert process.await_end() == 2
        assert "is not what the state has read" in process.said.strip().splitlines()[-1]
        return
    until(lambda: stored(process)[0].get(f"{names.events}-0#2") == 120, "all of the new topic")
    assert process.stop() == 0, process.said
    # What the client read before it was noticed comes again, and is known by its ids.
    assert process.ledger().as_dict()["learnt"] == 220
    assert process.ledger().balance() >= 220


def test_partitions_with_a_backlog_that_are_replaced_while_they_are_merged(one_node, penchant):
    broker = one_node.broker
    names = broker.names(partitions=2)
    fill(broker, names, [])
    backlog = shopping(6000)
    for partition in range(2):
        broker.produce(names.events, backlog[partition::2], partition=partition)
    process = penchant(broker, names, lost_log="anew")
    process.start()
    process.await_learnt(1)
    make_anew(broker, names.events, partitions=2)
    new = [fresh(event) for event in shopping(200, seed=2)]
    for partition in range(2):
        broker.produce(names.events, new[partition::2], partition=partition)
    old, anew = ([f"{names.events}-{n}{word}" for n in range(2)] for word in ("", "#2"))
    until(lambda: all(stored(process)[0].get(name) == 100 for name in anew), "the new topic")
    assert process.stop() == 0, process.said
    positions = stored(process)[0]
    became = process.ledger().as_dict()["partitions"]
    for name in anew:
        assert became[name]["in"] == became[name]["learnt"] + became[name]["duplicate"] == 100
    for name in old:
        assert became[name]["in"] == positions[name] > 0, "each of them once, and none between"
    assert "Traceback" not in process.said


def test_a_transaction_that_another_leader_ended_tells_nothing(one_node, penchant):
    broker, (node,) = one_node.broker, one_node.nodes
    names = broker.names()
    fill(broker, names, [])
    process = penchant(broker, names)
    process.start()
    in_transaction(broker, names.events, shopping(20), lambda: restarted(one_node, node))
    process.await_learnt(21)
    assert process.stop() == 0, process.said
    assert stored(process)[1][f"{names.events}-0"].epoch == -1
    broker.produce(names.events, [fresh(event) for event in shopping(5)])
    learn(process, 26)
    assert stored(process)[1][f"{names.events}-0"].epoch > 0
    broker.produce(names.events, [fresh(event, b"m") for event in shopping(1)])
    learn(process, 27)
    assert not OTHER_LOG.search(process.said), process.said


def restarted(cluster, node):
    node.kill()
    node.start()
    cluster.await_whole()


def test_a_state_without_ids_is_compared_with_nothing_and_has_them_from_then_on(one_node, penchant):
    broker = one_node.broker
    names = broker.names()
    fill(broker, names, shopping(100))
    process = penchant(broker, names)
    learn(process, 100)
    store = Store.open(process.folder / "state", identity={})
    store.commit([(KIND, key, None) for key, _ in store.scan(KIND)])
    store.close()
    make_anew(broker, names.events)
    broker.produce(names.events, shopping(180, seed=2))
    process.start()
    process.await_learnt(180)
    assert process.stop() == 0, process.said
    assert process.said.count("the state knows no ids of its topics yet") == 1
    assert stored(process)[1][f"{names.events}-0"].topic
    make_anew(broker, names.events)
    broker.produce(names.events, shopping(200, seed=3))
    process.start()
    assert process.await_end() == 2


@pytest.mark.parametrize("policy", ["stop", "anew"])
def test_a_broker_that_comes_back_empty(one_node, penchant, policy):
    broker, (node,) = one_node.broker, one_node.nodes
    names = broker.names()
    fill(broker, names, shopping(100))
    process = penchant(broker, names, lost_log=policy)
    process.start()
    process.await_learnt(100)
    users = {json.loads(event)["user_id"].encode() for event in shopping(100)}
    node.kill()
    shutil.rmtree(node.folder / "data")
    node.format("a" * 21 + "A", {})
    node.start()
    one_node.await_whole()
    empty = Broker(broker.servers, None)
    for topic in vars(names).values():
        if topic != names.group:
            empty.create(topic)
    if policy == "stop":
        assert process.await_end() == 2
        assert "the cluster was made anew" in process.said.strip().splitlines()[-1]
        return
    new = [fresh(event) for event in shopping(30, users=2, seed=2)]
    empty.produce(names.events, new)
    until(lambda: stored(process)[0].get(f"{names.events}-0#2") == 30, "all of the new topic")
    until(lambda: set(sequences(empty, names.recommendations)) == users, "every list")
    assert process.stop() == 0, process.said
    assert empty.committed(names.group, names.events) == [30]
