"""The partitions that a reader has, what they are called, and how far each is read."""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from dataflows.errors import InputError
from dataflows.kafka_commit import Committer
from dataflows.kafka_logs import Logs, Where, partition_name
from dataflows.kafka_settings import DECISIONS, EVENTS, ITEMS, KafkaSettings
from dataflows.progress import Progress
from dataflows.record import Raw

__all__ = ["Partitions", "Where", "partition_name"]


class Partitions:
    """Starts reading of partitions: from the stored position, else by `auto_offset_reset`."""

    def __init__(
        self,
        consumer: Consumer,
        settings: KafkaSettings,
        progress: Progress,
        committer: Committer,
        logs: Logs,
    ) -> None:
        self._consumer = consumer
        self._logs = logs
        self._settings = settings
        self._progress = progress
        self._committer = committer
        self._roles = {
            settings.decisions_topic: DECISIONS,
            settings.items_topic: ITEMS,
            settings.events_topic: EVENTS,
        }
        self.names: dict[Where, str] = {}
        self.next: dict[Where, int] = {}

    def role(self, topic: str) -> str:
        """`events`, `items` or `decisions`."""
        return self._roles[topic]

    def of(self, topic: str) -> list[Where]:
        """The partitions of a topic that are being read."""
        return [where for where in self.names if where[0] == topic]

    def start(self, partitions: Iterable[Where], is_late: bool = False) -> None:
        """Read these from now on. `is_late`: they were added to the topic while we ran.

        Raises InputError where their ends are asked for and nobody answers.
        """
        starts = []
        for where in partitions:
            name, at, epoch = self._logs.begin(where)
            self.names[where] = name
            self._committer.add(name, *where)
            if at is None:
                is_whole = is_late or name != partition_name(where)  # or in another's place
                at = OFFSET_BEGINNING if is_whole else self._first(where)
            self.next[where] = max(0, at)
            # With the epoch of the last record the client finds by itself that a log was cut.
            starts.append(TopicPartition(*where, at, leader_epoch=epoch))
        if starts:
            self._consumer.incremental_assign(starts)

    def fetch_anew(self, where: Where) -> None:
        """Have the client library begin anew with a partition, at its position."""
        self._consumer.incremental_unassign([TopicPartition(*where)])
        self._consumer.incremental_assign([TopicPartition(*where, self.next[where])])
        self._consumer.resume([TopicPartition(*where)])  # a pause outlives an assignment

    def end_mark(self, where: Where, end: int | None) -> Raw | None:
        """Give the mark of an end that lies behind the last record, and go on from there.

        Commit and abort markers of transactions take offsets, and so did records that
        compaction took out: the lag of a group that stops before them would never be 0.
        """
        at = self.next.get(where)
        if at is None or end is None or end <= at:
            return None
        self.next[where] = end
        name = self.names[where]
        log = self._logs.of(where, name, None)
        return Raw(where[0], name, at, end, None, None, is_mark=True, log=log)

    def _first(self, where: Where) -> int:
        is_whole = self.role(where[0]) in (ITEMS, DECISIONS)  # neither is worth less for its age
        if is_whole or self._settings.auto_offset_reset == "earliest":
            return OFFSET_BEGINNING
        return self._end_or_committed(where)

    def _end_or_committed(self, where: Where) -> int:
        """The end, committed at once, so that a restart before the first event loses none."""
        seconds = self._settings.start_seconds
        try:
            committed: int = self._consumer.committed([TopicPartition(*where)], seconds)[0].offset
            if committed >= 0:
                return committed
            end: int = self._consumer.get_watermark_offsets(TopicPartition(*where), seconds)[1]
            self._consumer.commit(offsets=[TopicPartition(*where, end)], asynchronous=True)
        except KafkaException as error:
            raise InputError(
                f"Kafka did not say within {seconds:g} s where {partition_name(where)} ends "
                f"({error.args[0].str()}); try again, or set kafka.auto_offset_reset = 'earliest'"
            ) from error
        return end
