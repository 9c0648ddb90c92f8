"""The partitions that a reader has, what they are called, and how far each is read."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from math import inf

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from dataflows.config.kafka import DECISIONS, EVENTS, ITEMS, KafkaSettings
from dataflows.connectors.kafka.assignment.last_records import LastRecords
from dataflows.connectors.kafka.assignment.log_identity import (
    Logs,
    Where,
    cut_within,
    partition_name,
)
from dataflows.connectors.kafka.assignment.offset_commits import Committer
from dataflows.errors import InputError
from dataflows.messages.raw import Raw
from dataflows.state.positions import Progress

_LOG = logging.getLogger(__name__)


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
        self._last_records = LastRecords()
        self.names: dict[Where, str] = {}
        self.next: dict[Where, int] = {}

    def role(self, topic: str) -> str:
        """`events`, `items` or `decisions`."""
        return self._roles[topic]

    def of(self, topic: str) -> list[Where]:
        """Return the partitions of a topic that are being read."""
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
            self._last_records.begin(where, self._logs.last(name))
            starts.append(self._start(where, at, epoch))
        if starts:
            self._consumer.incremental_assign(starts)
        for start in starts:
            if start.offset > 0 and start.leader_epoch is not None:
                self._validate(start)

    def read(self, where: Where, raw: Raw) -> bool:
        """Move on past a record; whether it is new, and none before the position.

        Raises what `kafka.lost_log` asks for where the record before the position is another.
        """
        if raw.offset < (at := self.next[where]):
            if not self._last_records.fits(where, raw):
                self._logs.lost([raw.partition], cut_within(raw.partition, at))
            return False
        self.next[where] = raw.next_offset
        self._last_records.read(where, raw)
        return True

    def fetch_anew(self, where: Where, begin: int = 0) -> None:
        """Make the client library begin anew with a partition, at its position.

        `begin` is the first offset that the log still has, as far as that is known.
        """
        start = self._start(where, self.next[where], self._logs.epoch(self.names[where]), begin)
        # A seek is refused where librdkafka has stopped fetching the partition.
        self._consumer.incremental_unassign([TopicPartition(*where)])
        self._consumer.incremental_assign([start])
        self._consumer.resume([TopicPartition(*where)])  # a pause outlives an assignment

    def jump(self, where: Where, to: int) -> None:
        """Go on elsewhere: what stood before is gone."""
        self.next[where] = to
        self._last_records.forget(where)
        self.fetch_anew(where)

    def _validate(self, start: TopicPartition) -> None:
        """Have the client ask whether the log of this epoch reaches so far.

        It asks with a seek, and at each change of leader; with an assignment it does not.
        """
        try:
            self._consumer.seek(start)
        except KafkaException as error:
            _LOG.debug("%s: not validated: %s", start.topic, error.args[0].str())

    def _start(self, where: Where, at: int, epoch: int, begin: int = 0) -> TopicPartition:
        """Return where to fetch from, with the epoch of the last record before."""
        return TopicPartition(
            *where, self._last_records.fetch_from(where, at, begin), leader_epoch=epoch
        )

    def end(self, where: Where) -> float:
        """Ask where a partition ends; infinity where the broker does not say."""
        seconds = self._settings.start_seconds
        try:
            found: int = self._consumer.get_watermark_offsets(TopicPartition(*where), seconds)[1]
        except KafkaException:
            return inf
        return found

    def end_mark(self, where: Where, end: int | None) -> Raw | None:
        """Return the mark of an end that lies behind the last record, and go on from there.

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
        """Return the end, committed at once, so that no restart loses an event."""
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
