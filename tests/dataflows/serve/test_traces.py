"""Traces: from an event to the lists that it made, in the trace that it came with."""

import builtins
import json

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from dataflows.config.config import load_config
from dataflows.config.events import EventSettings
from dataflows.config.serve import TraceSettings
from dataflows.engine.encode_step import EncodeStep
from dataflows.engine.item_store import Catalogue
from dataflows.errors import InputError
from dataflows.evaluation.offline_flow import open_engine
from dataflows.messages.raw import Raw
from dataflows.serve.traces import EventTraces, open_traces
from dataflows.state.records import MemoryStore
from encoders.load import load_encoder
from learners.types import Item
from tests.dataflows.serve.metrics.running import config_of, ran, write_shop

ENCODER = load_encoder("hashing-32")
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED, LEFT_OUT = f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00"


@pytest.fixture
def told():
    """What traces tell, and a maker of them."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    def make(share=0.0, waiting=100):
        return EventTraces(provider, share, waiting)

    yield exporter, make
    provider.shutdown()


class Stream:
    """One engine that is followed by traces."""

    def __init__(self, traces):
        self.traces = traces
        self.engine = open_engine(load_config(None, {}, {}), ENCODER, store=MemoryStore())
        self.encode = EncodeStep(ENCODER, EventSettings(), Catalogue(None, ENCODER.version))
        self.at = 0
        for number in range(20):
            self.engine.model.put_item(Item(f"other {number}", f"another thing {number}"))

    def __call__(self, *records):
        """Learn one micro-batch of (user, context), a user of None for a bad record."""
        raws = []
        for user, context in records:
            event = {"event_id": f"e{self.at}", "user_id": user, "item_id": f"i{self.at}"}
            event |= {"type": "view", "ts": 1.7e9 + self.at}
            value = b"{" if user is None else json.dumps(event).encode()
            raws.append(Raw("events", "events-0", self.at, self.at + 1, None, value, trace=context))
            self.at += 1
        outs = []
        for _, batch in self.encode(raws):
            made = self.engine.process(batch)
            self.traces.follow(self.engine, batch, made)
            outs += made
        return outs


def test_a_list_goes_on_in_the_trace_that_its_event_came_with(told):
    exporter, make = told
    traces = make()
    stream = Stream(traces)
    outs = stream(("u1", None), ("u1", SAMPLED))
    acknowledged = []
    acknowledge = traces.acknowledging(acknowledged.append)
    contexts = {out.topic: traces.context(out.number) for out in outs}
    for out in outs:
        acknowledge(out.number)
    assert acknowledged == [out.number for out in outs]
    event, *sent = sorted(exporter.get_finished_spans(), key=lambda span: span.name)
    assert event.name == "event"
    assert f"{event.parent.trace_id:032x}-{event.parent.span_id:016x}" == f"{TRACE}-{SPAN}"
    assert {span.name for span in sent} == {"send recommendations", "send intents"}
    for span in sent:
        assert span.parent.span_id == event.context.span_id
        context = f"00-{TRACE}-{span.context.span_id:016x}-01"
        assert contexts[span.name.removeprefix("send ")] == context
        assert event.end_time == span.start_time <= span.end_time
    assert event.attributes["messaging.kafka.offset"] == 1
    assert "u1" not in repr(dict(event.attributes))
    assert all(traces.context(out.number) is None for out in outs)


def test_what_is_not_sampled_is_not_traced(told):
    exporter, make = told
    stream = Stream(make(share=1.0))
    outs = stream(("u1", LEFT_OUT))
    assert outs
    assert exporter.get_finished_spans() == ()
    assert all(stream.traces.context(out.number) is None for out in outs)


def test_the_share_is_of_events_without_a_context(told):
    exporter, make = told
    Stream(make(share=1.0))(("u1", None), ("u2", None))
    events = exporter.get_finished_spans()
    assert [span.name for span in events] == ["event", "event"]
    assert all(span.parent is None for span in events)
    assert len({span.context.trace_id for span in events}) == 2
    exporter.clear()
    Stream(make(share=0.0))(("u1", None))
    assert exporter.get_finished_spans() == ()


def test_a_record_that_cannot_be_learnt_is_an_error_with_its_dead_letter(told):
    exporter, make = told
    traces = make()
    (letter,) = Stream(traces)((None, SAMPLED))
    traces.acknowledging(lambda _: None)(letter.number)
    event, sent = exporter.get_finished_spans()
    assert (event.status.status_code, event.status.description) == (StatusCode.ERROR, "bad_json")
    assert sent.name == "send dead-letters"
    assert f"{sent.context.trace_id:032x}" == TRACE


def test_of_too_many_messages_underway_the_oldest_is_let_go(told):
    exporter, make = told
    traces = make(waiting=3)
    outs = Stream(traces)(*((f"u{number}", SAMPLED) for number in range(4)))
    assert len(outs) == 8
    assert [traces.context(out.number) is not None for out in outs] == [False] * 5 + [True] * 3
    assert len(exporter.get_finished_spans()) == 5 + 4


def test_a_process_traces_where_it_is_told_to_and_ends_its_spans(tmp_path, told, monkeypatch):
    exporter, make = told
    traces = make(share=1.0)
    monkeypatch.setattr("dataflows.app.process.open_traces", lambda settings: traces)
    write_shop(tmp_path, 40)
    with ran(config_of(tmp_path, **{"metrics.enabled": False})):
        pass
    names = [span.name for span in exporter.get_finished_spans()]
    lists = (tmp_path / "output/recommendations.jsonl").read_text().splitlines()
    assert names.count("event") == 40 + 1
    assert names.count("send recommendations") == len(lists) > 0


def test_without_the_extra_it_is_refused_in_a_line(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("opentelemetry"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    assert open_traces(TraceSettings()) is None
    with pytest.raises(InputError, match=r"pip install 'penchant\[trace\]'"):
        open_traces(TraceSettings(enabled=True))


def test_it_is_made_with_the_extra():
    traces = open_traces(TraceSettings(enabled=True, endpoint="http://127.0.0.1:9/v1/traces"))
    traces.close()
