from __future__ import annotations

import json
from contextlib import closing

from hypothesis import given
from hypothesis import strategies as st

from dataflows.config.events import EventSettings
from dataflows.connectors.files.line_reader import LineReader
from dataflows.finetune.window.window import Window, WindowEvent, WindowItem, split, write_log
from dataflows.messages.events import EventRecord, decode_event
from dataflows.messages.raw import EVENTS


def window(times: list[float], fresh: int) -> Window:
    events = [WindowEvent(f"e{n}", f"u{n % 3}", "view", ts, f"i{n}") for n, ts in enumerate(times)]
    return Window("encoder", 0, events, fresh, {})


@given(
    st.lists(st.integers(0, 30), max_size=60),
    st.floats(0.0, 1.0),
    st.data(),
)
def test_the_newest_slice_is_fresh_and_nothing_trained_on_is_later(times, share, data):
    fresh = data.draw(st.integers(0, len(times)))
    parted = split(window([float(ts) for ts in times], fresh), share)
    known = {f"e{n}" for n in range(len(times) - fresh)}
    assert not known & {event.event_id for event in parted.newest}
    if parted.newest:
        cut = parted.newest[0].ts
        assert all(event.ts < cut for event in parted.train)
        assert all(event.ts >= cut for event in parted.newest)
        # What is in neither is what was there before, later than the cut.
        left = len(times) - len(parted.train) - len(parted.newest)
        assert left == sum(ts >= cut for ts in times[: len(times) - fresh])
    else:
        assert len(parted.train) == len(times)
    for part in (parted.train, parted.newest):
        assert [event.ts for event in part] == sorted(event.ts for event in part)


def test_the_slice_is_as_large_as_its_share_says():
    parted = split(window([float(n) for n in range(100)], 50), 0.2)
    assert [event.event_id for event in parted.newest] == [f"e{n}" for n in range(80, 100)]
    assert len(parted.train) == 80
    assert parted.span() == {
        "events": 80,
        "newest": 20,
        "first_ts": 0.0,
        "last_ts": 79.0,
        "newest_first_ts": 80.0,
        "newest_last_ts": 99.0,
    }
    assert {event.item_id for event in parted.train} == {f"i{n}" for n in range(80)}


def test_few_fresh_events_make_a_small_slice():
    assert len(split(window([float(n) for n in range(100)], 5), 0.2).newest) == 5
    assert split(window([1.0, 2.0], 0), 0.2).newest == []


def test_events_of_one_time_stay_together():
    parted = split(window([1.0, 2.0, 2.0, 2.0, 3.0], 5), 0.4)
    assert [event.ts for event in parted.train] == [1.0]


def test_a_written_log_is_read_back_whole(tmp_path):
    events = [
        WindowEvent("e1", "u", "search", 1e9 + 0.125, None, 1.0, "words\n", "an intent"),
        WindowEvent("e2", "u", "rate", 1e9 + 1.5, "i1", 2.0, None, None, 4.0, "s"),
    ]
    items = {"i1": WindowItem("i1", "Title", "text", ("a",), available=False)}
    log, catalogue = write_log(tmp_path / "log", events, items)
    for unit in ("s", "ns"):
        settings = EventSettings(time_unit=unit)
        with closing(LineReader(log, EVENTS, "p", max_bytes=1000)) as reader:
            read = [decode_event(raw, settings) for raw in reader.records()]
        assert all(isinstance(event, EventRecord) for event in read)
        assert [(e.event_id, e.ts, e.item_id, e.value, e.session_id, e.intent) for e in read] == [
            (e.event_id, e.ts, e.item_id, e.value, e.session_id, e.intent) for e in events
        ]
    assert json.loads(catalogue.read_text()) == {
        "item_id": "i1",
        "title": "Title",
        "text": "text",
        "categories": ["a"],
        "available": False,
    }
