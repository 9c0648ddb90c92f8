"""Carries messages to Kafka: every delivery report is read, and nothing is given up.

    handed over ─ sent ─┬─ delivered: acknowledged
                        ├─ too big for the broker: cut or dead-lettered, and sent again
                        └─ refused: waits, and is sent again, unless there is a newer of its key

A thread of its own reads the reports, also while the flow is quiet or a step is long.
The number of messages on their way is bounded: where it is reached, `send` waits, and
the flow with it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from dataflows.config.kafka import KafkaSettings
from dataflows.connectors.kafka.client import make_producer
from dataflows.connectors.kafka.headers import headers_of
from dataflows.connectors.kafka.health import Health
from dataflows.connectors.kafka.oversize import fit, size
from dataflows.lifecycle.deadline import Deadline
from dataflows.state.outbox import Acknowledge, Out

POLL_SECONDS = 0.1
PAUSE_SECONDS = 1.0
"""Before a refused message is sent again."""
TOO_BIG = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE})
PURGED = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})  # noqa: SLF001 - so named

Context = Callable[[int], str | None]
Key = tuple[str, bytes]
"""A topic, and the key of a message there."""


class KeyOrder:
    """Keeps track of the newest message of each key; a key is forgotten with its last message.

    A message that has to be sent again would come after newer ones of its user, and a
    compacted topic would keep the old one for good. So it is left out if there is a newer.
    """

    def __init__(self) -> None:
        self._newest: dict[Key, tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._newest)

    def handed_over(self, out: Out) -> None:
        """Note that it is on its way."""
        if out.key is not None:
            newest, number = self._newest.get((out.topic, out.key), (out.number, 0))
            self._newest[out.topic, out.key] = (max(newest, out.number), number + 1)

    def done(self, out: Out) -> None:
        """Note that it is on its way no more."""
        if out.key is not None:
            newest, number = self._newest[out.topic, out.key]
            if number > 1:
                self._newest[out.topic, out.key] = (newest, number - 1)
            else:
                del self._newest[out.topic, out.key]

    def is_superseded(self, out: Out) -> bool:
        """Return whether a newer message of the same key is, or was just now, on its way."""
        if out.key is None:
            return False
        return self._newest[out.topic, out.key][0] > out.number


class Sending(msgspec.Struct, eq=False, gc=False):
    """A message on its way: as handed over, as sent, since when, and when to send it again."""

    out: Out
    sent: Out
    since: float
    again: float = 0.0


class ReliableProducer:
    """Delivers messages to Kafka, sending again what fails, by one producer and its thread.

    `send` may be called from any thread; one that waits gives up once `deadline` is over, and
    the message stays with its caller. No message is dropped, and none is overtaken by an older
    one of its key. `acknowledge` gets the number of each once it is delivered for good. `context`
    returns that of the trace of a number, to be handed on in a header.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        acknowledge: Acknowledge,
        health: Health,
        deadline: Deadline | None = None,
        context: Context | None = None,
    ) -> None:
        self._context = context
        self._settings = settings
        self._acknowledge = acknowledge
        self._health = health
        self._deadline = deadline or Deadline(settings.flush_seconds)
        self._topics = settings.topics()
        self._limit = settings.message_max_bytes
        self._producer: Producer = make_producer(settings, health)
        self._changed = threading.Condition()
        self._underway: dict[int, Sending] = {}
        self._refused: dict[int, Sending] = {}
        self._unlucky: set[int] = set()
        self._order = KeyOrder()
        self._broken: Producer | None = None
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="kafka-producer", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        """Return the number of messages handed over and not yet delivered."""
        return len(self._underway)

    def send(self, out: Out) -> bool:
        """Hand over; False if the process ends before there was room."""
        with self._changed:
            while len(self._underway) >= self._settings.queue_messages:
                if not self._wait_for_room():
                    return False
            sending = Sending(out, fit(out, self._limit, self._health.count), time.monotonic())
            self._underway[out.number] = sending
            self._order.handed_over(out)
        while not self._try(sending):
            with self._changed:
                if not self._wait_for_room():
                    self._leave(sending)
                    return False
        return True

    def flush(self, seconds: float) -> int:
        """Wait until all is delivered; return how many are not."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while self._underway and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(min(left, POLL_SECONDS))
            return len(self._underway)

    def close(self, seconds: float) -> int:
        """Flush and end the thread; return how many were not delivered (their owner keeps them)."""
        left = self.flush(seconds)
        self._is_closing = True
        self._thread.join()
        self._producer.purge()
        self._producer.flush(1)
        self._health.count("kept", left)
        if kept := self._health.counts["kept"]:
            self._health.tell(
                "undelivered",
                "%d messages are not delivered; they are kept in the state and sent at the next "
                "start",
                kept,
            )
        return left

    def _wait_for_room(self) -> bool:
        self._health.count("waits")
        if self._deadline.is_over:
            self._health.count("kept")
            return False
        self._changed.wait(POLL_SECONDS)
        return True

    def _try(self, sending: Sending) -> bool:
        """Hand it to the producer; False where its queue is full."""
        producer, sent = self._producer, sending.sent
        report = partial(self._report, sending, producer)
        try:
            if self._context is None or (context := self._context(sent.number)) is None:
                producer.produce(self._topics[sent.topic], sent.value, sent.key, on_delivery=report)
            else:
                producer.produce(
                    *(self._topics[sent.topic], sent.value, sent.key),
                    on_delivery=report,
                    headers=headers_of(context),
                )
        except BufferError:
            return False
        except KafkaException as error:
            report(error.args[0], None)
        return True

    def _report(
        self, sending: Sending, producer: Producer, error: KafkaError | None, _: Message | None
    ) -> None:
        if error is None:
            self._done(sending)
        elif not self._is_closing and not (error.code() in TOO_BIG and self._make_smaller(sending)):
            if error.fatal() or error.code() == KafkaError._FATAL:  # noqa: SLF001
                self._broken = producer
            if error.code() not in PURGED:
                topic = self._topics[sending.sent.topic]
                self._health.error("refused", f"{topic}: {error.str()}")
                self._health.count("refused")
                self._unlucky.add(sending.out.number)
            self._later(sending, PAUSE_SECONDS)

    def _make_smaller(self, sending: Sending) -> bool:
        """Cut it to half, for a broker whose limit is lower than ours; False where it cannot be."""
        before = size(sending.sent)
        smaller = fit(sending.sent, before // 2, self._health.count)
        if size(smaller) >= before:
            return False
        sending.sent = smaller
        self._later(sending, 0.0)
        return True

    def _done(self, sending: Sending) -> None:
        self._acknowledge(sending.out.number)
        self._leave(sending)

    def _later(self, sending: Sending, seconds: float) -> None:
        with self._changed:
            sending.again = time.monotonic() + seconds
            self._refused[sending.out.number] = sending

    def _leave(self, sending: Sending) -> None:
        with self._changed:
            if self._underway.pop(sending.out.number, None) is not None:
                self._order.done(sending.out)
                self._unlucky.discard(sending.out.number)
                self._changed.notify_all()

    def _run(self) -> None:
        while not self._is_closing:
            self._producer.poll(POLL_SECONDS)
            if self._broken is self._producer:
                self._renew()
            if self._refused:
                self._send_again()
            self._watch()

    def _renew(self) -> None:
        """Replace a producer that librdkafka has given up, and send again what it had."""
        broken = self._producer
        self._health.count("renewed")
        self._producer = make_producer(self._settings, self._health)
        broken.purge()
        broken.flush(1)

    def _send_again(self) -> None:
        for sending in self._take_due():
            if self._order.is_superseded(sending.out):
                self._health.count("superseded")
                self._done(sending)
            elif not self._try(sending):
                self._later(sending, POLL_SECONDS)

    def _take_due(self) -> list[Sending]:
        """Remove and return what is to be sent again now, the oldest first."""
        now = time.monotonic()
        with self._changed:
            due = [number for number, each in self._refused.items() if each.again <= now]
            return [self._refused.pop(number) for number in sorted(due)]

    def _watch(self) -> None:
        with self._changed:
            oldest = next(iter(self._underway.values()), None)
            waiting = len(self._underway)
        age = 0.0 if oldest is None else time.monotonic() - oldest.since
        if self._unlucky:
            self._health.degraded(f"{len(self._unlucky)} messages are refused")
        elif age > self._settings.degraded_seconds:
            self._health.degraded(f"no delivery for {age:.0f} s, {waiting} messages wait")
        else:
            self._health.good()
