"""A stop while Kafka does not answer, or refuses: one deadline for all of it, and nothing lost."""

from __future__ import annotations

import subprocess

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition

from dataflows.connectors.kafka.assignment.offset_commits import Committer
from dataflows.connectors.kafka.health import Health
from dataflows.lifecycle.deadline import Deadline
from dataflows.state.positions import Progress
from dataflows.state.store import Store
from learners.testing import FakeClock
from tests.dataflows.connectors.kafka.broker import QUIET
from tests.dataflows.connectors.kafka.engine_process import fill, last_lists, shopping
from tests.dataflows.connectors.kafka.flows import until

pytestmark = pytest.mark.kafka

PATIENCE = 60.0
"""Seconds in which a stop must be over: it takes a few, and took minutes with no deadline."""
FLUSH = 2.0
EVENTS = 3000


def test_a_deadline_is_one_for_all_and_begins_with_the_first_wait():
    clock, stopping = FakeClock(100.0), []
    deadline = Deadline(30, lambda: bool(stopping), clock)
    clock.now += 1000
    assert not deadline.is_over, "nobody has asked the process to end"
    stopping.append(True)
    assert not deadline.is_over
    clock.now += 20
    assert deadline.left() == 10
    clock.now += 11
    assert deadline.left() == 0
    assert deadline.is_over


class Refusing:
    """A consumer whose commits are answered by a plan of errors, then taken."""

    def __init__(self, plan: list[int]) -> None:
        self.plan = plan
        self.commits = self.answers = 0
        self.committer: Committer | None = None

    def commit(self, offsets: list[TopicPartition], asynchronous: bool) -> None:
        self.commits += 1

    def poll(self, _seconds: float) -> None:
        assert self.commits <= 5, "it is tried again for ever"
        if self.answers < self.commits:
            self.answers += 1
            error = KafkaError(self.plan.pop(0)) if self.plan else None
            self.committer.answered(error, [])


def finish(plan: list[int]) -> tuple[bool, int]:
    consumer = Refusing(plan)
    consumer.committer = Committer(Progress({0: {"events-0": 7}}), Health("source"))
    consumer.committer.add("events-0", "events", 0)
    return consumer.committer.finish(consumer, 3600), consumer.commits


@pytest.mark.parametrize(
    "code", [KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.UNKNOWN_MEMBER_ID]
)
def test_a_commit_that_is_refused_for_good_is_not_waited_for_and_told(code, caplog):
    assert finish([code] * 100) == (False, 1)
    (told,) = [each for each in caplog.messages if "not those of the state" in each]
    assert KafkaError(code).str() in told


def test_a_commit_that_is_refused_for_now_is_tried_again():
    assert finish([KafkaError.REBALANCE_IN_PROGRESS] * 2) == (True, 3)


def test_a_group_that_is_not_for_us_is_not_waited_for_until_a_commit_is_taken():
    consumer = Refusing([])
    committer = consumer.committer = Committer(Progress({0: {"events-0": 7}}), Health("source"))
    committer.add("events-0", "events", 0)
    committer.tick(consumer)
    committer.barred(KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED))
    assert not committer.finish(consumer, 3600)
    consumer.poll(0)  # the right is given, and the commit that was on its way is taken
    assert committer.finish(consumer, 3600)


def undelivered(folder) -> int:
    store = Store.reader(folder / "state")
    try:
        return sum(1 for _ in store.scan("outbox"))
    finally:
        store.close()


def stop_in_an_outage(broker, make, fail, mend):
    """Break the connection in the midst of a stream, stop, mend it, and read to the end."""
    names = broker.names()
    fill(broker, names, shopping(EVENTS))
    process = make(broker, names, flush_seconds=FLUSH, batch_size=50, degraded_seconds=1)
    # As a command: what is left open is not waited for then, and nothing may be lost by that.
    process.start("-m", "dataflows.cli.main", "run", "--config", str(process.config))
    process.await_learnt(100)
    fail()
    try:
        until(lambda: "degraded" in process.said, "the outage")
        assert stop(process) == 0, process.said
    finally:
        mend()
    assert 100 <= process.learnt_to() <= EVENTS
    assert undelivered(process.folder) > 0
    assert "are kept in the state and sent at the next start" in process.said
    assert "the group's offsets are not those of the state: nobody answered in time" in process.said
    process.start()
    process.await_learnt(EVENTS)
    assert process.stop() == 0
    assert undelivered(process.folder) == 0
    assert process.ledger().as_dict()["learnt"] == EVENTS
    assert broker.committed(names.group, names.events) == [EVENTS]
    assert len(last_lists(broker, names.recommendations)) == 12


def stop(process) -> int:
    process._process.terminate()
    try:
        return process._process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        pytest.fail(f"the stop is not over after {PATIENCE} s: {process.said}")


def test_a_stop_beside_a_frozen_broker(own_broker, penchant):
    stop_in_an_outage(own_broker, penchant, own_broker.freeze, own_broker.thaw)


def test_a_stop_while_cut_off(cut_off, penchant):
    broker, proxy = cut_off
    stop_in_an_outage(broker, penchant, proxy.cut, proxy.heal)


@pytest.mark.apache
@pytest.mark.slow
def test_a_stop_beside_a_dead_node(one_node, penchant):
    (node,) = one_node.nodes

    def mend():
        node.start()
        one_node.await_whole()

    stop_in_an_outage(one_node.broker, penchant, node.kill, mend)


@pytest.mark.apache
@pytest.mark.slow
def test_a_stop_while_another_has_the_group(one_node, penchant):
    """A broker refuses commits under a group that somebody else is a member of."""
    broker = one_node.broker
    names = broker.names()
    fill(broker, names, shopping(100))
    other = Consumer({"bootstrap.servers": broker.servers, "group.id": names.group, **QUIET})
    given: list[TopicPartition] = []
    other.subscribe([names.events], on_assign=lambda _, partitions: given.extend(partitions))
    until(lambda: other.poll(0.1) is not None or given, "the other's partitions")
    process = penchant(broker, names, flush_seconds=600)
    process.start()
    process.await_learnt(100)
    assert stop(process) == 0
    other.close()
    assert undelivered(process.folder) == 0
    assert "not those of the state: that is refused" in process.said
