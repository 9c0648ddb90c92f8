"""Offsets committed to the consumer group, so that common tools show the lag.

They are for people and tools only: reading goes on from the positions in our own store.
What is committed is never ahead of it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from dataflows.connectors.kafka.health import Health
from dataflows.state.positions import Progress

EVERY = 0.2
"""Seconds between two commits."""
FOR_GOOD = frozenset(
    {
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.INVALID_GROUP_ID,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.FENCED_INSTANCE_ID,
    }
)
"""Refusals that waiting does not mend: no right, or the group is another's."""


class Committer:
    """Commits what `progress` says is stored, in the background, one commit at a time."""

    def __init__(self, progress: Progress, health: Health) -> None:
        self._progress = progress
        self._health = health
        self._partitions: dict[str, tuple[str, int]] = {}
        self._done: dict[str, int] = {}
        self._asked: dict[str, int] | None = None
        self._next = 0.0
        self._refused: KafkaError | None = None
        self._barred: KafkaError | None = None

    def add(self, name: str, topic: str, number: int) -> None:
        """Add a partition; `name` is what `progress` calls it."""
        self._partitions[name] = (topic, number)

    def tick(self, consumer: Consumer) -> None:
        """Commit if there is something new and it is time. Never waits, never raises."""
        now = time.monotonic()
        if self._asked is not None or now < self._next:
            return
        self._next = now + EVERY
        wanted = self._wanted()
        if wanted:
            self._ask(consumer, wanted)

    def answered(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        """Handle the answer to a commit (librdkafka's `on_commit`)."""
        asked, self._asked = self._asked or {}, None
        refused = error or next((each.error for each in partitions if each.error), None)
        self._refused = refused
        if refused is None:
            self._barred = None
            self._done |= asked
        else:
            self._health.error("commit", f"{refused.str()}; the offsets are committed later")

    def barred(self, error: KafkaError) -> None:
        """Note that the group is not for us: not even who keeps its offsets is said.

        What is asked then gets no answer for a minute.
        """
        self._barred = error

    def finish(self, consumer: Consumer, seconds: float) -> bool:
        """Commit all that is stored, and wait for the answer. Whether it came in time.

        A commit that is refused for good is not waited for. What is not committed is logged.
        """
        deadline = time.monotonic() + seconds
        self._refused = None
        while self._asked is not None or self._wanted():
            refused = self._refused_for_good()
            if refused is not None:
                return self._log_behind(f"that is refused ({refused.str()})")
            if time.monotonic() >= deadline:
                return self._log_behind("nobody answered in time")
            self.tick(consumer)
            consumer.poll(0.02)
        return True

    def _refused_for_good(self) -> KafkaError | None:
        refused = self._refused
        is_for_good = refused is not None and refused.code() in FOR_GOOD
        return refused if is_for_good else self._barred

    def _log_behind(self, why: str) -> bool:
        self._health.tell(
            "behind",
            "the group's offsets are not those of the state: %s. They are committed after the "
            "next start; reading goes on from the state, so nothing is lost",
            why,
        )
        return False

    def _wanted(self) -> dict[str, int]:
        stored: Mapping[str, int] = self._progress.positions()
        return {
            name: at
            for name, at in stored.items()
            if name in self._partitions and self._done.get(name) != at
        }

    def _ask(self, consumer: Consumer, wanted: dict[str, int]) -> None:
        offsets = [TopicPartition(*self._partitions[name], at) for name, at in wanted.items()]
        try:
            consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            self._refused = error.args[0]
            self._health.error("commit", error.args[0].str())
        else:
            self._asked = wanted
