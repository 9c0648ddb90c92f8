"""Time kept by a clock that the test moves."""

from __future__ import annotations

import pytest

from dataflows import pace as pace_module
from dataflows.pace import Pace


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
    assert pace.latency_ms() == {"p50": 3000.0, "p99": 3000.0}


def test_latency_is_over_events_not_over_batches(clock) -> None:
    pace = Pace()
    pace.leave(99, 99)
    clock.now += 0.001
    pace.arrive(99)
    pace.leave(100, 1)
    clock.now += 1
    pace.arrive(100)
    assert pace.records == 100
    assert pace.latency_ms()["p50"] == pytest.approx(1.0)


def test_an_arrival_of_nothing_new_is_no_batch(clock) -> None:
    pace = Pace()
    pace.arrive(None)
    pace.arrive(7)
    assert pace.records == 0
    assert pace.latency_ms() == {"p50": None, "p99": None}
    assert pace.spent() == (0.0, 0.0)
