"""What a user may set about Kafka: one frozen struct, checked where it is made."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from dataflows.config.kinds import SECRET
from learners.limited_settings import LimitedSettings

Scalar = str | int | float | bool
Properties = Annotated[dict[str, Scalar], Meta(max_length=1000, extra={"mark": SECRET})]
"""Properties of librdkafka, passwords among them."""

EVENTS = "events"
ITEMS = "items"
RECOMMENDATIONS = "recommendations"
INTENTS = "intents"
DEAD_LETTERS = "dead-letters"
NARRATIVES = "narratives"
PROMOTIONS = "promotions"
DECISIONS = "decisions"

OURS = frozenset(
    {
        "bootstrap.servers",
        "group.id",
        "auto.offset.reset",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "enable.partition.eof",
        "enable.idempotence",
        "acks",
        "request.required.acks",
        "delivery.report.only.error",
        "message.max.bytes",
        "queue.buffering.max.messages",
        "message.timeout.ms",
        "delivery.timeout.ms",
    }
)
"""librdkafka properties that our promises rest on: they have fields here, or are fixed."""


class KafkaSettings(LimitedSettings, frozen=True, kw_only=True):
    """Section `[kafka]`. docs/how-to/operations.md tells how these work together.

    Times are seconds, sizes bytes, retention hours. Raises ValueError, with value, limit and
    remedy, which msgspec turns into a validation error.
    """

    bootstrap_servers: str = "localhost:9092"
    """Brokers to start from, separated by commas."""
    group_id: str = "penchant"
    """The consumer group to which positions are committed, so that common tools show the lag."""

    events_topic: str = "events"
    """Events in."""
    items_topic: str = "items"
    """The catalogue in; `""` for none."""
    recommendations_topic: str = "recommendations"
    """Lists out."""
    intents_topic: str = "intents"
    """What users are after, out."""
    dead_letters_topic: str = "dead-letters"
    """Records that could not be learnt, out."""
    narratives_topic: str = "narratives"
    """Lists in words, out."""
    promotions_topic: str = "promotions"
    """Which version of a model is in force, out and in."""
    decisions_topic: str = "decisions"
    """What people decide about labels, in; `""` to hear nobody."""

    auto_offset_reset: Literal["earliest", "latest"] = "earliest"
    """Where a partition starts of which nothing was read yet: `"earliest"` or `"latest"`."""
    lost_offset: Literal["stop", "earliest", "latest"] = "stop"
    """What to do where retention has deleted the position at which to go on: `"stop"`,
    `"earliest"`, `"latest"`; a jump is counted.
    """
    lost_log: Literal["stop", "anew"] = "stop"
    """What to do where a topic is not the one that was read, since it was made anew or has lost its
    end: `"stop"`, or `"anew"`: read it from its beginning and keep what is learnt.
    """

    batch_size: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    """The most records in one micro-batch; a batch is what is in hand, never waited for, and
    shorter where its new texts take long to encode (`encoder.batch_seconds`).
    """
    prefetch_messages: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000
    """Records read ahead at most, those that wait to be merged among them."""
    prefetch_bytes: Annotated[int, Meta(ge=1024, le=2**31)] = 32 * 1024 * 1024
    """Bytes read ahead at most."""
    merge_seconds: Annotated[float, Meta(ge=0, le=3600)] = 2.0
    """How long events wait, in all, for another partition of a backlog that has more but does not
    give it, so that they are learnt in the order of their time.
    """
    queue_messages: Annotated[int, Meta(ge=1, le=10_000_000)] = 10_000
    """Messages on their way out at most; a full queue slows the flow and drops nothing."""
    message_max_bytes: Annotated[int, Meta(ge=1000, le=1_000_000_000)] = 1_000_000
    """The largest message out, key included; the broker's limit must be no lower."""

    start_seconds: Annotated[float, Meta(ge=0.1, le=3600)] = 30.0
    """How long the broker may take to answer at the start."""
    items_seconds: Annotated[float, Meta(ge=0.1, le=86_400)] = 60.0
    """How long the reading of the items topic, before events flow, may stand still short of its
    end.
    """
    flush_seconds: Annotated[float, Meta(ge=0.1, le=3600)] = 30.0
    """How long a clean stop waits for Kafka in all: messages on their way, then the last commit."""
    degraded_seconds: Annotated[float, Meta(ge=0.1, le=3600)] = 3.0
    """A broker silent for so long is reported."""

    partitions: Annotated[int, Meta(ge=1, le=10_000)] = 1
    """Partitions of topics made by `penchant topics create`."""
    replication_factor: Annotated[int, Meta(ge=1, le=100)] = 1
    """Copies of topics made by it."""
    events_retention_hours: Annotated[float, Meta(ge=0.001, le=24 * 36_500)] = 7 * 24.0
    """How long an events topic made by it keeps events."""
    dead_letters_retention_hours: Annotated[float, Meta(ge=0.001, le=24 * 36_500)] = 30 * 24.0
    """How long a dead-letters topic made by it keeps records."""

    client: Properties = msgspec.field(default_factory=dict)
    """Librdkafka properties for consumer and producer (security, client id)."""
    consumer: Properties = msgspec.field(default_factory=dict)
    """Librdkafka properties for the consumer alone."""
    producer: Properties = msgspec.field(default_factory=dict)
    """Librdkafka properties for the producer alone."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_names(self)
        for section in ("client", "consumer", "producer"):
            for name in sorted(OURS & getattr(self, section).keys()):
                raise ValueError(
                    f"kafka.{section}: {name!r} cannot be handed through, what the engine "
                    "promises rests on it; use the field of [kafka] for it where there is one"
                )

    def topic(self, role: str) -> str:
        """Return a role's topic (`events`, `dead-letters`, ...). Raises KeyError if unknown."""
        return self.topics()[role]

    def topics(self) -> dict[str, str]:
        """Return topic names by role, without `items` and `decisions` where they are off."""
        names = {EVENTS: self.events_topic}
        if self.items_topic:
            names[ITEMS] = self.items_topic
        names |= {
            RECOMMENDATIONS: self.recommendations_topic,
            INTENTS: self.intents_topic,
            DEAD_LETTERS: self.dead_letters_topic,
            NARRATIVES: self.narratives_topic,
            PROMOTIONS: self.promotions_topic,
        }
        if self.decisions_topic:
            names[DECISIONS] = self.decisions_topic
        return names


def _check_names(settings: KafkaSettings) -> None:
    for name in ("bootstrap_servers", "group_id"):
        if not getattr(settings, name).strip():
            raise ValueError(f"kafka.{name} is empty; give it a value")
    seen: dict[str, str] = {}
    for role, topic in settings.topics().items():
        if not topic.strip():
            raise ValueError(f"kafka: the topic for {role} is empty; give it a name")
        if topic in seen:
            raise ValueError(
                f"kafka: {seen[topic]} and {role} share the topic {topic!r}; give each its own"
            )
        seen[topic] = role
