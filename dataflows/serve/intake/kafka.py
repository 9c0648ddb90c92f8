"""Events and items to their topics, by one producer: each is waited for until brokers have it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from dataflows.config.kafka import EVENTS, ITEMS, KafkaSettings
from dataflows.connectors.kafka.client import producer_options
from dataflows.connectors.kafka.health import Health
from dataflows.serve.answers import NotAnsweredHereError
from dataflows.serve.intake.destination import NotTakenError, Record, Written

POLL_SECONDS = 0.1
LEAST_SECONDS = 1.0
"""librdkafka gives up no message sooner."""


class KafkaDestination:
    """Produces records, acknowledged by all brokers in sync; one that is not in time is given up.

    `seconds` is that time. A thread of its own reads the reports. Keys are those that consumers
    expect: the user of an event, the id of an item, whose null value is its removal. Raises
    InputError where librdkafka refuses an option.
    """

    def __init__(self, settings: KafkaSettings, seconds: float) -> None:
        self._settings = settings
        self._topics = settings.topics()
        self._seconds = max(LEAST_SECONDS, seconds)
        self._health = Health("intake")
        self._lock = threading.Lock()
        self._broken: Producer | None = None
        self._producer = self._made()
        self._is_closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="http-producer", daemon=True)
        self._thread.start()

    def put_events(
        self, records: Sequence[Record], seconds: float
    ) -> list[Written | NotTakenError]:
        """Produce events, and return of each where it stands, or why it is not confirmed."""
        return self._put(EVENTS, records, seconds)

    def put_item(self, record: Record, seconds: float) -> Written:
        """Produce an item, or its removal. Raises NotTakenError."""
        if ITEMS not in self._topics:
            raise NotAnsweredHereError(
                "there is no topic of items here (kafka.items_topic = ''); name one"
            )
        (found,) = self._put(ITEMS, [record], seconds)
        if isinstance(found, NotTakenError):
            raise found
        return found

    def close(self) -> None:
        """Wait for what is under way, for a while, and end."""
        self._producer.flush(POLL_SECONDS * 10)
        self._is_closing.set()
        self._thread.join()

    def _put(
        self, role: str, records: Sequence[Record], seconds: float
    ) -> list[Written | NotTakenError]:
        reports = _Reports(self._topics[role], len(records))
        producer = self._in_use()
        for number, record in enumerate(records):
            report = partial(self._report, reports, number, producer)
            try:
                producer.produce(self._topics[role], record.value, record.key, on_delivery=report)
            except BufferError:
                reports.refuse(number, "too many are on their way (kafka.queue_messages)")
            except KafkaException as error:
                report(error.args[0], None)
        return reports.wait(seconds)

    def _report(
        self,
        reports: _Reports,
        number: int,
        producer: Producer,
        error: KafkaError | None,
        message: Message | None,
    ) -> None:
        if error is not None and (error.fatal() or error.code() == KafkaError._FATAL):  # noqa: SLF001 - so named
            self._broken = producer
        reports.report(number, error, message)

    def _in_use(self) -> Producer:
        """Return the producer, made anew where librdkafka has given it up for good."""
        with self._lock:
            if self._broken is self._producer:
                self._health.count("renewed")
                self._producer.purge()
                self._producer = self._made()
            return self._producer

    def _made(self) -> Producer:
        options = producer_options(self._settings, self._health)
        return Producer(options | {"message.timeout.ms": round(self._seconds * 1000)})

    def _run(self) -> None:
        while not self._is_closing.is_set():
            self._producer.poll(POLL_SECONDS)


class _Reports:
    """What became of each record of a request."""

    def __init__(self, topic: str, count: int) -> None:
        self._topic = topic
        self._found: list[Written | NotTakenError | None] = [None] * count
        self._left = count
        self._changed = threading.Condition()

    def report(self, number: int, error: KafkaError | None, message: Message | None) -> None:
        """Note a delivery, or why there was none; called from the thread that polls."""
        if error is not None or message is None:
            self.refuse(number, "no report" if error is None else error.str())
            return
        partition, offset = message.partition(), message.offset()
        self._note(number, Written(f"{self._topic}-{partition}", offset or 0))

    def refuse(self, number: int, why: str) -> None:
        """Note that a record is not confirmed."""
        self._note(number, NotTakenError(f"{self._topic}: {why}"))

    def wait(self, seconds: float) -> list[Written | NotTakenError]:
        """Return what became of all, at most so many seconds later."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while self._left and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            late = f"{self._topic}: not confirmed within {seconds:g} s"
            return [one if one is not None else NotTakenError(late) for one in self._found]

    def _note(self, number: int, found: Written | NotTakenError) -> None:
        with self._changed:
            if self._found[number] is None:
                self._found[number] = found
                self._left -= 1
                self._changed.notify_all()
