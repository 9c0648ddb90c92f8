"""Positions that are no longer in the topic: an explicit stop, or a counted jump."""

from __future__ import annotations

import logging
import time

from confluent_kafka import Consumer, KafkaError, TopicPartition

from dataflows.config.kafka import ITEMS, KafkaSettings
from dataflows.connectors.kafka.assignment.end_offsets import ASK_SECONDS, Ends
from dataflows.connectors.kafka.assignment.log_identity import (
    Logs,
    Where,
    cut,
    cut_within,
    partition_name,
)
from dataflows.connectors.kafka.assignment.partitions import Partitions
from dataflows.connectors.kafka.health import Health
from dataflows.errors import InputError

EVERY = 0.2
"""Seconds between two questions."""

_LOG = logging.getLogger(__name__)

_CUT = "truncation"
"""In what the client library says where a leader epoch ends before the position."""


class LostOffsets:
    """What to do where the broker says that the position to go on from is out of range.

    Where such a partition begins and ends is asked beside the reading, of `begins` and `ends`:
    the rest is read on meanwhile, and no stop waits for the answer. The library gives nothing
    of the partition until then.
    """

    def __init__(
        self,
        consumer: Consumer,
        settings: KafkaSettings,
        partitions: Partitions,
        health: Health,
        logs: Logs,
        begins: Ends,
        ends: Ends,
    ) -> None:
        self._logs = logs
        self._consumer = consumer
        self._settings = settings
        self._partitions = partitions
        self._health = health
        self._begins = begins
        self._ends = ends
        self._waiting: dict[Where, tuple[int, KafkaError]] = {}
        self._known_begins: dict[Where, int] = {}
        self._known_ends: dict[Where, int] = {}
        self._since = self._next = 0.0

    def noticed(self, where: Where, refusal: KafkaError) -> None:
        """Note what the broker said; `handle` does what there is to be done."""
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting.setdefault(where, (self._partitions.next[where], refusal))

    def handle(self) -> None:
        """Do what is to be done about partitions of which the broker has answered, ask for others.

        Never waits. Jumps by the policy and counts it as `jumped`, or raises InputError. Where
        the log is no longer the one that was read, ends as `kafka.lost_log` says. Items are
        kept by compaction, so their first record is always right to go on from.
        """
        if not self._waiting:
            return
        self._known_begins |= self._begins.answers()
        self._known_ends |= self._ends.answers()
        answered = self._known_begins.keys() & self._known_ends.keys()
        for where in [each for each in self._waiting if each in answered]:
            at, refusal = self._waiting.pop(where)
            begin, end = self._known_begins.pop(where), self._known_ends.pop(where)
            if at == self._partitions.next[where]:  # else a leader that was behind has caught up
                self._judge(where, refusal, begin, end)
        now = time.monotonic()
        if self._waiting and now >= self._next:
            self._next = now + EVERY
            self._ask(now)

    def _ask(self, now: float) -> None:
        self._begins.ask(self._waiting)
        self._ends.ask(self._waiting)
        if now - self._since > ASK_SECONDS:
            names = ", ".join(map(partition_name, self._waiting))
            self._health.error("lost offset", f"nobody says where these begin and end: {names}")

    def _judge(self, where: Where, refusal: KafkaError, begin: int, end: int) -> None:
        at, name = self._partitions.next[where], self._partitions.names[where]
        if at > end:
            self._logs.lost([name], cut(name, at, end))
        if at >= begin and _CUT in refusal.str().lower():
            self._logs.lost([name], cut_within(name, at))
        if at >= begin:  # the leader was behind for a moment: the position is still there
            self._partitions.fetch_anew(where, begin)
            return
        policy = "earliest" if self._partitions.role(where[0]) == ITEMS else None
        policy = policy or self._settings.lost_offset
        if policy == "stop":
            raise InputError(_deleted(where, at, begin))
        self._jump(where, at, begin if policy == "earliest" else end)

    def short(self, where: Where) -> None:
        """Look at a partition whose end the broker has told to be before the position, twice.

        Some brokers say nothing to one who reads beyond the end, and some tell an end that is
        too low when asked; what their answers to a fetch tell is right.
        """
        name, at = self._partitions.names[where], self._partitions.next[where]
        end: int = self._consumer.get_watermark_offsets(TopicPartition(*where), cached=True)[1]
        if 0 <= end < at:
            self._logs.lost([name], cut(name, at, end))

    def _jump(self, where: Where, at: int, target: int) -> None:
        self._partitions.jump(where, target)
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
