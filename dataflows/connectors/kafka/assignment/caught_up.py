"""Which partitions of the events are read to their end for now, and which are held back."""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import Consumer, TopicPartition

from dataflows.connectors.kafka.assignment.log_identity import Where
from dataflows.connectors.kafka.assignment.partitions import Partitions


class CaughtUp:
    """What is known of the ends of the events topic's partitions, by their names."""

    def __init__(self, consumer: Consumer, topic: str, partitions: Partitions) -> None:
        self._consumer = consumer
        self._topic = topic
        self._partitions = partitions
        self._ended: set[Where] = set()
        self._ever: set[Where] = set()
        self._wheres: dict[str, Where] = {}
        self._known = 0
        self._held_back: set[str] = set()

    @property
    def names(self) -> dict[str, Where]:
        """The events partitions that are being read."""
        if len(self._partitions.names) != self._known:
            self._known = len(self._partitions.names)
            wheres = self._partitions.of(self._topic)
            self._wheres = {self._partitions.names[where]: where for where in wheres}
        return self._wheres

    @property
    def held_back(self) -> set[Where]:
        """The partitions that are not read for now."""
        return {self.names[name] for name in self._held_back}

    def end(self, where: Where) -> None:
        """Note that there is nothing more in this partition for now."""
        self._ended.add(where)
        self._ever.add(where)

    @property
    def is_complete(self) -> bool:
        """Whether each partition of the events has been read to its end at some time."""
        names = self.names
        return bool(names) and self._ever.issuperset(names.values())

    def read(self, where: Where) -> None:
        """Note that a record of it came: there may be more."""
        self._ended.discard(where)

    def is_ended(self, name: str) -> bool:
        """Return whether nothing more was in this partition when the broker last answered for it.

        The word that the end is reached comes after a fetch that found nothing, half a second
        later; each answer with records tells the end too, so that nobody has to wait for it.
        """
        where = self.names[name]
        if where in self._ended:
            return True
        end: int = self._consumer.get_watermark_offsets(TopicPartition(*where), cached=True)[1]
        return 0 <= end <= self._partitions.next[where]

    def hold_back(self, names: Iterable[str]) -> None:
        """Read only those partitions of the events that are not named, until the next call."""
        wanted = set(names)
        less = self._held_back - wanted
        if wanted:  # each time: one that was assigned anew meanwhile has forgotten it
            self._consumer.pause([TopicPartition(*self.names[name]) for name in sorted(wanted)])
        if less:
            self._consumer.resume([TopicPartition(*self.names[name]) for name in sorted(less)])
        self._held_back = wanted
