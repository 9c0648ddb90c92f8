"""Curves follow from the rows: each against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest

from dataflows.evaluation.judging.scored import Scored, ScoredEvent
from dataflows.evaluation.judging.trace import Trace
from dataflows.evaluation.metrics.curves import POINTS, curves
from learners.drift import Alarm

N, WARMUP = 2500, 100


@pytest.fixture(scope="module")
def rows() -> tuple[Scored, Trace]:
    """Every third event of a stream is learnt only; one group a minute, of two events."""
    rng = np.random.default_rng(0)
    scored, trace = Scored(), Trace()
    for position in range(WARMUP + N):
        if position % 2 == 0:
            trace.open(position % 5, 60.0 * position)
        judged = position >= WARMUP and position % 3 != 0
        trace.add(0, 1.0, None, len(scored) if judged else -1)
        if judged:
            rank = int(rng.integers(0, 30))
            scored.add(
                f"e{position}",
                ScoredEvent(
                    position % 5, len(scored) // 5, rank, rank, 0, 50, rank > 0, rank % 2 == 0, 9, 0
                ),
            )
    scored.add_baseline("other", rng.integers(0, 60, len(scored)))
    return scored, trace


def hit(scored: Scored, name: str) -> np.ndarray:
    ranks = scored.column(name)
    return (ranks > 0) & (ranks <= 10)


def test_the_running_hit_rate_is_a_mean_over_the_window(rows) -> None:
    scored, trace = rows
    running = curves(scored, trace, [], 10)["running"]
    assert running["window"] == 200
    assert len(running["events"]) == POINTS
    assert running["events"][0] == 200
    assert running["events"][-1] == len(scored)
    for name in ("tie_safe", "other"):
        for end, value in zip(running["events"], running["hr@10"][name], strict=True):
            assert value == pytest.approx(hit(scored, name)[end - 200 : end].mean())
    reached = scored.flag("reached")
    assert running["candidate_recall"][3] == pytest.approx(
        reached[running["events"][3] - 200 : running["events"][3]].mean()
    )


def test_times_are_those_of_the_windows_last_events(rows) -> None:
    scored, trace = rows
    running = curves(scored, trace, [], 10)["running"]
    positions = [int(event[1:]) for event in scored.event_ids]
    for end, ts in zip(running["events"], running["times"], strict=True):
        assert ts == 60.0 * (positions[end - 1] // 2 * 2)


def test_an_alarm_stands_after_the_events_scored_up_to_it(rows) -> None:
    scored, trace = rows
    positions = [int(event[1:]) for event in scored.event_ids]
    alarms = [Alarm("hit", at, 0.2, 0.1) for at in (5, 101, 900, 2599)]
    marked = curves(scored, trace, alarms, 10)["running"]["alarms"]
    for alarm, mark in zip(alarms, marked, strict=True):
        assert mark["events"] == sum(position <= alarm.position for position in positions)
        assert (mark["learnt"], mark["signal"], mark["after"]) == (alarm.position, "hit", 0.1)


def test_by_history_counts_every_event_once(rows) -> None:
    scored, trace = rows
    got = curves(scored, trace, [], 10)["by_history"]
    assert sum(got["events"]) == len(scored)
    ordinals = scored.column("ordinal")
    for place, (start, stop) in enumerate(zip(got["from"], got["to"], strict=True)):
        part = (ordinals >= start) & (ordinals <= (10**9 if stop is None else stop))
        assert got["events"][place] == part.sum() > 0
        assert got["hr@10"]["other"][place] == pytest.approx(hit(scored, "other")[part].mean())


def test_by_rank_adds_up_to_the_hit_rate(rows) -> None:
    scored, trace = rows
    got = curves(scored, trace, [], 10)["by_rank"]
    for name in ("tie_safe", "other"):
        assert sum(got["hits"][name]) == hit(scored, name).sum()
        assert got["hits"][name][2] == (scored.column(name) == 3).sum()
        within = dict(zip(got["within"], got["share"][name], strict=True))
        assert within[10] == pytest.approx(hit(scored, name).mean())
        assert list(within.values()) == sorted(within.values())


def test_recall_of_each_kind_of_event(rows) -> None:
    scored, trace = rows
    got = curves(scored, trace, [], 10)["candidates"]
    reached, repeat = scored.flag("reached"), scored.flag("repeat")
    assert got["all"]["recall"] == pytest.approx(reached.mean())
    assert got["all"]["hr@10_if_reached"] == pytest.approx(hit(scored, "tie_safe")[reached].mean())
    assert got["new"]["recall"] == pytest.approx(reached[~repeat].mean())
    assert got["cold"]["events"] == 25
    assert got["competitors"] == 50


def test_a_handful_of_events_and_none_at_all() -> None:
    scored, trace = Scored(), Trace()
    empty = curves(scored, trace, [Alarm("hit", 3, 0.2, 0.1)], 10)
    assert empty["running"]["events"] == []
    assert empty["by_history"]["events"] == []
    assert empty["candidates"]["all"]["recall"] is None
    trace.open(0, 1.0)
    trace.add(0, 1.0, None, 0)
    scored.add("e0", ScoredEvent(0, 0, 1, 1, 1, 5, True, False, 3, 0))
    one = curves(scored, trace, [], 10)["running"]
    assert (one["window"], one["events"], one["hr@10"]) == (1, [1], {"tie_safe": [1.0]})
