"""Where partitions begin and end, asked of the broker beside the reading, and never waited for."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any, Protocol

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from dataflows.config.kafka import KafkaSettings
from dataflows.connectors.kafka.assignment.log_identity import Where
from dataflows.connectors.kafka.client import admin_options
from dataflows.connectors.kafka.health import Health

ASK_SECONDS = 5.0
"""How long the broker may take to answer."""


class Ends(Protocol):
    """Knows where partitions end, or begin."""

    def ask(self, partitions: Iterable[Where]) -> None:
        """Ask, unless an answer is still to come. Never waits, never raises."""
        ...

    def answers(self) -> dict[Where, int]:
        """Return what was answered since the last call, each end once."""
        ...


def broker_begins(settings: KafkaSettings, health: Health) -> Ends:
    """Ask where partitions begin, as `BrokerEnds` asks where they end."""
    return BrokerEnds(settings, health, OffsetSpec.earliest())  # type: ignore[no-untyped-call]


class BrokerEnds:
    """Asks by a client of its own, so that a consumer which is stuck has no part in it.

    `what` may be where they begin instead. The end is that of what may be read: records of a
    transaction that is still open are beyond. Whoever does not answer, or refuses to, is passed
    over; what the consumer says of that broker tells enough.
    """

    def __init__(
        self, settings: KafkaSettings, health: Health, what: OffsetSpec | None = None
    ) -> None:
        self._what = what or OffsetSpec.latest()  # type: ignore[no-untyped-call]
        self._settings = settings
        self._health = health
        self._client: AdminClient | None = None
        self._asked: dict[Where, Future[Any]] = {}

    def ask(self, partitions: Iterable[Where]) -> None:
        """Ask, unless an answer is still to come."""
        if any(not future.done() for future in self._asked.values()):
            return
        if self._client is None:
            self._client = AdminClient(admin_options(self._settings, self._health))
        wanted = {TopicPartition(*where): self._what for where in partitions}
        try:
            found = self._client.list_offsets(
                wanted,
                isolation_level=IsolationLevel.READ_COMMITTED,
                request_timeout=ASK_SECONDS,
            )
        except KafkaException:
            return
        self._asked = {(each.topic, each.partition): future for each, future in found.items()}

    def answers(self) -> dict[Where, int]:
        """Return what was answered since the last call."""
        done = {where: future for where, future in self._asked.items() if future.done()}
        for where in done:
            del self._asked[where]
        return {
            where: future.result().offset
            for where, future in done.items()
            if future.exception() is None
        }
