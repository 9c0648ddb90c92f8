"""Time kept by a clock that the test moves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.evaluation import timing as pace_module
from dataflows.evaluation.timing import Pace


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now

    process_time = thread_time = perf_counter


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pace_module, "time", clock)
    return clock


def test_what_is_apart_is_left_out_and_what_is_inside_of_it_counts(clock) -> None:
    pace = Pace()
    clock.now += 50  # before the first events
    pace.leave(10, 10)
    clock.now += 1
    with pace.apart():
        clock.now += 20
        with pace.inside():
            clock.now += 2
    pace.arrive(10)
    assert pace.spent() == (3.0, 3.0)
    latency = pace.latency_ms()
    assert {latency[name] for name in ("p50", "p90", "p95", "p99", "max")} == {3000.0}


def test_latency_is_over_events_not_over_batches(clock) -> None:
    pace = Pace()
    pace.leave(99, 99)
    clock.now += 0.001
    pace.arrive(99)
    pace.leave(100, 1)
    clock.now += 1
    pace.arrive(100)
    assert pace.records == 100
    latency = pace.latency_ms()
    assert latency["p50"] == pytest.approx(1.0)
    assert latency["max"] == pytest.approx(1000.0)


@given(st.lists(st.tuples(st.floats(0, 1e5), st.integers(1, 50)), min_size=1, max_size=20))
def test_the_histogram_holds_every_event_between_its_edges(batches) -> None:
    pace = Pace()
    for milliseconds, events in batches:
        pace._latencies.append(milliseconds)
        pace._events.append(events)
        pace.records += events
    histogram = pace.latency_ms()["histogram"]
    edges, counts = histogram["edges"], histogram["events"]
    assert edges == sorted(set(edges))
    assert len(edges) == len(counts) + 1
    assert sum(counts) == pace.records
    for place, count in enumerate(counts):
        low, high, last = edges[place], edges[place + 1], place == len(counts) - 1
        assert count == sum(
            events for each, events in batches if low <= each < high or (last and each == high)
        )


def test_an_arrival_of_nothing_new_is_no_batch(clock) -> None:
    pace = Pace()
    pace.arrive(None)
    pace.arrive(7)
    assert pace.records == 0
    latency = pace.latency_ms()
    assert latency["p50"] is latency["max"] is None
    assert latency["histogram"] == {"edges": [], "events": []}
    assert pace.spent() == (0.0, 0.0)


def test_the_first_batch_stands_apart_from_the_later_ones() -> None:
    pace = Pace()
    assert pace.latency_ms()["first"] is None
    assert pace.latency_ms()["later"]["p99"] is None
    for milliseconds, events in ((5_000.0, 8), (10.0, 32), (20.0, 32)):
        pace._latencies.append(milliseconds)
        pace._events.append(events)
        pace.records += events
    latency = pace.latency_ms()
    assert latency["first"] == {"ms": 5_000.0, "events": 8}
    assert latency["later"]["p50"] == pytest.approx(15.0)
    assert latency["later"]["p99"] == 20.0
    assert latency["max"] == latency["p99"] == 5_000.0
