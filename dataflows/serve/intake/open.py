"""The destination that the configuration names."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dataflows.config.config import Config
from dataflows.serve.intake.destination import Destination
from dataflows.serve.intake.file import FileDestination


def open_destination(
    config: Config, partitions: Callable[[], Iterable[str]] = tuple
) -> Destination:
    """Return where events and items go: the topics, or the file of events that is followed.

    `partitions` tells the names of what was read so far. Raises InputError.
    """
    if config.flow.source == "kafka":
        from dataflows.serve.intake.kafka import KafkaDestination

        return KafkaDestination(config.kafka, config.serve.answer_seconds)
    return FileDestination(config.files, partitions)
