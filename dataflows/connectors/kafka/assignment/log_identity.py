"""Whether the topics are still those that were read, by their ids.

Ids are asked at the start, before anything is read, and every few seconds after; neither waits
for the other's answer. What the broker does not tell is not compared.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterable, Mapping
from typing import NoReturn

import msgspec
from confluent_kafka.admin import AdminClient

from dataflows.config.kafka import KafkaSettings
from dataflows.connectors.kafka.assignment.topic_ids import AskedIds
from dataflows.connectors.kafka.client import quiet_admin_options
from dataflows.connectors.kafka.health import Health
from dataflows.errors import InputError
from dataflows.messages.partition_names import generation_name, newest_generation, next_generation
from dataflows.messages.raw import LastRecord, LogId, Raw
from dataflows.state.positions import Progress

EVERY = 2.0
"""Seconds between two questions while records are read."""
PATIENCE = 5.0
"""Seconds for an answer; at the start `start_seconds` where those are fewer."""

Where = tuple[str, int]
"""Topic and partition number."""

_LOG = logging.getLogger(__name__)


def partition_name(where: Where) -> str:
    """Return the name of a partition in a `Raw`, the store and the ledger: `events-0`."""
    return f"{where[0]}-{where[1]}"


class ReplacedError(Exception):
    """Logs are others than those that were read, and are to be read anew: those of `names`."""

    def __init__(self, why: str, names: Collection[str]) -> None:
        super().__init__(why)
        self.names = frozenset(names)


class Logs:
    """The ids of the topics that a reader has, and what its partitions are called by them.

    With `kafka.lost_log = "anew"` a log that is not the one that was read gets a partition
    name of its own (`events-0#2`), since positions never go back.
    `confirmed` is a moment, by the monotonic clock, at which they were still the same.
    """

    def __init__(self, settings: KafkaSettings, progress: Progress, health: Health) -> None:
        self._settings = settings
        self._progress = progress
        self._health = health
        self._admin = AdminClient(quiet_admin_options(settings, health))
        self._ids: dict[str, LogId] = {}
        self._carried: dict[str, LogId] = {}
        self._marks: list[Raw] = []
        self._asked: AskedIds | None = None
        self.confirmed = time.monotonic()
        self._next = 0.0

    def ask(self, partitions: Iterable[Where]) -> None:
        """Ask for the ids of what is to be read, and wait for the answers."""
        partitions = list(partitions)
        seconds = min(PATIENCE, self._settings.start_seconds)
        asked = AskedIds(self._admin, {topic for topic, _ in partitions}, seconds)
        asked.wait(seconds)
        self.confirmed = asked.asked
        self._ids = asked.ids()
        unknown = sorted({topic for topic, _ in partitions if not self._id(topic).is_known})
        if unknown:
            _LOG.info(
                "the broker tells no ids of %s: whether a topic was made anew is not looked at",
                ", ".join(unknown),
            )
        self._next = time.monotonic() + EVERY

    def name(self, where: Where) -> str:
        """Return what a partition is called: that of the newest log read under its name."""
        plain = partition_name(where)
        return generation_name(plain, newest_generation(plain, self._progress.names()) or 1)

    def begin(self, where: Where) -> tuple[str, int | None, int]:
        """Return name, position (None: nothing was read) and leader epoch (-1: none) to begin with.

        Raises InputError where the log is another one, unless such are to be read anew.
        """
        name = self.name(where)
        at, known = self._progress.position(name), self._progress.log(name)
        current = self._id(where[0])
        if self._progress.is_lost(name):
            return self._anew(where, f"{name} is not what was read")
        if known is not None and known.is_another_than(current):
            return self._anew(where, _made_anew(name, known, current))
        if known is None and at is not None and current.is_known:
            self._health.tell(
                "no ids", "the state knows no ids of its topics yet (%s): they are kept now", name
            )
            self._mark(where[0], name, at, current)
        if at is None and name != partition_name(where):
            self._mark_anew(where, name)  # of several shards not all have heard of it
        return name, at, -1 if known is None else known.epoch

    def is_another_than(self, before: Logs, topic: str) -> bool:
        """Return whether a topic is not the one that it was in an earlier run of questions."""
        return self._id(topic).is_another_than(before._id(topic))

    def last(self, name: str) -> LastRecord | None:
        """Return the last record before the stored position; None once others were read."""
        known = self._progress.log(name)
        return None if known is None else known.last

    def epoch(self, name: str) -> int:
        """Return the epoch of what was read last in this run, -1 where it is not known."""
        carried = self._carried.get(name)
        return -1 if carried is None else carried.epoch

    def of(self, where: Where, name: str, epoch: int | None) -> LogId | None:
        """Return what a record of this leader epoch is the first to tell of its partition."""
        current = self._id(where[0])
        if not current.is_known:
            return None
        log = LogId(current.cluster, current.topic, -1 if epoch is None else epoch)
        if self._carried.get(name) == log:
            return None
        last = self.last(name)
        self._carried[name] = log
        self._progress.note_log(name, log)
        return log if last is None else msgspec.structs.replace(log, last=last)

    def marks(self) -> list[Raw]:
        """Return what is to be stored of the partitions before records of them are, once."""
        marks, self._marks = self._marks, []
        return marks

    def lost(self, names: Collection[str], why: str) -> NoReturn:
        """Raise what ends reading, by the policy, where logs are not those that were read."""
        if self._settings.lost_log == "stop":
            raise InputError(f"Kafka: {why}; {_REMEDY}")
        for name in names:
            self._progress.note_lost(name)
        raise ReplacedError(why, names)

    def tick(self, names: Mapping[Where, str]) -> None:
        """Look at an answer that came and ask again in time. Never waits; raises as `lost`."""
        now = time.monotonic()
        if self._asked is not None:
            if self._asked.is_done():
                asked, self._asked = self._asked, None
                self._compare(asked, names)
            return
        if now >= self._next and names:
            self._next = now + EVERY
            self._asked = AskedIds(self._admin, {topic for topic, _ in names}, PATIENCE)

    def _compare(self, asked: AskedIds, names: Mapping[Where, str]) -> None:
        current = asked.ids()
        topics = {topic for topic, _ in names}
        is_whole = all(topic in current and current[topic].topic for topic in topics)
        is_waiting = self._settings.lost_log == "anew" and not is_whole
        others: dict[str, str] = {}
        for where, name in names.items():
            known, now = self._id(where[0]), current.get(where[0], asked.cluster())
            if known.is_another_than(now):
                others[name] = _made_anew(name, known, now)
            elif not known.is_known and now.is_known:
                self._ids[where[0]] = now
        if others and not is_waiting:
            self.lost(others, next(iter(others.values())))
        if is_whole and not others:
            self.confirmed = asked.asked

    def _anew(self, where: Where, why: str) -> tuple[str, None, int]:
        if self._settings.lost_log == "stop":
            raise InputError(f"Kafka: {why}; {_REMEDY}")
        newer = next_generation(partition_name(where), self._progress.names())
        _LOG.warning("%s; it is read from its beginning, as %s", why, newer)
        self._health.count("read_anew")
        self._mark_anew(where, newer)
        return newer, None, -1

    def _mark_anew(self, where: Where, name: str) -> None:
        current = self._id(where[0])
        log = self._carried[name] = LogId(current.cluster, current.topic)
        self._progress.note_log(name, log)
        self._marks.append(
            Raw(where[0], name, 0, 0, None, None, is_mark=True, log=log, is_anew=True)
        )

    def _mark(self, topic: str, name: str, at: int, log: LogId) -> None:
        self._carried[name] = log
        self._progress.note_log(name, log)
        self._marks.append(Raw(topic, name, at, at, None, None, is_mark=True, log=log))

    def _id(self, topic: str) -> LogId:
        return self._ids.get(topic, LogId())


def cut(name: str, at: int, end: int) -> str:
    """Describe a log that ends before a position."""
    return (
        f"{name} ends at offset {end}, but the state has read it up to {at}: the topic was made "
        "anew or lost its end"
    )


def cut_within(name: str, at: int) -> str:
    """Describe a log that has other records now before a position that it still reaches."""
    return (
        f"{name} was cut before offset {at}, up to which the state has read it, and has grown "
        "again: other records stand there now (an unclean election does that)"
    )


def _made_anew(name: str, known: LogId, current: LogId) -> str:
    what, was, now = "topic", known.topic, current.topic
    if known.cluster and current.cluster and known.cluster != current.cluster:
        what, was, now = "cluster", known.cluster, current.cluster
    return (
        f"{name} is not what the state has read: the {what} was made anew (its id was {was}, "
        f"and is {now})"
    )


_REMEDY = (
    "set kafka.lost_log = 'anew' to keep what is learnt and read it from its beginning, give the "
    "topic another name, or start with an empty [state] path"
)
