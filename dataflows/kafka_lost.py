"""Positions that are no longer in the topic: an explicit stop, or a counted jump."""

from __future__ import annotations

import logging

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from dataflows.errors import InputError
from dataflows.kafka_health import Health
from dataflows.kafka_logs import Logs, cut, cut_within
from dataflows.kafka_partitions import Partitions, Where, partition_name
from dataflows.kafka_settings import ITEMS, KafkaSettings

_LOG = logging.getLogger(__name__)

_CUT = "truncation"
"""In what the client library says where a leader epoch ends before the position."""


class LostOffsets:
    """What to do where the broker says that the position to go on from is out of range."""

    def __init__(
        self,
        consumer: Consumer,
        settings: KafkaSettings,
        partitions: Partitions,
        health: Health,
        logs: Logs,
    ) -> None:
        self._logs = logs
        self._consumer = consumer
        self._settings = settings
        self._partitions = partitions
        self._health = health
        self._again: dict[Where, KafkaError | None] = {}

    def handle(self, where: Where, told: KafkaError | None = None) -> None:
        """Jump by the policy and count it as `jumped`, or raise InputError.

        Where the log is no longer the one that was read, end as `kafka.lost_log` says. Items
        are kept by compaction, so their first record is always right to go on from.
        """
        at = self._partitions.next[where]
        try:
            begin, end = self._consumer.get_watermark_offsets(TopicPartition(*where), 5.0)
        except KafkaException as error:
            self._health.error("lost offset", f"{where[0]}: {error.args[0].str()}")
            self._again.setdefault(where, told)
            return
        self._again.pop(where, None)
        name = self._partitions.names[where]
        if at > end:
            self._logs.lost(name, cut(name, at, end))
        if at >= begin and told is not None and _CUT in told.str().lower():
            self._logs.lost(name, cut_within(name, at))
        if at >= begin:  # the leader was behind for a moment: the position is still there
            self._assign(where, at)
            return
        policy = "earliest" if self._partitions.role(where[0]) == ITEMS else None
        policy = policy or self._settings.lost_offset
        if policy == "stop":
            raise InputError(_deleted(where, at, begin))
        self._jump(where, at, begin if policy == "earliest" else end)

    def retry(self) -> None:
        """Handle again what could not be handled because nobody answered."""
        for where, told in list(self._again.items()):
            self.handle(where, told)

    def _jump(self, where: Where, at: int, target: int) -> None:
        self._assign(where, target)
        self._partitions.next[where] = target
        self._health.count("jumped", target - at)
        _LOG.warning(
            "%s: offset %d is gone (deleted by retention); goes on at %d, %d records not read",
            *(partition_name(where), at, target, target - at),
        )

    def _assign(self, where: Where, at: int) -> None:
        # A seek is refused here: librdkafka has stopped fetching the partition.
        self._consumer.incremental_unassign([TopicPartition(*where)])
        self._consumer.incremental_assign([TopicPartition(*where, at)])


def _deleted(where: Where, at: int, begin: int) -> str:
    return (
        f"Kafka: {partition_name(where)} is to be read on from offset {at}, but retention has "
        f"deleted all before {begin}: {max(0, begin - at)} records were never read; set "
        "kafka.lost_offset to 'earliest' or 'latest' to go on without them, and raise the "
        "retention of the topic"
    )
