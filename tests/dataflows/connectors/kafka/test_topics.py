from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from confluent_kafka import KafkaError

from dataflows.config.kafka import KafkaSettings
from dataflows.connectors.kafka import client, topics
from dataflows.connectors.kafka.client import make_admin
from dataflows.connectors.kafka.topics import create_topics, wanted_config
from dataflows.errors import InputError

COMPACTED = {"items", "recommendations", "intents", "promotions", "narratives"}


def test_what_is_kept_for_good_is_compacted_and_the_rest_has_a_retention():
    settings = KafkaSettings(events_retention_hours=2, dead_letters_retention_hours=0.5)
    for role in settings.topics():
        config = wanted_config(settings, role)
        assert config["cleanup.policy"] == ("compact" if role in COMPACTED else "delete")
        assert ("retention.ms" in config) == (role not in COMPACTED)
    assert wanted_config(settings, "events")["retention.ms"] == "7200000"
    assert wanted_config(settings, "dead-letters")["retention.ms"] == "1800000"
    assert wanted_config(settings, "decisions")["retention.ms"] == "-1", "kept for ever"


def test_a_topic_takes_what_we_send():
    assert "max.message.bytes" not in wanted_config(KafkaSettings(), "intents")
    big = wanted_config(KafkaSettings(message_max_bytes=5_000_000), "intents")
    assert int(big["max.message.bytes"]) > 5_000_000


@pytest.fixture
def fresh(broker):
    roles = ("events", "items", "recommendations", "intents", "dead_letters")
    roles += ("promotions", "narratives", "decisions")
    return KafkaSettings(
        bootstrap_servers=broker.servers,
        partitions=2,
        **{f"{role}_topic": broker.name(role) for role in roles},
    )


@pytest.mark.kafka
def test_creating_twice_does_no_harm(broker, fresh):
    reports = create_topics(fresh)
    assert [report.outcome for report in reports] == ["created"] * 8
    assert [report.role for report in reports] == list(fresh.topics())
    told = broker.admin.list_topics(timeout=60).topics
    counts = {role: len(told[topic].partitions) for role, topic in fresh.topics().items()}
    assert counts.pop("decisions") == 1, "their order counts"
    assert set(counts.values()) == {2}
    again = create_topics(fresh)
    assert [report.outcome for report in again] == ["exists"] * 8
    assert not any(report.differences for report in again)


@pytest.mark.kafka
def test_an_existing_topic_with_other_settings_is_told_and_left_alone(broker, fresh):
    create_topics(fresh)
    swapped = msgspec.structs.replace(
        fresh,
        events_topic=fresh.items_topic,
        items_topic=fresh.events_topic,
        recommendations_topic=broker.name("new"),
    )
    events, items, recommendations, *_ = create_topics(swapped)
    assert recommendations.outcome == "created"
    assert (events.outcome, items.outcome) == ("differs", "differs")
    assert "cleanup.policy is compact, wanted is delete" in events.differences
    assert "cleanup.policy is delete, wanted is compact" in items.differences
    assert [report.outcome for report in create_topics(fresh)[:2]] == ["exists", "exists"]


class Hesitant:
    """A client that is told of a topic at the third question only, as by a broker that lags."""

    def __init__(self, admin):
        self._admin, self.asked = admin, Counter()

    def __getattr__(self, name):
        return getattr(self._admin, name)

    def list_topics(self, topic, timeout):
        self.asked[topic] += 1
        known = self._admin.list_topics(topic, timeout=timeout)
        if self.asked[topic] < 3:
            known.topics[topic].error = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)
        return known


@pytest.mark.kafka
def test_what_was_made_is_told_of_once_it_is_said_to_be_made(broker, fresh, monkeypatch):
    made = []

    def make(settings, health):
        made.append(Hesitant(make_admin(settings, health)))
        return made[-1]

    monkeypatch.setattr(topics, "make_admin", make)
    monkeypatch.setattr(client, "RETRY_SECONDS", 0.0)
    assert [report.outcome for report in create_topics(fresh)] == ["created"] * 8
    assert made[0].asked.keys() == set(fresh.topics().values())
    assert min(made[0].asked.values()) >= 3, "a broker that lags is asked once more"


def test_a_broker_that_is_not_there_is_said_in_one_line():
    nowhere = KafkaSettings(bootstrap_servers="127.0.0.1:1", start_seconds=0.5)
    with pytest.raises(InputError, match=r"127\.0\.0\.1:1 did not answer within 0\.5 s") as raised:
        create_topics(nowhere)
    assert "\n" not in str(raised.value)
