"""Logs that were cut before the position and have grown past it again, on Apache Kafka."""

from __future__ import annotations

import shutil
import signal

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import NewTopic

from tests.dataflows.connectors.kafka.engine_process import fill, shopping
from tests.dataflows.connectors.kafka.flows import until
from tests.dataflows.connectors.kafka.test_kafka_made_anew import OTHER_LOG, fresh, learn, stored

pytestmark = [
    *(pytest.mark.kafka, pytest.mark.apache, pytest.mark.slow),
    pytest.mark.usefixtures("whole_again"),
]


@pytest.mark.parametrize("policy", ["stop", "anew"])
def test_a_broker_that_comes_back_with_an_older_disk(one_node, penchant, policy):
    broker, (node,) = one_node.broker, one_node.nodes
    names = broker.names()
    events = shopping(150)
    fill(broker, names, events[:100])
    node.stop()
    older = node.folder / "older"
    shutil.copytree(node.folder / "data", older)
    node.start()
    one_node.await_whole()
    broker.produce(names.events, events[100:])
    process = penchant(broker, names, lost_log=policy)
    learn(process, 150)
    _, ids = stored(process)
    node.stop()
    shutil.rmtree(node.folder / "data")
    older.rename(node.folder / "data")
    node.start()
    one_node.await_whole()
    new = [fresh(event) for event in shopping(100, seed=2)]
    broker.produce(names.events, new)
    process.start()
    if policy == "stop":
        assert process.await_end() == 2
        last = process.said.strip().splitlines()[-1]
        assert f"{names.events}-0 was cut before offset 150" in last
        assert "kafka.lost_log" in last
        return
    anew = f"{names.events}-0#2"
    until(lambda: stored(process)[0].get(anew) == 200, "all of what there is")
    assert process.stop() == 0, process.said
    assert stored(process)[1][anew].topic == ids[f"{names.events}-0"].topic, "ids tell nothing"
    page = process.ledger().as_dict()["partitions"][anew]
    assert (page["in"], page["duplicate"], page["learnt"]) == (200, 100, 100)


@pytest.mark.parametrize("is_running", [False, True])
def test_after_an_unclean_election_whose_log_has_grown_past_the_position(
    three_nodes, penchant, is_running
):
    """The second copy is behind when the first one dies, leads, and is written to."""
    broker = three_nodes.broker
    names = broker.names()
    names.events = broker.name("events")
    lossy = {"unclean.leader.election.enable": "true", "min.insync.replicas": "1"}
    topic = NewTopic(names.events, 1, replica_assignment=[[0, 1]], config=lossy)
    broker.admin.create_topics([topic])[names.events].result(60)
    first, second = three_nodes.nodes[:2]
    fill(broker, names, shopping(50))
    three_nodes.await_in_sync(names.events)
    second.kill()
    broker.produce(names.events, [fresh(event) for event in shopping(50, seed=2)])
    process = penchant(broker, names)
    process.start()
    process.await_learnt(100)
    if is_running:
        process._process.send_signal(signal.SIGSTOP)  # what comes to pass meanwhile is not seen
    else:
        assert process.stop() == 0, process.said
    first.kill()
    second.start()
    assert three_nodes.leader(names.events) is second
    broker.produce(names.events, [fresh(event, b"m") for event in shopping(90, seed=3)])
    if is_running:
        process._process.send_signal(signal.SIGCONT)
    else:
        process.start()
    assert process.await_end() == 2, process.said
    first.start()
    three_nodes.await_whole()
    assert f"{names.events}-0 was cut before offset 100" in process.said.splitlines()[-1]
    assert "Traceback" not in process.said


def test_where_the_record_before_the_position_was_deleted_nothing_is_told(one_node, penchant):
    broker = one_node.broker
    names = broker.names()
    fill(broker, names, shopping(100))
    process = penchant(broker, names)
    learn(process, 100)
    gone = TopicPartition(names.events, 0, 100)
    broker.admin.delete_records([gone])[gone].result(60)
    broker.produce(names.events, [fresh(event) for event in shopping(10, seed=2)])
    learn(process, 110)
    assert not OTHER_LOG.search(process.said), process.said
    assert process.ledger().balance() == 110
