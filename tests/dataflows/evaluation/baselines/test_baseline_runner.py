"""The runner against a naive reading of the rules, and the honesty of every baseline."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.evaluation.baselines.catalogue import BASELINES, open_baselines
from dataflows.evaluation.baselines.popularity import PopularityBaseline
from dataflows.evaluation.baselines.run_all import hold_contest
from dataflows.evaluation.baselines.runner import BaselineRunner, rank_in, run_baseline


def odd_score(user: str, ts: float, item: str, past: list[tuple[str, str]]) -> float:
    """A score with ties, NaN and infinities, that depends on all that a baseline is told."""
    number = 3 * past.count((user, item)) + sum(i == item for _, i in past) + int(ts) % 3
    return [0.0, 1.0, math.nan, 1.0, -math.inf, 2.0, math.inf][number % 7]


class Odd:
    """A baseline that scores by `odd_score`, which tells rows apart by the order of learning."""

    notes = ("odd",)

    def __init__(self) -> None:
        self.past: list[tuple[str, str]] = []

    def scores(self, user: int, ts: float, items: int) -> np.ndarray:
        return np.array([odd_score(str(user), ts, str(row), self.past) for row in range(items)])

    def learn(self, group) -> None:
        self.past += [(str(group.user), str(row)) for row in group.items.tolist()]


def naive_ranks(events, warmup: int, repeats_on: bool) -> list[int]:
    """Ranks by the words of the protocol, each from the whole log before."""
    users = list(dict.fromkeys(user for user, *_ in events))
    rows = list(dict.fromkeys(item for _, item, *_ in events if item is not None))
    named = [
        (str(users.index(user)), None if item is None else str(rows.index(item)), ts)
        for user, item, ts, _ in events
    ]
    ranks, start = [], 0
    for n, (user, item, ts) in enumerate(named):
        if n and named[n - 1][::2] != (user, ts):
            start = n
        own = {i for u, i, _ in named[:n] if u == user}
        if n < warmup or item is None or (item in own and not repeats_on) or events[n][3] <= 0:
            continue
        past = [(u, i) for u, i, _ in named[:start] if i is not None]
        mine = set() if repeats_on else {i for u, i in past if u == user}
        scores = {i: odd_score(user, ts, i, past) for i in {i for _, i in past} - mine}
        true = scores.get(item, math.nan)
        missed = math.isnan(true) or true == -math.inf
        ranks.append(0 if missed else sum(score >= true for score in scores.values()))
    return ranks


@pytest.fixture(scope="session")
def check_runner(traced):
    def check(events, warmup: int, repeats_on: bool) -> None:
        trace = traced(events, warmup, repeats_on=repeats_on)
        run = run_baseline(Odd(), trace, repeats_on=repeats_on)
        assert run.ranks.tolist() == naive_ranks(events, warmup, repeats_on)
        assert (run.events, run.notes) == (len(events), ("odd",))

    return check


@given(data=st.data(), warmup=st.integers(0, 6), repeats_on=st.booleans())
def test_ranks_equal_a_naive_reading_of_the_protocol(
    check_runner, logs, data, warmup, repeats_on
) -> None:
    check_runner(data.draw(logs), warmup, repeats_on)


def test_a_trace_that_still_grows_gives_the_same_ranks(judged, long_log) -> None:
    whole = run_baseline(PopularityBaseline(), judged(long_log).trace, repeats_on=False)
    ends_scored = [*long_log[:700], ("u0", "new", long_log[700][2], 1.0)]
    judge = judged(ends_scored)
    runner = BaselineRunner(PopularityBaseline(), judge.trace, repeats_on=False)
    runner.advance()
    assert runner.done == len(judge.trace) - 1
    seen = runner.ranks()
    assert seen.tolist() == whole.ranks[: len(seen)].tolist()
    assert runner.ranks(newest=5).tolist() == seen[-5:].tolist()
    assert runner.ranks(newest=0).tolist() == []
    assert len(runner.finish().ranks) == len(judge.scored) > len(seen)


def test_progress_is_told_and_a_peer_of_the_wrong_shape_is_caught(traced, long_log) -> None:
    told: list[int] = []
    run_baseline(PopularityBaseline(), traced(long_log), repeats_on=False, tick=told.append)
    assert told == sorted(told)
    assert len(told) > 3

    class Short(PopularityBaseline):
        def scores(self, user, ts, items):
            return np.zeros(items - 1)

    with pytest.raises(ValueError, match="Short gave scores of shape"):
        run_baseline(Short(), traced(long_log[:50]), repeats_on=False)


@pytest.mark.parametrize(
    ("scores", "row", "own", "rank"),
    [
        ([1.0, 3.0, 2.0], 2, set(), 2),
        ([2.0, 2.0, 2.0], 0, set(), 3),
        ([2.0, 2.0, 2.0], 0, {1}, 2),
        ([1.0, math.nan], 0, set(), 1),
        ([math.nan, 1.0], 0, set(), 0),
        ([-math.inf, 1.0], 0, set(), 0),
        ([math.inf, math.inf], 0, set(), 2),
        ([1.0], 1, set(), 0),
        ([], 0, set(), 0),
    ],
)
def test_rank_in_scores(scores, row, own, rank) -> None:
    assert rank_in(np.array(scores, dtype=np.float64), row, own) == rank


def installed() -> list[str]:
    """Those of ours whose libraries are here."""
    return [name for name in open_baselines(("all",), 0).baselines if name in BASELINES]


@pytest.fixture(params=installed())
def baseline_name(request) -> str:
    return request.param


def test_what_comes_later_changes_no_rank_before(baseline_name, judged, long_log) -> None:
    cut = 1200
    rng = random.Random(0)
    future = [
        (f"u{rng.randrange(50)}", f"i{rng.randrange(120)}", ts, weight)
        for _, _, ts, weight in long_log[cut:]
    ]
    ranks = []
    for events in (long_log, long_log[:cut] + future):
        judge = judged(events, 200)
        run = run_baseline(BASELINES[baseline_name](0), judge.trace, repeats_on=False)
        ranks.append(dict(zip(judge.scored.event_ids, run.ranks.tolist(), strict=True)))
    before = {f"e{n}" for n in range(cut)} & ranks[0].keys()
    assert len(before) > 400
    assert [ranks[0][each] for each in before] == [ranks[1][each] for each in before]
    assert ranks[0] != ranks[1]


def test_a_peer_answers_from_the_first_event_on(baseline_name, judged) -> None:
    events = [
        ("u", None, 1.0, 1.0),
        ("u", "a", 2.0, 1.0),
        ("u", "a", 3.0, 1.0),
        ("u", "a", 3.0, -1.0),
        ("v", "b", 4.0, -1.0),
        ("v", "a", 5.0, -1.0),
        ("w", "b", 6.0, 1.0),
        ("w", "a", 6.0, 1.0),
        ("v", "b", 7.0, 1.0),
        ("x", None, 8.0, 1.0),
        ("x", "c", 9.0, 1.0),
    ]
    judge = judged(events, repeats_on=True)
    ranks = run_baseline(BASELINES[baseline_name](0), judge.trace, repeats_on=True).ranks
    by_event = dict(zip(judge.scored.event_ids, ranks.tolist(), strict=True))
    assert by_event["e1"] == by_event["e10"] == 0  # nobody had met them
    assert by_event["e2"] == 1  # the only item that there was
    assert not {"e3", "e4", "e5"} & by_event.keys()  # no wishes


def test_names_and_other_runs_change_no_rank(baseline_name, traced, long_log) -> None:
    rng = random.Random(1)
    renamed: dict[str, str] = {}

    def new(name: str) -> str:
        return renamed.setdefault(name, f"x{rng.randrange(10**9)}")

    other = [(new(user), new(item), ts, weight) for user, item, ts, weight in long_log[:900]]
    runs = [
        run_baseline(BASELINES[baseline_name](7), traced(events, 100), repeats_on=False)
        for events in (long_log[:900], other)
    ]
    assert runs[0].ranks.tolist() == runs[1].ranks.tolist()
    assert runs[0].events == 900


def test_a_peer_learns_what_there_is_to_learn(baseline_name, traced, long_log) -> None:
    trace = traced(long_log, 1000, repeats_on=True)
    run = run_baseline(BASELINES[baseline_name](0), trace, repeats_on=True)
    hits = (run.ranks > 0) & (run.ranks <= 10)
    assert hits.mean() > 1.5 * 10 / 80
    assert run.cpu_seconds > 0


def test_warming_up_leaves_no_trace_in_the_figures(baseline_name, judged, long_log) -> None:
    judge = judged(long_log[:600], 100)
    alone = run_baseline(BASELINES[baseline_name](0), judge.trace, repeats_on=False).ranks
    entrants = open_baselines((baseline_name,), 0)
    told = hold_contest(entrants, judge)
    assert entrants.left_out == {}
    assert judge.scored.baselines[baseline_name].tolist() == alone.tolist()
    assert told[baseline_name]["events_per_cpu_second"] > 0
