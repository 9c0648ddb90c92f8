"""A client of Kafka: its options, whether broker and topics are there, and one record sent."""

from __future__ import annotations

import logging
import re
import time
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # exported without saying so
    AdminClient,
    TopicMetadata,
)

from dataflows.config.kafka import KafkaSettings
from dataflows.connectors.kafka.health import Health
from dataflows.connectors.kafka.listener import mismatch
from dataflows.connectors.kafka.refusals import POLL_SECONDS, end_if_refused
from dataflows.errors import InputError
from dataflows.lifecycle.redaction import MASK

Options = dict[str, Any]

RETRY_SECONDS = 0.2
NEW_SECONDS = 5.0
"""How long a topic that no broker knows is waited for: they tell of a new one a moment later."""
ROOM = 1024
"""librdkafka counts its own headers in; our limit is on key and value alone."""
SWITCHES = {
    "items": ", or kafka.items_topic = '' if there is no catalogue",
    "decisions": ", or kafka.decisions_topic = '' if nobody decides",
}
"""What to do without a role's topic."""


def consumer_options(settings: KafkaSettings, health: Health) -> Options:
    """Return the options of a consumer that is handed its partitions and leaves offsets to us."""
    ours: Options = {
        "group.id": settings.group_id,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "error",
        "queued.min.messages": settings.prefetch_messages,
        "queued.max.messages.kbytes": max(1, settings.prefetch_bytes // 1024),
        "statistics.interval.ms": 1000,
    }
    # A full prefetch is looked at again after this; the default of a second costs throughput.
    theirs = {"fetch.queue.backoff.ms": 10}
    return _common(settings, health) | theirs | settings.client | settings.consumer | ours


def producer_options(settings: KafkaSettings, health: Health) -> Options:
    """Return the options of a producer that keeps order and never repeats or drops a message.

    No delivery time limit: a message that timed out and is sent once more comes after
    newer ones of the same user, and a compacted topic would keep the old list.
    """
    ours: Options = {
        "enable.idempotence": True,
        "acks": "all",
        "message.timeout.ms": 0,
        "message.max.bytes": settings.message_max_bytes + ROOM,
        "queue.buffering.max.messages": settings.queue_messages,
    }
    theirs = {"linger.ms": 1}
    return _common(settings, health) | theirs | settings.client | settings.producer | ours


def quiet_admin_options(settings: KafkaSettings, health: Health) -> Options:
    """Return the options of a client beside others that report outages already."""
    return admin_options(settings, health) | {"error_cb": lambda _: None, "log_level": 0}


def admin_options(settings: KafkaSettings, health: Health) -> Options:
    """Return the options of a client that makes and inspects topics."""
    return _common(settings, health) | settings.client


def _common(settings: KafkaSettings, health: Health) -> Options:
    return {
        "bootstrap.servers": settings.bootstrap_servers,
        # A connection that went dead in silence is given up after this, and made anew; the
        # defaults (60 s, and 10 s between attempts) make an outage last that much longer.
        "socket.timeout.ms": 10_000,
        "reconnect.backoff.ms": 100,
        "reconnect.backoff.max.ms": 1000,
        "socket.nagle.disable": True,
        "error_cb": lambda error: health.heard(error.name(), error.str()),
        "logger": quiet_logger(health),
    }


def quiet_logger(health: Health) -> logging.Logger:
    """Return a logger for librdkafka that repeats itself seldom, not 20 times a second.

    Its lines begin with a word (`FAIL`, `REQTMOUT`, ...), by which they are kept apart.
    """
    log = logging.getLogger(f"{__name__}.{health.name}")
    log.filters.clear()
    log.addFilter(_Throttle(health))
    return log


class _Throttle(logging.Filter):
    def __init__(self, health: Health) -> None:
        super().__init__()
        self._health = health

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        word = next((part for part in message.split() if part.isupper()), message[:20])
        self._health.tell(f"client {word}", "%s", message)
        return False


def make_consumer(settings: KafkaSettings, health: Health, **more: Any) -> Consumer:
    """Make a consumer. Raises InputError where librdkafka refuses an option."""
    try:
        return Consumer(consumer_options(settings, health) | more)
    except KafkaException as error:
        raise _bad_option(error, settings) from error


def make_producer(settings: KafkaSettings, health: Health) -> Producer:
    """Make a producer. Raises InputError where librdkafka refuses an option."""
    try:
        return Producer(producer_options(settings, health))
    except KafkaException as error:
        raise _bad_option(error, settings) from error


def make_admin(settings: KafkaSettings, health: Health) -> AdminClient:
    """Make an admin client. Raises InputError where librdkafka refuses an option."""
    try:
        return AdminClient(admin_options(settings, health))
    except KafkaException as error:
        raise _bad_option(error, settings) from error


def _bad_option(error: KafkaException, settings: KafkaSettings) -> InputError:
    """Return the one line about an option; its value is not shown, it may be a misplaced secret."""
    message = error.args[0].str()
    for table in (settings.client, settings.consumer, settings.producer):
        for value in table.values():
            if isinstance(value, str) and value:
                message = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", MASK, message)
    return InputError(f"[kafka]: {message}; see kafka.client, kafka.consumer and kafka.producer")


def find_partitions(client: Consumer, settings: KafkaSettings, roles: list[str]) -> dict[str, int]:
    """Return the number of partitions by topic, for the topics of these roles.

    Tries for `start_seconds`. Raises InputError where no broker answers in that time, or
    a topic is not there or not open to us.
    """
    began = time.monotonic()
    found: dict[str, int] = {}
    for role in roles:
        message = describe_topic(client, settings, role, began)
        if message.error is not None or not message.partitions:
            raise unusable(settings, role, message.error)
        found[settings.topic(role)] = len(message.partitions)
    return found


def describe_topic(
    client: Consumer | AdminClient,
    settings: KafkaSettings,
    role: str,
    began: float,
    new_seconds: float = NEW_SECONDS,
) -> TopicMetadata:
    """Ask a broker for the topic of a role: its partitions, or an error.

    Errors that pass are waited for, until `start_seconds` after `began` (of `time.monotonic`);
    a topic that nobody knows until `new_seconds` after it: it may have been made just now.
    Raises InputError where no broker answers in that time.
    """
    topic, deadline = settings.topic(role), began + settings.start_seconds
    while True:
        left = deadline - time.monotonic()
        try:
            message = client.list_topics(topic, timeout=max(0.1, left)).topics[topic]
        except KafkaException as error:
            if time.monotonic() >= deadline or not error.args[0].retriable():
                raise unreachable(settings, error.args[0]) from error
        else:
            if message.error is None and message.partitions:
                return message
            now = time.monotonic()
            if now >= deadline or not _passes(message.error, now - began < new_seconds):
                return message
        time.sleep(RETRY_SECONDS)


def _passes(error: KafkaError | None, may_be_new: bool) -> bool:
    if error is not None and error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
        return may_be_new
    return error is None or error.code() == KafkaError.LEADER_NOT_AVAILABLE


def unreachable(settings: KafkaSettings, error: KafkaError, heard: str | None = None) -> InputError:
    """Return the one line about a broker that does not answer; `heard` is what was said last.

    Where a listener speaks TLS and this client does not, or the reverse, the line says so.
    """
    why = mismatch(settings) or heard or error.str()
    return InputError(
        f"Kafka at {settings.bootstrap_servers} did not answer within "
        f"{settings.start_seconds:g} s ({why}); check "
        "kafka.bootstrap_servers and the security options in kafka.client, or raise "
        "kafka.start_seconds"
    )


def unusable(settings: KafkaSettings, role: str, error: KafkaError | None) -> InputError:
    """Return the one line about a topic that is not there, or not open to us."""
    word = "has no leader yet" if error is None else error.str()
    switch = SWITCHES.get(role, "")
    return InputError(
        f"Kafka at {settings.bootstrap_servers}: topic {settings.topic(role)!r} ({role}) cannot "
        f"be used: {word}; make it with `penchant topics create`, or name another in "
        f"kafka.{role.replace('-', '_')}_topic{switch}"
    )


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
