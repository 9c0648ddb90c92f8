"""Makes the topics with the settings they need, and tells where an existing one differs.

Lists, intents, narratives, items and promotions are compacted: the newest message of each key
is kept for good, so that a new reader gets the state of everybody. Events and dead letters are kept
for a time. Decisions are few and kept for ever, in one partition: their order counts.
"""

from __future__ import annotations

import time
from concurrent.futures import Future
from typing import Any, Literal

import msgspec
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # exported without saying so
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from dataflows.config.kafka import DEAD_LETTERS, DECISIONS, EVENTS, ITEMS, KafkaSettings
from dataflows.connectors.kafka.client import describe_topic, make_admin, unreachable
from dataflows.connectors.kafka.health import Health
from dataflows.connectors.kafka.refusals import wait
from dataflows.errors import InputError

BROKER_DEFAULT_BYTES = 1_048_588
"""`max.message.bytes` of a topic for which nothing is set."""
ROOM = 1024


class TopicReport(msgspec.Struct, frozen=True):
    """What became of one topic; `differences` are sentences for a person."""

    role: str
    topic: str
    outcome: Literal["created", "exists", "differs"]
    differences: tuple[str, ...] = ()


def wanted_config(settings: KafkaSettings, role: str) -> dict[str, str]:
    """Return the topic's settings as Kafka names them."""
    hours = {
        EVENTS: settings.events_retention_hours,
        DEAD_LETTERS: settings.dead_letters_retention_hours,
    }
    if role == DECISIONS:
        config = {"cleanup.policy": "delete", "retention.ms": "-1"}
    elif role in hours:
        config = {"cleanup.policy": "delete", "retention.ms": str(round(hours[role] * 3_600_000))}
    else:
        config = {"cleanup.policy": "compact"}
    if role == ITEMS:  # a removal must outlive the time for which the process may be down
        config["delete.retention.ms"] = str(round(settings.events_retention_hours * 3_600_000))
    most = settings.message_max_bytes + ROOM
    return config | ({"max.message.bytes": str(most)} if most > BROKER_DEFAULT_BYTES else {})


def create_topics(settings: KafkaSettings) -> list[TopicReport]:
    """Make what is missing; change nothing that exists. Calling it again does no harm.

    Returns once a broker tells of what it made. Raises InputError where it does not answer, or
    tells nothing, within `start_seconds`, or refuses.
    """
    health = Health("topics")
    admin = make_admin(settings, health)
    new = [
        NewTopic(
            topic,
            num_partitions=1 if role == DECISIONS else settings.partitions,
            replication_factor=settings.replication_factor,
            config=wanted_config(settings, role),
        )
        for role, topic in settings.topics().items()
    ]
    asked = admin.create_topics(new, request_timeout=settings.start_seconds)
    wait(admin, settings, health.refusals, asked.values())
    made = {
        role for role, name in settings.topics().items() if _is_created(settings, name, asked[name])
    }
    began = time.monotonic()
    for role in settings.topics():
        _await_topic(admin, settings, role, began)
    return [
        TopicReport(role, topic, "created") if role in made else _compare(admin, settings, role)
        for role, topic in settings.topics().items()
    ]


def _await_topic(admin: AdminClient, settings: KafkaSettings, role: str, began: float) -> None:
    """Wait until a broker tells of a topic: one of several may know of it a moment later."""
    seconds = settings.start_seconds
    error = describe_topic(admin, settings, role, began, new_seconds=seconds).error
    if error is not None and error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
        raise InputError(
            f"Kafka at {settings.bootstrap_servers} has taken the topic {settings.topic(role)!r}, "
            f"and does not tell of it within {seconds:g} s; see the logs of its brokers, or raise "
            "kafka.start_seconds"
        )


def _is_created(settings: KafkaSettings, topic: str, answer: Future[Any]) -> bool:
    error = _error_of(answer)
    if error is not None and error.code() != KafkaError.TOPIC_ALREADY_EXISTS:
        raise _refused(settings, topic, error)
    return error is None


def _error_of(answer: Future[Any]) -> KafkaError | None:
    try:
        answer.result()
    except KafkaException as error:
        return error.args[0]  # type: ignore[no-any-return]
    return None


def _compare(admin: AdminClient, settings: KafkaSettings, role: str) -> TopicReport:
    """Hold what the broker says of an existing topic against what is wanted."""
    topic = settings.topic(role)
    resource = ConfigResource(ResourceType.TOPIC, topic)
    asked = admin.describe_configs([resource], request_timeout=settings.start_seconds)
    error = _error_of(asked[resource])
    if error is not None:
        raise _refused(settings, topic, error)
    found = {name: entry.value for name, entry in asked[resource].result().items()}
    differences = tuple(
        f"{name} is {found.get(name, 'not told by the broker')}, wanted is {value}"
        for name, value in wanted_config(settings, role).items()
        if not _serves(name, found.get(name), value)
    )
    return TopicReport(role, topic, "differs" if differences else "exists", differences)


def _serves(name: str, found: str | None, wanted: str) -> bool:
    if name == "max.message.bytes" and found is not None:
        return int(found) >= int(wanted)
    return found == wanted


def _refused(settings: KafkaSettings, topic: str, error: KafkaError) -> InputError:
    if error.code() in {KafkaError._TIMED_OUT, KafkaError._TRANSPORT}:  # noqa: SLF001 - so named
        return unreachable(settings, error)
    return InputError(
        f"Kafka at {settings.bootstrap_servers} does not make or show topic {topic!r}: "
        f"{error.str()}; check the rights of this client, kafka.partitions and "
        "kafka.replication_factor"
    )
