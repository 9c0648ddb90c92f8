from __future__ import annotations

import msgspec
import pytest

from dataflows.config.kafka import OURS, KafkaSettings
from dataflows.connectors.kafka.client import consumer_options, producer_options
from dataflows.connectors.kafka.health import Health


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"batch_size": 0}, ["batch_size", "1"]),
        ({"message_max_bytes": 10}, ["message_max_bytes", "1000"]),
        ({"group_id": "  "}, ["group_id", "empty"]),
        ({"events_topic": ""}, ["events", "empty"]),
        ({"events_topic": "items"}, ["events", "items", "share"]),
        ({"producer": {"acks": "1"}}, ["kafka.producer", "acks"]),
        ({"client": {"group.id": "x"}}, ["kafka.client", "group.id"]),
        ({"auto_offset_reset": "newest"}, ["newest"]),
        ({"no_such": 1}, ["no_such"]),
    ],
)
def test_a_bad_setting_is_refused_with_its_name_and_value(given, words):
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.convert(given, KafkaSettings)
    assert all(word in str(raised.value) for word in words)


def test_items_can_be_switched_off():
    assert "items" not in KafkaSettings(items_topic="").topics()
    assert KafkaSettings(items_topic="catalogue").topic("items") == "catalogue"


def test_handed_through_options_reach_their_client_and_no_other():
    settings = KafkaSettings(
        client={"sasl.username": "u", "socket.timeout.ms": 7000},
        consumer={"fetch.wait.max.ms": 5},
        producer={"linger.ms": 50, "compression.codec": "zstd"},
    )
    consumer = consumer_options(settings, Health("source"))
    producer = producer_options(settings, Health("sink"))
    assert consumer["sasl.username"] == producer["sasl.username"] == "u"
    assert consumer["socket.timeout.ms"] == producer["socket.timeout.ms"] == 7000
    assert consumer["fetch.wait.max.ms"] == 5
    assert "fetch.wait.max.ms" not in producer
    assert producer["linger.ms"] == 50
    assert "compression.codec" not in consumer


def test_what_the_promises_rest_on_is_set():
    consumer = consumer_options(KafkaSettings(), Health("source"))
    producer = producer_options(KafkaSettings(), Health("sink"))
    assert consumer["enable.auto.commit"] is False
    assert consumer["auto.offset.reset"] == "error"
    assert producer["enable.idempotence"] is True
    assert producer["acks"] == "all"
    assert producer["message.timeout.ms"] == 0
    assert {"acks", "enable.idempotence", "message.timeout.ms", "auto.offset.reset"} <= OURS
