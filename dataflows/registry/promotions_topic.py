"""Reads the topic of promotions from its beginning, beside the flow and never in its way."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, TopicPartition

from dataflows.config.kafka import PROMOTIONS, KafkaSettings
from dataflows.connectors.kafka.client import make_consumer
from dataflows.connectors.kafka.close import Closing
from dataflows.connectors.kafka.health import Health
from dataflows.registry.announce import read_promotion
from dataflows.registry.manifest import Promotion

ASK_SECONDS = 1.0
"""How long the broker may take to say which partitions there are."""
ASK_AGAIN = 10.0
AT_ONCE = 1000

_log = logging.getLogger(__name__)


class PromotionsTopic:
    """What the topic holds, then what comes. A compacted topic holds little.

    Raises InputError where librdkafka refuses an option.
    """

    def __init__(
        self, settings: KafkaSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._topic = settings.topic(PROMOTIONS)
        self._health = Health("promotions")
        self._consumer = make_consumer(settings, self._health)
        self._closing = Closing(self._consumer)
        self._clock = clock
        self._ask_at = clock()
        self._is_assigned = False

    def poll(self) -> list[Promotion]:
        """Return what has come; waits for the broker only until it has said where to read."""
        if not self._is_assigned and not self._assign():
            return []
        found = []
        for message in self._consumer.consume(AT_ONCE, timeout=0):
            value = message.value()
            if message.error() or value is None:
                continue  # the end of a partition, a broker that is away, a removed key
            try:
                found.append(read_promotion(value))
            except (ValueError, RecursionError) as error:
                self._health.tell("bad", "%s holds what is no promotion: %s", self._topic, error)
        return found

    def close(self) -> None:
        """Leave the broker; one that does not answer is waited for a moment only."""
        self._closing.close()

    def _assign(self) -> bool:
        now = self._clock()
        if now < self._ask_at:
            return False
        self._ask_at = now + ASK_AGAIN
        try:
            answer = self._consumer.list_topics(self._topic, timeout=ASK_SECONDS)
        except KafkaException as error:
            self._health.tell("away", "%s cannot be read yet: %s", self._topic, error.args[0].str())
            return False
        topic = answer.topics[self._topic]
        if topic.error is not None and topic.error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
            self._health.tell("away", "%s cannot be read yet: %s", self._topic, topic.error.str())
            return False
        partitions = topic.partitions
        if not partitions:
            self._health.tell(
                "missing",
                "there is no topic %r, so only the registry tells of promotions; make it with "
                "`penchant topics create`",
                self._topic,
            )
            return False
        self._consumer.assign(
            [TopicPartition(self._topic, number, OFFSET_BEGINNING) for number in partitions]
        )
        self._is_assigned = True
        return True
