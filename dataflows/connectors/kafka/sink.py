"""Kafka as a Bytewax sink: every message is acknowledged to its outbox once it is delivered."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bytewax.outputs import DynamicSink, StatelessSinkPartition

from dataflows.config.kafka import DEAD_LETTERS, INTENTS, RECOMMENDATIONS, KafkaSettings
from dataflows.connectors.kafka.client import find_partitions, make_consumer
from dataflows.connectors.kafka.health import Health
from dataflows.connectors.kafka.producer import Context, ReliableProducer
from dataflows.lifecycle.bytewax_errors import hushing
from dataflows.lifecycle.deadline import Deadline
from dataflows.state.outbox import Acknowledge, Out

ALWAYS = (RECOMMENDATIONS, INTENTS, DEAD_LETTERS)


class KafkaSink(DynamicSink[Out]):
    """One producer for all workers of the process. `Out.topic` is a role, not a name.

    `roles` are those whose topics must be there. A step waits while too much is on its way,
    until `deadline` is over, which is `flush_seconds` after `stop` where it is not shared with
    others. `context`, to be set before `open`, returns that of the trace of a message by its
    number, which is handed on in its header. `health` counts
    `cut`, `too_large`, `refused`, `superseded`, `waits`, `kept`. Call `finish` after the
    flow, before the state is closed.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        acknowledge: Acknowledge,
        stop: Callable[[], bool] = lambda: False,
        roles: Sequence[str] = ALWAYS,
        deadline: Deadline | None = None,
    ) -> None:
        self.health = Health("sink", settle=settings.degraded_seconds)
        self._roles = roles
        self._settings = settings
        self._acknowledge = acknowledge
        self._deadline = deadline or Deadline(settings.flush_seconds, stop)
        self._producer: ReliableProducer | None = None
        self.context: Context | None = None

    def open(self) -> None:
        """Reach the broker and find the topics. Raises InputError within `start_seconds`."""
        if self._producer is not None:
            return
        # A producer's question would make a missing topic, with settings that nobody chose.
        asker = make_consumer(self._settings, self.health)
        try:
            find_partitions(asker, self._settings, list(self._roles))
        finally:
            asker.close()
        self._producer = ReliableProducer(
            self._settings, self._acknowledge, self.health, self._deadline, self.context
        )

    def underway(self) -> int:
        """Return how many messages are handed over and not yet confirmed; from any thread."""
        producer = self._producer
        return 0 if producer is None else len(producer)

    def finish(self) -> int:
        """Wait for what is on its way until the deadline; return how many are undelivered."""
        producer, self._producer = self._producer, None
        return 0 if producer is None else producer.close(self._deadline.left())

    @hushing
    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Part:  # noqa: ARG002
        """Build what Bytewax asks for. Raises InputError like `open`."""
        self.open()
        assert self._producer is not None  # noqa: S101 - `open` has made it, or raised
        return _Part(self._producer, self._deadline)


class _Part(StatelessSinkPartition[Out]):
    def __init__(self, producer: ReliableProducer, deadline: Deadline) -> None:
        self._producer = producer
        self._deadline = deadline

    @hushing
    def write_batch(self, items: list[Out]) -> None:
        for out in items:
            self._producer.send(out)

    def close(self) -> None:
        self._producer.flush(self._deadline.left())
