"""Positions that are no longer in the topic: an explicit stop, or a counted jump."""

from __future__ import annotations

import logging

from confluent_kafka import Consumer, KafkaException, TopicPartition

from dataflows.errors import InputError
from dataflows.kafka_health import Health
from dataflows.kafka_partitions import Partitions, Where, partition_name
from dataflows.kafka_settings import ITEMS, KafkaSettings

_LOG = logging.getLogger(__name__)


class LostOffsets:
    """What to do where the broker says that the position to go on from is out of range."""

    def __init__(
        self, consumer: Consumer, settings: KafkaSettings, partitions: Partitions, health: Health
    ) -> None:
        self._consumer = consumer
        self._settings = settings
        self._partitions = partitions
        self._health = health
        self._again: set[Where] = set()

    def handle(self, where: Where) -> None:
        """Jump by the policy and count it as `jumped`, or raise InputError.

        Items are kept by compaction, so their first record is always right to go on from.
        """
        at = self._partitions.next[where]
        try:
            begin, end = self._consumer.get_watermark_offsets(TopicPartition(*where), 5.0)
        except KafkaException as error:
            self._health.error("lost offset", f"{where[0]}: {error.args[0].str()}")
            self._again.add(where)
            return
        self._again.discard(where)
        if at > end:
            raise InputError(_made_anew(where, at, end))
        policy = "earliest" if self._partitions.role(where[0]) == ITEMS else None
        policy = policy or self._settings.lost_offset
        if policy == "stop":
            raise InputError(_deleted(where, at, begin))
        self._jump(where, at, begin if policy == "earliest" else end)

    def retry(self) -> None:
        """Handle again what could not be handled because nobody answered."""
        for where in list(self._again):
            self.handle(where)

    def _jump(self, where: Where, at: int, target: int) -> None:
        # A seek is refused here: librdkafka has stopped fetching the partition.
        self._consumer.incremental_unassign([TopicPartition(*where)])
        self._consumer.incremental_assign([TopicPartition(*where, target)])
        self._partitions.next[where] = target
        self._health.count("jumped", target - at)
        _LOG.warning(
            "%s: offset %d is gone (deleted by retention); goes on at %d, %d records not read",
            *(partition_name(where), at, target, target - at),
        )


def _deleted(where: Where, at: int, begin: int) -> str:
    return (
        f"Kafka: {partition_name(where)} is to be read on from offset {at}, but retention has "
        f"deleted all before {begin}: {max(0, begin - at)} records were never read; set "
        "kafka.lost_offset to 'earliest' or 'latest' to go on without them, and raise the "
        "retention of the topic"
    )


def _made_anew(where: Where, at: int, end: int) -> str:
    return (
        f"Kafka: {partition_name(where)} ends at offset {end}, but the state has read it up to "
        f"{at}: the topic was made anew or lost its end; start with an empty [state] path, or "
        "give the new topic another name"
    )
