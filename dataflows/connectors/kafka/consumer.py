"""Reads events, items and decisions with one consumer for all partitions of a process.

One consumer, because of several that are polled in turn each adds to the latency of the
others while it has nothing. It is handed its partitions and takes no part in a group's
rebalance: nobody takes a partition away in mid-batch, and no poll limit throws it out,
however long a step takes.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message

from dataflows.config.kafka import EVENTS, ITEMS, KafkaSettings
from dataflows.connectors.kafka.assignment.catch_up import CatchUp
from dataflows.connectors.kafka.assignment.caught_up import CaughtUp
from dataflows.connectors.kafka.assignment.end_offsets import BrokerEnds, broker_begins
from dataflows.connectors.kafka.assignment.log_identity import Logs, Where, partition_name
from dataflows.connectors.kafka.assignment.offset_commits import Committer
from dataflows.connectors.kafka.assignment.out_of_range import LostOffsets
from dataflows.connectors.kafka.assignment.partitions import Partitions
from dataflows.connectors.kafka.assignment.stalled import Standstill, patience
from dataflows.connectors.kafka.client import find_partitions, make_consumer
from dataflows.connectors.kafka.close import Closing
from dataflows.connectors.kafka.decisions import FirstDecisions, count_partitions
from dataflows.connectors.kafka.headers import traceparent
from dataflows.connectors.kafka.health import Health, Statistics, silent_leader
from dataflows.errors import InputError
from dataflows.messages.raw import Raw
from dataflows.state.positions import Progress

IDLE_POLLS = 20
"""Empty polls without waiting after a batch, so that no step behind the source is held up."""
IDLE_WAIT = 0.005
"""Seconds that a poll of a quiet source waits; it ends at once when a record comes."""

_statistics = msgspec.json.Decoder(Statistics)


class Reader:
    """The records of all topics: all items up to their end, then items, events and decisions.

    Raises InputError (from `open` and `take`) where broker or topics cannot be used at the
    start, where the items do not come, and where a position is lost and the policy is to stop.
    """

    def __init__(self, settings: KafkaSettings, progress: Progress, health: Health) -> None:
        self.lag: dict[str, int] = {}
        self._settings = settings
        self._health = health
        self._committer = Committer(progress, health)
        self._logs = Logs(settings, progress, health)
        self._consumer: Consumer = make_consumer(
            settings, health, stats_cb=self._on_statistics, on_commit=self._committer.answered
        )
        self._partitions = Partitions(
            self._consumer, settings, progress, self._committer, self._logs
        )
        self.caught_up = CaughtUp(self._consumer, settings.events_topic, self._partitions)
        self._lost = LostOffsets(
            *(self._consumer, settings, self._partitions, health, self._logs),
            *(broker_begins(settings, health), BrokerEnds(settings, health)),
        )
        self._standstill = Standstill(patience(settings), BrokerEnds(settings, health))
        self._catch_up: CatchUp | None = None
        self._counts: dict[str, int] = {}
        self._first_decisions = FirstDecisions((), progress)
        self._progress = progress
        self._empty = 0
        self._was_silent = False
        self._closing: Closing | None = None
        self.reads_traces = False

    @property
    def is_read(self) -> bool:
        """Whether items and events were read to their end once, each partition of them."""
        return self._catch_up is None and self.caught_up.is_complete

    @property
    def confirmed(self) -> float:
        """A moment, by the monotonic clock, at which the topics were still those that are read."""
        return self._logs.confirmed

    def ends_now(self, before: Reader, names: Collection[str]) -> dict[str, float]:
        """Return where logs end now that took the place of what an earlier reader had.

        By the names that they had there: `names`, and all of a topic that is another one.
        Infinity where the broker does not say.
        """
        gone = {
            name: where
            for where, name in before._partitions.names.items()
            if name in names or self._logs.is_another_than(before._logs, where[0])
        }
        return {name: self._partitions.end(where) for name, where in gone.items()}

    def open(self) -> None:
        """Find the topics. May be called before `begin`, to fail early."""
        roles = [EVENTS, ITEMS] if self._settings.items_topic else [EVENTS]
        self._counts = find_partitions(self._consumer, self._settings, roles)
        numbers = range(count_partitions(self._consumer, self._settings))
        decisions = [(self._settings.decisions_topic, number) for number in numbers]
        self._first_decisions = FirstDecisions(decisions, self._progress)
        read = [(topic, n) for topic, count in self._counts.items() for n in range(count)]
        self._logs.ask([*read, *decisions])

    def begin(self) -> None:
        """Read the items from now on, and the events once they are read."""
        self._closing = Closing(self._consumer)
        topic = self._settings.items_topic
        items = [(topic, number) for number in range(self._counts.get(topic, 0))]
        if items:
            self._catch_up = CatchUp(topic, items, self._settings.items_seconds)
            self._partitions.start(items)
        else:
            self._begin_events()

    def take(self, most: int | None = None, *, may_wait: bool = True) -> list[Raw]:
        """Return what is in hand, at most `most` (`batch_size`) records.

        It waits a little where it is quiet, unless somebody has other work (`may_wait`).
        """
        self._committer.tick(self._consumer)
        self._lost.handle()
        self._logs.tick(self._partitions.names)
        messages = self._messages(self._settings.batch_size if most is None else most, may_wait)
        self._empty = 0 if messages else self._empty + 1
        if not messages and self._standstill.is_time:
            self._fetch_anew()
            for where in self._standstill.short():
                self._lost.short(where)
        batch = [raw for raw in map(self._read, messages) if raw is not None]
        batch = [*self._logs.marks(), *batch]
        if self._catch_up is not None:
            self._catch_up.step(sum(not raw.is_mark for raw in batch))
            if self._catch_up.is_done:
                self._catch_up.tell_done()
                self._begin_events()
        return batch

    def finish(self, seconds: float) -> bool:
        """Commit what is stored and close; whether the group has it all within the time."""
        self._consumer.unassign()
        is_committed = self._committer.finish(self._consumer, seconds)
        if self._closing is None:
            self._consumer.close()
        else:
            self._closing.close()
        return is_committed

    def let_go(self) -> None:
        """Close without committing: the offsets would be those of another log."""
        self._consumer.unassign()
        self._consumer.close()

    def _messages(self, limit: int, may_wait: bool) -> list[Message]:
        try:
            messages: list[Message] = self._consumer.consume(limit, 0)
            if messages or self._empty < IDLE_POLLS or not may_wait or limit < 1:
                return messages
            first = self._consumer.poll(IDLE_WAIT)
            return [] if first is None else [first, *self._consumer.consume(limit - 1, 0)]
        except KafkaException as error:
            raise _for_good(error.args[0]) from error

    def _fetch_anew(self) -> None:
        """Begin anew with the partitions that stand still though nothing is in hand."""
        for where in self._standstill.starving(self._wanted()):
            at, name = self._partitions.next[where], partition_name(where)
            self._health.tell(
                f"standstill of {name}",
                "Kafka source: %s gives nothing at offset %d though it has records up to %d; it is "
                "fetched anew",
                *(name, at, self._standstill.end(where)),
            )
            self._health.count("fetched_anew")
            self._partitions.fetch_anew(where)

    def _wanted(self) -> dict[Where, int]:
        """Return the positions of the partitions that are not held back."""
        held_back = self.caught_up.held_back
        return {at: n for at, n in self._partitions.next.items() if at not in held_back}

    def _begin_events(self) -> None:
        self._catch_up = None
        topic = self._settings.events_topic
        events = [(topic, number) for number in range(self._counts[topic])]
        self._partitions.start(events)
        self._partitions.start(self._first_decisions.begin(events))

    def _read(self, message: Message) -> Raw | None:
        error = message.error()
        if error is not None:
            return self._on_error(message, error)
        where, offset = _where(message), message.offset() or 0
        kind, milliseconds = message.timestamp()
        name = self._partitions.names[where]
        raw = Raw(
            topic=where[0],
            partition=name,
            offset=offset,
            next_offset=offset + 1,
            key=message.key(),
            value=message.value(),
            timestamp=milliseconds / 1000 if kind and milliseconds >= 0 else None,
            trace=traceparent(message) if self.reads_traces else None,
        )
        if not self._partitions.read(where, raw):
            return None
        self.caught_up.read(where)
        log = self._logs.of(where, name, message.leader_epoch())
        return raw if log is None else msgspec.structs.replace(raw, log=log)

    def _on_error(self, message: Message, error: KafkaError) -> Raw | None:
        """Handle an error; an end may lie behind the last record, and is marked then."""
        where = _where(message)
        match error.code():
            case KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes have names so
                if self._is_before(where, message.offset()):
                    self._lost.noticed(where, error)
                    return None
                self.caught_up.end(where)
                self._standstill.reached_end(where)
                if self._catch_up is not None:
                    self._catch_up.reached_end(where)
                elif decisions := self._first_decisions.reached_end(where):
                    self._partitions.start(decisions)
                return self._partitions.end_mark(where, message.offset())
            case KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
                self._lost.noticed(where, error)
            case _ if error.fatal():
                raise _for_good(error)
            case KafkaError.GROUP_AUTHORIZATION_FAILED:
                self._committer.barred(error)
                self._health.error(error.name(), error.str())
            case _:
                self._health.error(error.name(), f"{where[0]} {where[1]}: {error.str()}")
        return None

    def _is_before(self, where: Where, end: int | None) -> bool:
        """Return whether an end is before the position: a leader's that is behind, or the log's."""
        return end is not None and 0 <= end < self._partitions.next.get(where, 0)

    def _on_statistics(self, text: str) -> None:
        statistics = _statistics.decode(text)
        silent = silent_leader(statistics, self._settings.degraded_seconds)
        self._standstill.look(self._wanted())
        self._standstill.take(statistics)
        if silent is not None:
            self._standstill.interrupted()
        amiss = self._standstill.said() if silent is None else silent
        if amiss is None:
            self._health.good()
        elif silent is None or self._was_silent:  # once may be a connection just being made
            self._health.degraded(amiss)
        self._was_silent = silent is not None
        self._measure_lag(statistics)
        self._find_new(statistics)

    def _measure_lag(self, statistics: Statistics) -> None:
        for where, name in self._partitions.names.items():
            topic = statistics.topics.get(where[0])
            known = topic.partitions.get(str(where[1])) if topic is not None else None
            if known is not None and known.hi_offset >= 0:
                end = max(known.hi_offset, self._standstill.end(where))
                self.lag[name] = max(0, end - self._partitions.next[where])

    def _find_new(self, statistics: Statistics) -> None:
        """Read partitions added to a topic while we run, from their beginning."""
        for topic in {where[0] for where in self._partitions.names}:
            known = statistics.topics.get(topic)
            numbers = {int(number) for number in known.partitions} if known is not None else set()
            new = sorted(
                (topic, number)
                for number in numbers
                if number >= 0 and (topic, number) not in self._partitions.names
            )
            if new:
                self._health.tell("new partitions", "%s has new partitions: %s", topic, new)
                self._health.count("new_partitions", len(new))
                self._partitions.start(new, is_late=True)


def _where(message: Message) -> Where:
    """Return topic and partition; an error about neither gives ("", -1)."""
    number = message.partition()
    return (message.topic() or "", -1 if number is None else number)


def _for_good(error: KafkaError) -> InputError:
    return InputError(f"Kafka ended the consumer for good: {error.str()}; start again")
