"""How a running flow learns of promotions: from the registry, at once where Kafka tells of one."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Protocol

from dataflows.config.config import Config
from dataflows.lifecycle.rare_warnings import RareWarnings
from dataflows.registry.manifest import Promotion
from dataflows.registry.registry import Registry, open_registry

_log = logging.getLogger(__name__)


class Topic(Protocol):
    """Another place that tells of promotions."""

    def poll(self) -> list[Promotion]:
        """Return what has come since the last call, without waiting for more."""
        ...

    def close(self) -> None:
        """Close connections."""
        ...


class PromotionWatch:
    """Hands out each promotion once, in order; for one thread at a time.

    What is in force is for the registry alone to say: who may write to a topic has no say. A
    message on the topic has the registry looked at now instead of after `seconds`, and what
    the registry does not hold is logged and passed over. `after` is the sequence number of the
    last promotion that the caller knows.
    """

    def __init__(
        self,
        registry: Registry,
        after: int = -1,
        seconds: float = 1.0,
        topic: Topic | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = registry
        self._read = after
        self._seconds = seconds
        self._topic = topic
        self._clock = clock
        self._next = clock()
        self._seldom = RareWarnings(_log, clock=clock)

    def poll(self) -> list[Promotion]:
        """Return the promotions since the last call, oldest first; none before `seconds` are over.

        Never raises: a registry that cannot be read is logged and tried again.
        """
        received = [] if self._topic is None else self._topic.poll()
        news = [promotion for promotion in received if promotion.sequence > self._read]
        now = self._clock()
        if now < self._next and not news:
            return []
        self._next = now + self._seconds
        found = self._from_registry()
        if found is None:
            return []
        unknown = [one.sequence for one in news if one.sequence > self._read]
        if unknown:
            self._seldom.warn(
                "unknown",
                "the topic tells of promotion %d, which the registry does not hold; it is passed "
                "over (both must be of one models.root)",
                max(unknown),
            )
        return found

    def close(self) -> None:
        """Close the topic, if there is one."""
        if self._topic is not None:
            self._topic.close()

    def _from_registry(self) -> list[Promotion] | None:
        """Return what is new there, None where it cannot be read."""
        try:
            found = self._registry.promotions(self._read)
        # Stores raise what they like; whatever it is, the stream goes on with what it has.
        except Exception as error:  # noqa: BLE001
            line = "the registry of models cannot be read, it is tried again: %s"
            self._seldom.warn("unread", line, error)
            return None
        self._read = max([self._read, *(one.sequence for one in found)])
        return found


def open_watch(config: Config, after: int = -1) -> PromotionWatch:
    """Watch as the configuration says. Raises InputError for a root or option that is wrong.

    A broker that does not answer, or has no such topic yet, is no error: it is logged and
    tried again, and the registry is looked at meanwhile.
    """
    topic: Topic | None = None
    if config.flow.source == "kafka":
        from dataflows.registry.promotions_topic import PromotionsTopic

        topic = PromotionsTopic(config.kafka)
    return PromotionWatch(open_registry(config), after, config.models.poll_seconds, topic)
