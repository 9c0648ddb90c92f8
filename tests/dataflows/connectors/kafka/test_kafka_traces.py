"""The context of a trace comes in a header and goes out in one."""

import json
import threading
import time

import msgspec
import pytest
from bytewax.testing import run_main
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from dataflows.app.process import assemble
from dataflows.config.config import load_config
from dataflows.serve.traces import EventTraces
from encoders.backends.hashing import HashingEncoder

pytestmark = pytest.mark.kafka

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PATIENCE = 90.0


def send(broker, names):
    """Send items, an event in a sampled trace, one with a header that is none, one without."""
    producer = Producer({"bootstrap.servers": broker.servers})
    for number in range(12):
        item = {"item_id": f"i{number}", "title": f"thing {number}"}
        producer.produce(names.items, json.dumps(item).encode(), f"i{number}".encode())
    headers = (
        [("other", b"x"), ("traceparent", f"00-{TRACE}-{SPAN}-01".encode())],
        [("traceparent", b"00-of no use at all")],
        None,
    )
    for number, given in enumerate(headers):
        event = {"event_id": f"e{number}", "user_id": f"u{number}", "item_id": f"i{number}"}
        event |= {"type": "view", "ts": 1.7e9 + number}
        value = json.dumps(event).encode()
        if given is None:
            producer.produce(names.events, value)
        else:
            producer.produce(names.events, value, headers=given)
    assert producer.flush(PATIENCE) == 0


def read(broker, topic, count):
    """Read so many messages of a topic: their headers by key."""
    options = {"bootstrap.servers": broker.servers, "group.id": broker.name("reader")}
    consumer = Consumer(options)
    found = {}
    try:
        consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        end = time.monotonic() + PATIENCE
        while len(found) < count and time.monotonic() < end:
            message = consumer.poll(0.2)
            if message is not None and message.error() is None:
                found[message.key()] = dict(message.headers() or ())
    finally:
        consumer.close()
    return found


@pytest.mark.parametrize("is_on", [True, False])
def test_a_list_hands_on_the_context_of_its_event(
    broker, settings_for, tmp_path, monkeypatch, is_on
):
    names = broker.names()
    send(broker, names)
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    traces = EventTraces(provider, 0.0, 100) if is_on else None
    monkeypatch.setattr("dataflows.app.process.open_traces", lambda settings: traces)
    given = {"flow.source": "kafka", "state.path": str(tmp_path), "flow.epoch_seconds": 0.1}
    config = msgspec.structs.replace(
        load_config(None, given, {}), kafka=settings_for(broker, names)
    )
    stop, found = threading.Event(), {}

    def follow():
        found.update(read(broker, names.recommendations, 3))
        stop.set()

    process = assemble(config, stop.is_set, HashingEncoder(32))
    reader = threading.Thread(target=follow)
    try:
        process.open()
        reader.start()
        run_main(process.flow, epoch_interval=process.epoch)
    finally:
        stop.set()
        process.finish()
    reader.join()
    assert set(found) == {b"u0", b"u1", b"u2"}
    if not is_on:
        assert set(map(str, found.values())) == {"{}"}
        return
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert set(spans) == {"event", "send recommendations", "send intents"}
    assert f"{spans['event'].parent.span_id:016x}" == SPAN
    sent = spans["send recommendations"].context
    assert found[b"u0"] == {"traceparent": f"00-{TRACE}-{sent.span_id:016x}-01".encode()}
    assert found[b"u1"] == found[b"u2"] == {}
