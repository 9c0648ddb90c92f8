"""The catalogue first: items are read up to their end as of the start, then events flow."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from dataflows.connectors.kafka.assignment.log_identity import Where
from dataflows.errors import InputError

_LOG = logging.getLogger(__name__)

TELL_EVERY = 5.0
"""Seconds between two lines about how far it is."""


class CatchUp:
    """Which partitions of the items topic are not yet read up to their end."""

    def __init__(
        self,
        topic: str,
        partitions: Iterable[Where],
        limit: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._topic = topic
        self._limit = limit
        self._clock = clock
        self._behind = set(partitions)
        self._read = 0
        self._moved = self._logged_at = clock()

    @property
    def is_done(self) -> bool:
        """Whether events may flow."""
        return not self._behind

    def reached_end(self, where: Where) -> None:
        """Note that the broker has nothing more in this partition for now."""
        self._behind.discard(where)
        self._moved = self._clock()

    def step(self, records: int) -> None:
        """Note that so many records came. Raises InputError after a long standstill."""
        now = self._clock()
        self._read += records
        if records:
            self._moved = now
        if now - self._logged_at >= TELL_EVERY:
            self._logged_at = now
            _LOG.info("reading items before events: %d so far", self._read)
        if self._behind and now - self._moved > self._limit:
            raise InputError(
                f"Kafka: the items topic {self._topic!r} stood still for {self._limit:g} s before "
                f"its end was reached ({self._read} records read); see whether the broker "
                "answers, raise kafka.items_seconds, or set kafka.items_topic = '' to run without"
            )

    def tell_done(self) -> None:
        """Log that events flow from now on."""
        _LOG.info("items read: %d records; events flow", self._read)
