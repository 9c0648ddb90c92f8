"""The partitions of the topics that are followed: whether they are those of the store, how far."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping

import msgspec
from confluent_kafka import (
    OFFSET_BEGINNING,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from dataflows.config.kafka import ITEMS, KafkaSettings
from dataflows.connectors.kafka.assignment.log_identity import Where, partition_name
from dataflows.connectors.kafka.assignment.topic_ids import AskedIds
from dataflows.connectors.kafka.client import make_consumer, quiet_admin_options
from dataflows.connectors.kafka.close import Closing
from dataflows.connectors.kafka.health import Health
from dataflows.messages.raw import LogId, Raw
from dataflows.serve.stored.store.answer_store import StoredPosition

ASK_SECONDS = 3.0
_log = logging.getLogger(__name__)


class AskingError(Exception):
    """The broker did not say what was asked; the message tells which topic, and why."""


class Asked(msgspec.Struct, frozen=True):
    """What the broker says: the partitions of each topic, why a role has none, and topics' ids."""

    counts: dict[str, int]
    missing: dict[str, str]
    ids: dict[str, LogId]


class TopicPartitions:
    """A consumer and its partitions. `next` is where each is read on, `roles` role to topic.

    Raises InputError where the client library refuses an option.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        roles: Mapping[str, str],
        health: Health,
        on_statistics: Callable[[str], None],
    ) -> None:
        self.next: dict[Where, int] = {}
        self.missing: dict[str, str] = {}
        self.is_begun = False
        self.consumer = make_consumer(settings, health, stats_cb=on_statistics)
        self._admin = AdminClient(quiet_admin_options(settings, health))
        self._closing = Closing(self.consumer)
        self._roles = roles
        self._role_of = {topic: role for role, topic in roles.items()}
        self._asked = Asked({}, {}, {})
        self._waiting: set[Where] = set()
        self._ends: dict[Where, int] = {}
        self._told: set[Where] = set()

    def ask(self) -> Asked:
        """Ask for partitions and ids. Raises AskingError where the broker does not answer."""
        counts: dict[str, int] = {}
        missing: dict[str, str] = {}
        for role, topic in self._roles.items():
            try:
                told = self.consumer.list_topics(topic, timeout=ASK_SECONDS).topics[topic]
            except KafkaException as error:
                raise AskingError(f"{topic}: {error.args[0].str()}") from error
            if told.error is None and told.partitions:
                counts[topic] = len(told.partitions)
            elif told.error is None or told.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                missing[role] = "is not there; `penchant topics create` makes it"
            else:
                missing[role] = told.error.str()
        ids = AskedIds(self._admin, set(counts), ASK_SECONDS)
        ids.wait(ASK_SECONDS)
        return Asked(counts, missing, ids.ids())

    def changed(self, asked: Asked) -> str | None:
        """Say what is another than it was when reading began, None where nothing is."""
        for topic, now in asked.ids.items():
            if self._asked.ids.get(topic, LogId()).is_another_than(now):
                return f"the topic {topic} was made anew"
        for topic, count in asked.counts.items():
            if count != self._asked.counts.get(topic):
                return f"the topic {topic} has {count} partitions now"
        return None

    def begin(self, asked: Asked, stored: Mapping[str, StoredPosition]) -> list[Raw]:
        """Read from the stored positions, first of all the catalogue.

        Returns marks for the topics that are not the ones that the store was made of: what came
        of those is forgotten. Raises AskingError where the broker does not say where they end.
        """
        wheres = [(topic, n) for topic, count in asked.counts.items() for n in range(count)]
        ends = {where: self._end(where) for where in wheres}
        known = {where: stored.get(partition_name(where)) for where in wheres}
        another = {
            where[0]: one
            for where, one in known.items()
            if one is not None and _is_of_another(one, asked.ids.get(where[0]), ends[where])
        }
        for where, one in known.items():
            is_there = one is not None and where[0] not in another and one.next <= ends[where]
            self.next[where] = one.next if one is not None and is_there else 0
        self._asked, self.missing, self._ends = asked, asked.missing, ends
        self._waiting = set(wheres)
        self.is_begun = True
        self._assign(where for where in wheres if self._role_of[where[0]] == ITEMS)
        return [self._anew(topic, one) for topic, one in another.items()]

    def begin_lists(self) -> None:
        """Read what waited for the catalogue."""
        self._assign(tuple(self._waiting))

    @property
    def is_waiting(self) -> bool:
        """Whether something is held back until the catalogue is read."""
        return bool(self._waiting)

    def assigned(self) -> dict[Where, int]:
        """Return the positions of the partitions that are being read."""
        return {where: at for where, at in self.next.items() if where not in self._waiting}

    def behind(self) -> set[str]:
        """Return the roles of which something is not yet read that was there at the beginning."""
        return {
            self._role_of[where[0]] for where, end in self._ends.items() if self.next[where] < end
        }

    def read(self, where: Where, message: Message) -> Raw | None:
        """Move on past a record; None where it is one from before the position."""
        offset = message.offset() or 0
        if offset < self.next.get(where, 0):
            return None
        self.next[where] = offset + 1
        kind, milliseconds = message.timestamp()
        return Raw(
            topic=self._role_of[where[0]],
            partition=partition_name(where),
            offset=offset,
            next_offset=offset + 1,
            key=message.key(),
            value=message.value(),
            timestamp=milliseconds / 1000 if kind and milliseconds >= 0 else None,
            log=self._id(where),
        )

    def reached_end(self, where: Where, end: int | None) -> Raw | None:
        """Move on to an end that lies behind the last record, and return its mark."""
        at = self.next.get(where)
        if at is None or end is None or end <= at:
            return None
        self.next[where] = end
        role, name = self._role_of[where[0]], partition_name(where)
        return Raw(role, name, at, end, None, None, is_mark=True, log=self._id(where))

    def from_beginning(self, where: Where) -> None:
        """Read a partition again, whole."""
        self.next[where] = 0
        self.fetch_anew(where)

    def fetch_anew(self, where: Where) -> None:
        """Make the client library begin anew with a partition, at its position."""
        # A seek is refused where librdkafka has stopped fetching the partition.
        self.consumer.incremental_unassign([TopicPartition(*where)])
        self.consumer.incremental_assign([self._start(where)])

    def close(self) -> None:
        """Leave the broker, in a moment at most."""
        self._closing.close()

    def _anew(self, topic: str, was: StoredPosition) -> Raw:
        known, current = was.log or LogId(), self._asked.ids.get(topic, LogId())
        _log.warning(
            "the topic %s is not the one that the store was made of (its id was %s, and is %s): "
            "what came of that is forgotten, and it is read from its beginning",
            *(topic, known.topic or "not known", current.topic or "not known"),
        )
        name = partition_name((topic, 0))
        return Raw(
            *(self._role_of[topic], name, 0, 0, None, None),
            is_mark=True,
            is_anew=True,
            log=current,
        )

    def _assign(self, wheres: Iterable[Where]) -> None:
        starts = [self._start(where) for where in wheres if where in self._waiting]
        for start in starts:
            self._waiting.discard((start.topic, start.partition))
        if starts:
            self.consumer.incremental_assign(starts)

    def _start(self, where: Where) -> TopicPartition:
        return TopicPartition(*where, self.next[where] or OFFSET_BEGINNING)

    def _end(self, where: Where) -> int:
        try:
            end: int = self.consumer.get_watermark_offsets(TopicPartition(*where), ASK_SECONDS)[1]
        except KafkaException as error:
            raise AskingError(f"{partition_name(where)}: {error.args[0].str()}") from error
        return end

    def _id(self, where: Where) -> LogId | None:
        """Return what the log of a partition is known by, with the first record of it."""
        if where in self._told:
            return None
        self._told.add(where)
        found = self._asked.ids.get(where[0])
        return found if found is not None and found.is_known else None


def _is_of_another(stored: StoredPosition, current: LogId | None, end: int) -> bool:
    """Return whether a position is one of another log; where no ids are told, by its end."""
    if stored.log is None or current is None or not current.is_known:
        return stored.next > end
    return stored.log.is_another_than(current)
