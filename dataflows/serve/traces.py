"""Traces of events: what came in, and the lists that went out for it, as OpenTelemetry tells it.

A span `event` runs from the arrival of a record in the flow to the moment at which what it made
leaves the learn step; for each message of it a span `send recommendations` (or of another topic)
runs on until it is delivered. Where the record came with a context, the first is a child of it;
the context of the second goes out in the message's header. No text, user or item is told.
"""

from __future__ import annotations

import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from dataflows.config.serve import TraceSettings
from dataflows.engine.batch import Batch, Encoded, EncodedEvent
from dataflows.errors import InputError
from dataflows.lifecycle.versions import installed
from dataflows.messages.outgoing_json import dead_letter_key, user_key
from dataflows.messages.raw import Reject
from dataflows.state.outbox import Acknowledge, Out

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

_SAMPLED = 1


class _Underway(NamedTuple):
    span: Span
    context: str


class EventTraces:
    """Traces events of a process. `provider` samples all that is begun here.

    `share` is that of events without a context that are traced; `waiting` the most messages that
    are followed to their delivery: the oldest gives way.
    """

    def __init__(
        self,
        provider: TracerProvider,
        share: float,
        waiting: int,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("penchant", installed("penchant"))
        self._share = share
        self._most = waiting
        self._dice = dice
        self._underway: OrderedDict[int, _Underway] = OrderedDict()
        self._lock = threading.Lock()

    def follow(self, _: object, batch: Batch | None, outs: Sequence[Out]) -> None:
        """Note what a shard made of a micro-batch."""
        if batch is None:
            return
        now = time.time_ns()
        begun = now - int((time.perf_counter() - batch.arrived) * 1e9) if batch.arrived else now
        spans: dict[bytes, Span] = {}
        for record in batch.records:
            if isinstance(record, EncodedEvent | Reject) and self._is_traced(record.raw.trace):
                span = self._begin(record, begun)
                key = _key_of(record)
                if key in spans:  # a later event of the same user made the list
                    spans[key].end(now)
                spans[key] = span
        if not spans:
            return
        for out in outs:
            parent = None if out.key is None else spans.get(out.key)
            if parent is not None:
                self._send(out, parent, now)
        for span in spans.values():
            span.end(now)

    def context(self, number: int) -> str | None:
        """Return the context that a message hands on, None where it is not traced."""
        underway = self._underway.get(number)
        return None if underway is None else underway.context

    def acknowledging(self, acknowledge: Acknowledge) -> Acknowledge:
        """Return an `acknowledge` that ends the span of what is delivered, too."""

        def delivered(number: int) -> None:
            acknowledge(number)
            underway = self._underway.pop(number, None)
            if underway is not None:
                underway.span.end()

        return delivered

    def close(self) -> None:
        """End what is underway, and send what was not sent yet."""
        with self._lock:
            while self._underway:
                self._underway.popitem()[1].span.end()
        self._provider.shutdown()

    def _is_traced(self, context: str | None) -> bool:
        """Whether a record is traced: as its context says, or else by chance."""
        if context is None:
            return self._dice() < self._share
        return bool(int(context[-2:], 16) & _SAMPLED)

    def _begin(self, record: EncodedEvent | Reject, begun: int) -> Span:
        from opentelemetry.trace import SpanKind, Status, StatusCode

        raw = record.raw
        said: dict[str, Any] = {
            "messaging.destination.name": raw.topic,
            "messaging.destination.partition.id": raw.partition,
            "messaging.kafka.offset": raw.offset,
        }
        if isinstance(record, EncodedEvent):
            said["penchant.event.type"] = record.event.type
        span = self._tracer.start_span(
            "event", _parent(raw.trace), SpanKind.CONSUMER, said, start_time=begun
        )
        if isinstance(record, Reject):
            span.set_status(Status(StatusCode.ERROR, record.reason))
        return span

    def _send(self, out: Out, parent: Span, now: int) -> None:
        from opentelemetry.trace import SpanKind, set_span_in_context

        span = self._tracer.start_span(
            f"send {out.topic}", set_span_in_context(parent), SpanKind.PRODUCER, start_time=now
        )
        of = span.get_span_context()
        context = f"00-{of.trace_id:032x}-{of.span_id:016x}-{int(of.trace_flags):02x}"
        with self._lock:
            self._underway[out.number] = _Underway(span, context)
            while len(self._underway) > self._most:
                self._underway.popitem(last=False)[1].span.end()


def open_traces(settings: TraceSettings) -> EventTraces | None:
    """Return what traces events, None where that is off. Raises InputError without the extra."""
    if not settings.enabled:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise InputError(
            "trace.enabled is true, but OpenTelemetry is not installed; run "
            "pip install 'penchant[trace]', or leave trace.enabled out"
        ) from error
    provider = TracerProvider(resource=Resource.create({"service.name": "penchant"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(settings.endpoint)))
    return EventTraces(provider, settings.share, settings.waiting)


def _key_of(record: Encoded) -> bytes:
    """Return the key of the messages that a record makes."""
    if isinstance(record, Reject):
        return dead_letter_key(record)
    assert isinstance(record, EncodedEvent)  # noqa: S101 - others are not traced
    return user_key(record.event.user_id)


def _parent(context: str | None) -> Any:
    """Return OpenTelemetry's context for that of a header."""
    if context is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": context})
