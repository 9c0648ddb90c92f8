"""One record to one topic, delivered or an error: for commands, not for the flow."""

from __future__ import annotations

import time

from confluent_kafka import KafkaError, Message

from dataflows.config.kafka import KafkaSettings
from dataflows.connectors.kafka.client import make_producer, unreachable
from dataflows.connectors.kafka.health import Health
from dataflows.connectors.kafka.refusals import POLL_SECONDS, end_if_refused
from dataflows.errors import InputError


def send(settings: KafkaSettings, role: str, value: bytes, key: bytes | None = None) -> None:
    """Send a record to the topic of a role. Raises InputError where it is not delivered."""
    failed: list[KafkaError] = []

    def delivered(error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            failed.append(error)

    health = Health("producer")
    producer = make_producer(settings, health)
    producer.produce(settings.topic(role), value, key, on_delivery=delivered)
    deadline = time.monotonic() + settings.start_seconds
    while producer.flush(POLL_SECONDS) and time.monotonic() < deadline:
        end_if_refused(producer, settings, health.refusals)
    if len(producer):
        failed.append(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - librdkafka names it so
    if failed:
        raise _not_taken(settings, role, failed[0], health.refusals.last)


def _not_taken(
    settings: KafkaSettings, role: str, error: KafkaError, heard: str | None
) -> InputError:
    if error.code() in {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    }:
        return InputError(
            f"Kafka at {settings.bootstrap_servers} does not let this client write to the topic "
            f"{settings.topic(role)!r} ({error.str()}); only who may write there can do this"
        )
    return unreachable(settings, error, heard)
