"""Baselines with a closed form, each against counting anew from the whole log at every event."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.evaluation.baselines import item_knn, markov, own_popularity, vmis_knn
from dataflows.evaluation.baselines.chains import Chains
from dataflows.evaluation.baselines.item_knn import ItemKnn
from dataflows.evaluation.baselines.markov import Markov
from dataflows.evaluation.baselines.own_popularity import OwnPopularity
from dataflows.evaluation.baselines.pairs import PairCounts
from dataflows.evaluation.baselines.vmis_knn import VmisKnn

Log = list[tuple[int, int, float]]


def wanted_before(trace, number: int) -> Log:
    """(user, row, ts) of all that was wanted before a group, oldest first."""
    groups = map(trace.group, range(number))
    return [(group.user, row, group.ts) for group in groups for row in group.wanted.tolist()]


def with_fallback(scores: dict[int, float], log: Log, items: int) -> list[float]:
    """Positive scores stay; all else ranks below, by decayed popularity."""
    counts = [0.0] * items
    for age, (_, row, _) in enumerate(reversed(log)):
        counts[row] += 2.0 ** (-age / 5000.0)
    step = 2.0 ** (len(log) / 5000.0)  # the baseline's counts grow instead of fading
    top = max(counts, default=0.0) * step + 1.0
    return [
        scores[row] if scores.get(row, 0.0) > 0.0 else counts[row] * step / top - 1.0
        for row in range(items)
    ]


def of_user(log: Log, user: int) -> list[tuple[int, int]]:
    """(place in the log, row) of one user's events, newest first."""
    return [(n, row) for n, (who, row, _) in enumerate(log) if who == user][::-1]


def naive_markov(log: Log, user: int, items: int, steps: int) -> list[float]:
    counts: dict[tuple[int, int], float] = defaultdict(float)
    totals: dict[int, float] = defaultdict(float)
    for n, (who, row, _) in enumerate(log):
        fades = 2.0 ** (-(len(log) - 1 - n) / markov.HALF_LIFE)
        for gap, (_, before) in enumerate(of_user(log[:n], who)[:steps]):
            counts[before, row] += math.exp(-gap / markov.REACH) * fades
            totals[before] += math.exp(-gap / markov.REACH) * fades
    scores: dict[int, float] = defaultdict(float)
    for age, (_, last) in enumerate(of_user(log, user)[:steps]):
        for row in range(items):
            if counts[last, row]:
                weight = math.exp(-age / markov.REACH) / totals[last] ** markov.BACK
                scores[row] += weight * counts[last, row]
    return with_fallback(scores, log, items)


def naive_knn(log: Log, user: int, items: int) -> list[float]:
    counts: dict[tuple[int, int], float] = defaultdict(float)
    for n, (who, row, _) in enumerate(log):
        fades = 2.0 ** (-(len(log) - 1 - n) / item_knn.HALF_LIFE)
        for gap, (_, before) in enumerate(of_user(log[:n], who)[: item_knn.WINDOW]):
            for pair in {(before, row), (row, before)}:
                counts[pair] += math.exp(-gap / item_knn.NEAR) * fades
    totals = [sum(counts[row, other] for other in range(items)) for row in range(items)]
    scores: dict[int, float] = defaultdict(float)
    for age, (_, last) in enumerate(of_user(log, user)[: item_knn.WINDOW]):
        for row in range(items):
            back = (totals[last] + item_knn.SHRINK) ** item_knn.BACK
            ahead = (totals[row] + item_knn.SHRINK) ** item_knn.AHEAD
            weight = math.exp(-age / item_knn.FADES)
            scores[row] += weight * counts[last, row] / (back * ahead)
    return with_fallback(scores, log, items)


def naive_vmis(log: Log, user: int, items: int) -> list[float]:
    sessions: list[list[int]] = []  # distinct rows, in order
    owners: list[int] = []
    when: dict[int, tuple[int, float]] = {}
    newest: dict[int, list[int]] = defaultdict(list)  # row -> sessions, oldest first
    for who, row, ts in log:
        session, last = when.get(who, (-1, -math.inf))
        if ts - last > vmis_knn.GAP:
            session = len(sessions)
            sessions.append([])
            owners.append(who)
        when[who] = session, ts
        if row not in sessions[session]:
            sessions[session].append(row)
            newest[row].append(session)
    mine = when.get(user, (-1, 0.0))[0]
    likeness: dict[int, float] = defaultdict(float)
    best: dict[int, float] = {}
    for age, (_, last) in enumerate(of_user(log, user)[: vmis_knn.QUERY]):
        weight = math.exp(-age / vmis_knn.FADES)
        others = [session for session in reversed(newest[last]) if session != mine]
        for session in others[: vmis_knn.SESSIONS]:
            likeness[session] += weight
            best.setdefault(session, weight)
    chosen = sorted(likeness, key=lambda session: (-likeness[session], -session))
    scores: dict[int, float] = defaultdict(float)
    for session in chosen[: vmis_knn.NEIGHBOURS]:
        for row in sessions[session]:
            given = likeness[session] * best[session] / math.sqrt(len(sessions[session]))
            scores[row] += given * math.log1p(len(sessions) / len(newest[row]))
    return with_fallback(scores, log, items)


def naive_own(log: Log, user: int, items: int) -> list[float]:
    scores: dict[int, float] = defaultdict(float)
    mine = of_user(log, user)
    for age, (_, row) in enumerate(mine):
        scores[row] += 2.0 ** ((len(mine) - age) / own_popularity.HALF_LIFE)
    return with_fallback(scores, log, items)


CASES = {
    "own-popularity": (OwnPopularity, naive_own),
    "markov": (Markov, lambda log, user, items: naive_markov(log, user, items, markov.STEPS)),
    "markov-last": (
        lambda: Markov(steps=1),
        lambda log, user, items: naive_markov(log, user, items, 1),
    ),
    "item-knn": (ItemKnn, naive_knn),
    "vmis-knn": (VmisKnn, naive_vmis),
}


def check(name: str, trace) -> int:
    """Compare all scores before every group; return how many groups there were."""
    make, naive = CASES[name]
    baseline = make()
    for number in range(len(trace)):
        group, (seen, _) = trace.group(number), trace.question(number)
        if seen:
            log = wanted_before(trace, number)
            given = baseline.scores(group.user, group.ts, seen)
            assert given == pytest.approx(naive(log, group.user, seen), rel=1e-9, abs=1e-12)
        if len(group.items):
            baseline.learn(group)
    return len(trace)


@pytest.fixture(params=CASES)
def name(request) -> str:
    return request.param


@pytest.fixture
def small(monkeypatch) -> None:
    """Bounds that small logs reach."""
    monkeypatch.setattr(vmis_knn, "SESSIONS", 2)
    monkeypatch.setattr(vmis_knn, "NEIGHBOURS", 2)
    monkeypatch.setattr(vmis_knn, "QUERY", 3)
    monkeypatch.setattr(item_knn, "WINDOW", 3)
    monkeypatch.setattr(item_knn, "HALF_LIFE", 5.0)
    monkeypatch.setattr(markov, "HALF_LIFE", 5.0)
    monkeypatch.setattr(own_popularity, "HALF_LIFE", 5.0)


@pytest.fixture(scope="session")
def compare(traced):
    return lambda name, events: check(name, traced(events, repeats_on=True))


@pytest.mark.parametrize("which", CASES)
@settings(deadline=None)  # the first example waits for the compiler
@given(data=st.data())
def test_scores_equal_counting_anew(which, compare, logs, data) -> None:
    compare(which, data.draw(logs))


def test_scores_equal_counting_anew_where_bounds_are_met(name, small, traced, long_log) -> None:
    assert check(name, traced(long_log[:120], repeats_on=True)) > 80


pairs = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.floats(0.5, 2.0)))


@settings(deadline=None)
@given(st.lists(pairs, max_size=12), st.lists(st.integers(0, 60), max_size=5))
def test_pair_counts_equal_a_dictionary(batches, asked) -> None:
    counts, naive = PairCounts(half_life=2.0), defaultdict(float)
    for batch in batches:
        counts.step()
        naive = defaultdict(float, {pair: count / 2**0.5 for pair, count in naive.items()})
        rows, columns, amounts = (
            (np.array(each) for each in zip(*batch, strict=True))
            if batch
            else (
                np.zeros(0, dtype=np.int64),
                np.zeros(0, dtype=np.int64),
                np.zeros(0),
            )
        )
        counts.add(rows, columns, amounts)
        for row, column, amount in batch:
            naive[row, column] += amount
    total = [
        sum(naive[row, column] * (at + 1) for at, row in enumerate(asked)) for column in range(30)
    ]
    weights = np.arange(1.0, len(asked) + 1)
    assert counts.add_up(np.array(asked, dtype=np.int64), weights, 30) == pytest.approx(total)
    sums = [sum(naive[row, column] for column in range(41)) for row in range(50)]
    assert counts.totals(50) == pytest.approx(sums)


def test_pair_counts_stay_finite_over_many_half_lives() -> None:
    counts, one = PairCounts(half_life=1.0), np.ones(1, dtype=np.int64)
    for _ in range(3000):
        counts.step()
        counts.add(one, one, np.ones(1))
    assert counts.add_up(one, np.ones(1), 2).tolist() == pytest.approx([0.0, 2.0])
    assert counts.totals(2).tolist() == pytest.approx([0.0, 2.0])


@given(st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 9)), max_size=50))
def test_chains_equal_lists(entries) -> None:
    chains, naive = Chains(), defaultdict(list)
    for chain, value in entries:
        chains.append(chain, value)
        naive[chain].append(value)
    heads, values, before = chains.arrays()
    for chain, kept in naive.items():
        walked, at = [], heads[chain]
        while at != -1:
            walked.append(values[at])
            at = before[at]
        assert walked == kept[::-1]
    lengths = chains.lengths(2000)
    assert [lengths[chain] for chain in naive] == [len(kept) for kept in naive.values()]
