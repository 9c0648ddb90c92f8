"""What this client may not do is told before it is tried, and so is who is not let in."""

from __future__ import annotations

import logging

import pytest
from confluent_kafka.admin import AclBinding, ResourcePatternType

from dataflows.config.kafka import KafkaSettings
from dataflows.connectors.kafka import permissions
from dataflows.connectors.kafka.client import send
from dataflows.connectors.kafka.permissions import TO_LEARN_FROM, RightsCheck
from dataflows.connectors.kafka.sink import ALWAYS
from dataflows.connectors.kafka.topics import create_topics
from dataflows.errors import InputError
from dataflows.registry.promotions_topic import PromotionsTopic
from tests.dataflows.connectors.kafka.engine_process import fill, shopping
from tests.dataflows.connectors.kafka.flows import PATIENCE, until
from tests.dataflows.connectors.kafka.guest import ALLOW, DENY, DESCRIBE, READ, TOPIC, Guest

pytestmark = pytest.mark.kafka

APACHE = [pytest.mark.apache, pytest.mark.slow]


def apache(test):
    for mark in APACHE:
        test = mark(test)
    return test


@pytest.fixture
def guest(secured_node, monkeypatch):
    # On a busy machine a node's first group takes a while.
    monkeypatch.setattr(permissions, "GROUP_SECONDS", PATIENCE)
    return Guest(secured_node)


@pytest.fixture
def told(caplog):
    """The lines of the check so far."""
    caplog.set_level(logging.INFO)
    return lambda: [
        record.getMessage()
        for record in caplog.records
        if record.name.endswith("kafka.permissions")
    ]


def test_a_broker_that_tells_no_rights_is_believed_to_allow(broker, settings_for, told):
    settings = settings_for(broker, broker.names(), promotions_topic=broker.name("promotions"))
    RightsCheck(settings, writes=ALWAYS).ask()
    # The question makes no topic.
    assert settings.promotions_topic not in broker.admin.list_topics(timeout=60).topics
    if broker.process is None:
        pytest.skip("a broker of somebody's own may tell of rights")
    (line,) = told()
    roles = "events, items, decisions, recommendations, intents, dead-letters"
    assert f"does not tell what this client may do with topics ({roles}) and group" in line


@apache
def test_who_has_all_rights_hears_nothing(guest, told):
    guest.may_all()
    guest.ask()
    assert told() == []


@apache
def test_every_right_that_lacks_is_named_in_one_line_with_its_role(guest, told):
    guest.may_all(but=("events", "decisions", "recommendations", "dead_letters", "group"))
    guest.may(DESCRIBE, "events")
    guest.may(READ, "recommendations")
    guest.may(DESCRIBE, "group")
    names = guest.names
    with pytest.raises(InputError) as raised:
        guest.ask()
    line = str(raised.value)
    assert "\n" not in line
    assert f"READ on the topic '{names.events}' (events)" in line
    assert f"READ (or DESCRIBE) on the topic '{names.decisions}' (decisions)" in line
    assert f"WRITE on the topic '{names.recommendations}' (recommendations)" in line
    assert f"WRITE (or DESCRIBE) on the topic '{names.dead_letters}' (dead-letters)" in line
    assert f"READ on the group '{names.group}'" in line
    assert "kafka.decisions_topic = ''" in line
    for role in ("items", "intents", "promotions"):
        assert f"({role})" not in line
    assert told() == []


@apache
def test_only_what_is_used_is_asked_for(guest, told):
    guest.may(READ, "events")
    guest.may(READ, "items")
    guest.may(READ, "group")
    RightsCheck(KafkaSettings(**guest.kafka()), TO_LEARN_FROM).ask()
    assert told() == []


@apache
def test_describe_alone_denied_is_a_topic_that_cannot_be_used(guest):
    guest.may_all()
    guest.may(DESCRIBE, "items", DENY)
    with pytest.raises(InputError, match=r"READ \(or DESCRIBE\) on the topic '\S+' \(items\);"):
        guest.ask()


@apache
@pytest.mark.parametrize("denied", [(), ("group", "promotions")])
def test_what_can_be_done_without_is_told_and_goes_on(guest, told, denied):
    lacks = ("group", "promotions")
    guest.may_all(but=() if denied else lacks)
    for role in denied:
        guest.may(DESCRIBE, role, DENY)
    guest.ask()
    (line,) = told()
    assert f"READ (or DESCRIBE) on the topic '{guest.promotions}' (promotions)" in line
    assert f"READ (or DESCRIBE) on the group '{guest.names.group}'" in line
    assert line.endswith("it goes on without")


@apache
def test_a_topic_that_is_not_there_is_no_matter_of_rights(guest, told):
    guest.may_all()
    gone = KafkaSettings(**guest.kafka() | {"promotions_topic": guest.broker.name("gone")})
    where = (TOPIC, gone.promotions_topic, ResourcePatternType.LITERAL, f"User:{guest.user}", "*")
    for done in guest.broker.admin.create_acls([AclBinding(*where, READ, ALLOW)]).values():
        done.result(60)
    RightsCheck(gone, writes=ALWAYS).ask()
    assert told() == []


@apache
def test_promotions_that_may_not_be_read_are_no_missing_topic(guest, caplog):
    topic = PromotionsTopic(KafkaSettings(**guest.kafka()))
    why = "cannot be read yet: Broker: Topic authorization failed"
    until(lambda: topic.poll() or why in caplog.text, "a word of it")
    topic.close()
    assert "there is no topic" not in caplog.text


WRONG = {
    "password": {"sasl.password": "mistaken-7"},
    "user": {"sasl.username": "nobody-here"},
    "certificate": {"ssl.ca.location": None},
}
INVALID = "SASL authentication error: Authentication failed during authentication due to invalid"
SAID = {"password": INVALID, "user": INVALID, "certificate": "certificate verify failed"}


@apache
@pytest.mark.parametrize("what", WRONG)
def test_who_is_not_let_in_ends_at_the_start_with_the_reason(guest, penchant, what):
    process = guest.runs(penchant, **WRONG[what])
    process.start()
    assert process.await_end() == 2, process.said
    *before, last = process.said.splitlines()
    assert last.startswith("penchant: Kafka does not let this client in")
    assert SAID[what] in last
    for secret in (guest.password, guest.user, *filter(None, WRONG[what].values())):
        assert secret not in process.said, before
    assert not list((process.folder / "state").glob("shard-*"))


@apache
def test_commands_say_the_reason_too(guest):
    settings = KafkaSettings(**guest.kafka(**WRONG["password"]))
    with pytest.raises(InputError, match=INVALID):
        create_topics(settings)
    with pytest.raises(InputError, match=INVALID):
        send(settings, "decisions", b"{}")


@apache
def test_a_right_that_lacks_ends_the_start_before_anything_is_read(guest, penchant):
    guest.may_all(but=("recommendations",))
    process = guest.runs(penchant)
    process.start()
    assert process.await_end() == 2, process.said
    last = process.said.splitlines()[-1]
    assert f"WRITE (or DESCRIBE) on the topic '{guest.names.recommendations}'" in last


@apache
def test_a_password_changed_while_it_runs_is_an_outage_with_a_reason(guest, penchant):
    guest.may_all()
    fill(guest.broker, guest.names, shopping(50))
    process = guest.runs(penchant, **{"reconnect.backoff.max.ms": 200})
    process.start()
    process.await_learnt(50)
    guest.call_it("another")
    (node,) = guest.cluster.nodes
    node.kill()  # those who are connected need not say their password again
    node.start()
    guest.cluster.await_whole()
    guest.broker.produce(guest.names.events, shopping(80)[50:])
    until(lambda: "Kafka source degraded" in process.said, "the outage")
    until(lambda: f"({guest.cluster.secured_servers}: {INVALID}" in process.said, "its reason")
    guest.call_it(guest.password)
    process.await_learnt(80)
    until(lambda: "Kafka source good again" in process.said, "the end of the outage")
    assert process.stop() == 0, process.said


@apache
def test_without_the_group_it_reads_and_a_stop_waits_for_no_commit(guest, penchant):
    guest.may_all(but=("group",))
    fill(guest.broker, guest.names, shopping(50))
    process = guest.runs(penchant, flush_seconds=600)
    process.start()
    process.await_learnt(50)
    until(lambda: "Group authorization failed" in process.said, "the refusal")
    assert process.stop() == 0, process.said
    assert "READ (or DESCRIBE) on the group" in process.said
    assert "that is refused (FindCoordinator response error: Group authoriz" in process.said


@apache
def test_a_right_taken_away_and_given_back_while_it_runs(guest, penchant):
    guest.may_all()
    fill(guest.broker, guest.names, shopping(50))
    process = guest.runs(penchant)
    process.start()
    process.await_learnt(50)
    guest.loses("events")
    guest.broker.produce(guest.names.events, shopping(80)[50:])
    until(lambda: "Topic authorization failed" in process.said, "the refusal")
    guest.may(READ, "events")
    process.await_learnt(80)
    assert process.stop() == 0, process.said
