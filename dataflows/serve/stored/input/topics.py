"""Follows the topics of a `penchant run`: the catalogue first, then lists, intents and words.

One consumer that is handed its partitions, in no group: it commits nothing, and reads from the
positions in the store. The topics are compacted, so that reading one again from its beginning
does no harm, and is the remedy wherever a position is in doubt.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

import msgspec
from confluent_kafka import KafkaError, Message

from dataflows.config.kafka import INTENTS, ITEMS, NARRATIVES, RECOMMENDATIONS, KafkaSettings
from dataflows.connectors.kafka.assignment.end_offsets import BrokerEnds
from dataflows.connectors.kafka.assignment.log_identity import Where, partition_name
from dataflows.connectors.kafka.assignment.stalled import Standstill, patience
from dataflows.connectors.kafka.health import Health, Statistics, silent_leader
from dataflows.messages.raw import Raw
from dataflows.serve.status import Lag
from dataflows.serve.stored.input.topic_partitions import Asked, AskingError, TopicPartitions
from dataflows.serve.stored.store.answer_store import AnswerStore

BATCH = 5000
POLL_SECONDS = 0.1
"""How long a quiet poll waits; it ends at once when a record comes."""
ASK_AGAIN_SECONDS = 1.0
LOOK_SECONDS = 10.0
"""Between two looks whether topics are still those that are read, or are there by now."""
NEEDED = (ITEMS, RECOMMENDATIONS, INTENTS)

_statistics = msgspec.json.Decoder(Statistics)


class TopicFollower:
    """A `Follower` of topics. A broker that does not answer is told, and asked again.

    Raises InputError where the client library refuses an option.
    """

    def __init__(self, settings: KafkaSettings, store: AnswerStore, stop: threading.Event) -> None:
        topics = settings.topics()
        self._roles = {
            role: topics[role]
            for role in (ITEMS, RECOMMENDATIONS, INTENTS, NARRATIVES)
            if role in topics
        }
        self._settings = settings
        self._store = store
        self._stop = stop
        self._health = Health("source", settle=settings.degraded_seconds)
        self._why: str | None = "the broker was not asked yet"
        self._behind: frozenset[str] | None = None
        self._marks: list[Raw] = []
        self._ask_at = 0.0
        self._look_at = 0.0
        self._lag: dict[str, int] = {}
        self._parts = self._open()

    @property
    def is_caught_up(self) -> bool:
        """Whether all is given that the topics held when they were first asked for."""
        return self._behind is not None and not self._behind

    def take(self) -> list[Raw]:
        """Return what has come; see `Follower`."""
        if not self._parts.is_begun and not self._begin():
            self._stop.wait(POLL_SECONDS)
            return []
        marks, self._marks = self._marks, []
        if marks:
            return marks
        messages = self._messages()
        raws = [raw for raw in map(self._read, messages) if raw is not None]
        if not messages:
            self._look()
        self._note_caught_up()
        return raws

    def stored(self, positions: Mapping[str, int]) -> None:
        """Do nothing: positions are read from the store when they are needed."""

    def checks(self) -> dict[str, str]:
        """Return how the broker does, and each topic."""
        health = self._health
        amiss = self._why or health.reason
        seconds = f" for {health.seconds:.0f} s" if not health.is_good else ""
        checks = {"broker": "answers" if amiss is None else f"away{seconds}: {amiss}"}
        behind = self._behind
        for role, topic in self._roles.items():
            if behind is None:
                checks[role] = f"topic {topic}: waits for the broker"
            elif role in self._parts.missing:
                checks[role] = f"topic {topic}: {self._parts.missing[role]}"
            else:
                checks[role] = f"topic {topic}: {'being read' if role in behind else 'caught up'}"
        return checks

    def lag(self) -> tuple[Lag, ...]:
        """Return the records of each partition that are not yet taken, as the client last knew."""
        return tuple(
            Lag(partition=name, unread=unread, unit="records")
            for name, unread in sorted(self._lag.items())
        )

    def close(self) -> None:
        """Leave the broker; one that does not answer is waited for a moment only."""
        self._parts.close()

    def _open(self) -> TopicPartitions:
        self._standstill = Standstill(
            patience(self._settings), BrokerEnds(self._settings, self._health)
        )
        return TopicPartitions(self._settings, self._roles, self._health, self._on_statistics)

    def _begin(self) -> bool:
        """Ask which partitions there are, and begin to read; whether the broker has answered."""
        now = time.monotonic()
        if now < self._ask_at:
            return False
        self._ask_at = now + ASK_AGAIN_SECONDS
        try:
            self._marks = self._parts.begin(self._parts.ask(), self._store.positions())
        except AskingError as error:
            self._why = str(error)
            self._health.tell("away", "Kafka source: %s; it is asked again", error)
            return False
        self._why = None
        self._look_at = time.monotonic() + LOOK_SECONDS
        self._note_caught_up()
        return True

    def _note_caught_up(self) -> None:
        """Begin with lists once the catalogue is read; note which topics are not read yet."""
        is_caught_up = self._behind == frozenset()
        if is_caught_up and not self._parts.is_waiting:
            return
        behind = self._parts.behind()
        if ITEMS not in behind:
            self._parts.begin_lists()
        if not is_caught_up:
            needed = {role for role in NEEDED if role in self._parts.missing}
            self._behind = frozenset(behind | needed)

    def _messages(self) -> list[Message]:
        consumer = self._parts.consumer
        messages: list[Message] = consumer.consume(BATCH, 0)
        if messages:
            return messages
        first = consumer.poll(POLL_SECONDS)
        return [] if first is None else [first, *consumer.consume(BATCH - 1, 0)]

    def _read(self, message: Message) -> Raw | None:
        error = message.error()
        number = message.partition()
        where = (message.topic() or "", -1 if number is None else number)
        if error is not None:
            return self._on_error(where, message.offset(), error)
        return self._parts.read(where, message)

    def _on_error(self, where: Where, offset: int | None, error: KafkaError) -> Raw | None:
        """Handle an error; the end of a partition may lie behind its last record."""
        match error.code():
            case KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes have names so
                self._standstill.reached_end(where)
                return self._parts.reached_end(where, offset)
            case KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
                self._from_beginning(where, error.str())
            case _:
                self._health.error(error.name(), f"{where[0]} {where[1]}: {error.str()}")
        return None

    def _from_beginning(self, where: Where, why: str) -> None:
        self._health.tell(
            f"anew {where}",
            "Kafka source: %s: position %d is not there (%s); the topic is read again from its "
            "beginning, and what is stored stays until then",
            *(partition_name(where), self._parts.next.get(where, 0), why),
        )
        self._health.count("read_again")
        self._parts.from_beginning(where)

    def _look(self) -> None:
        """Look whether partitions stand still, and whether topics are still the same."""
        if self._standstill.is_time:
            for where in self._standstill.starving(self._parts.assigned()):
                self._health.count("fetched_anew")
                self._parts.fetch_anew(where)
            for where in self._standstill.short():
                self._from_beginning(where, "it is behind the end")
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        try:
            asked: Asked = self._parts.ask()
        except AskingError:
            return  # that it is away is told by the statistics
        changed = self._parts.changed(asked)
        if changed is not None:
            self._health.tell("changed", "Kafka source: %s; it is looked at anew", changed)
            self._parts.close()  # the old client would hold on to what it knew of the topic
            self._parts = self._open()

    def _on_statistics(self, text: str) -> None:
        statistics = _statistics.decode(text)
        silent = silent_leader(statistics, self._settings.degraded_seconds)
        self._standstill.look(self._parts.assigned())
        self._standstill.take(statistics)
        if silent is not None:
            self._standstill.interrupted()
            self._health.degraded(silent)
        else:
            self._health.good()
        lag = {}
        for where, at in self._parts.next.items():
            topic = statistics.topics.get(where[0])
            known = topic.partitions.get(str(where[1])) if topic is not None else None
            if known is not None and known.hi_offset >= 0:
                lag[partition_name(where)] = max(0, known.hi_offset - at)
        self._lag = lag
