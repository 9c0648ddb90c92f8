"""The topic of decisions: whether it is there, and from when on it is read."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from confluent_kafka import Consumer, KafkaError

from dataflows.config.kafka import DECISIONS, KafkaSettings
from dataflows.connectors.kafka.assignment.log_identity import Where, partition_name
from dataflows.connectors.kafka.client import describe_topic, unusable
from dataflows.state.positions import Progress

_LOG = logging.getLogger(__name__)


def count_partitions(client: Consumer, settings: KafkaSettings) -> int:
    """Return how many partitions the topic has, 0 where there is none: that is logged, no error.

    Raises InputError where the broker does not answer, or does not let us read it.
    """
    topic = settings.decisions_topic
    if not topic:
        return 0
    answer = describe_topic(client, settings, DECISIONS, time.monotonic())
    failure = answer.error
    if failure is not None and failure.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
        _LOG.warning(
            "there is no topic %r, so no decision about labels is heard; make it with `penchant "
            "topics create` and start again, or set kafka.decisions_topic = ''",
            topic,
        )
        return 0
    if failure is not None and failure.code() != KafkaError.LEADER_NOT_AVAILABLE:
        raise unusable(settings, DECISIONS, failure)
    return len(answer.partitions)


class FirstDecisions:
    """Holds the topic back until the events were read to their end once, where it is new to us.

    What was decided about labels makes no sense before the events that brought them. Once a
    position of it is stored, it is read from the start on.
    """

    def __init__(self, partitions: Iterable[Where], progress: Progress) -> None:
        self._waiting = list(partitions)
        self._behind: set[Where] | None = None
        names = map(partition_name, self._waiting)
        self._is_new = all(progress.position(name) is None for name in names)

    def begin(self, events: Iterable[Where]) -> list[Where]:
        """Note that events are read from now on; return the partitions to read at once."""
        self._behind = set(events)
        return self._taken() if not self._is_new else []

    def reached_end(self, where: Where) -> list[Where]:
        """Note that a partition is read to its end; return the partitions to read from now on."""
        if self._behind is None:
            return []
        self._behind.discard(where)
        return [] if self._behind else self._taken()

    def _taken(self) -> list[Where]:
        waiting, self._waiting = self._waiting, []
        return waiting
