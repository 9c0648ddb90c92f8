"""Popularity against counts made anew for each event."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.evaluation.baselines import own_popularity
from dataflows.evaluation.baselines.popularity import PopularityBaseline
from dataflows.evaluation.judging.trace import Group


def group_of(rows: list[int], weight: float = 1.0) -> Group:
    items = np.array(rows, dtype=np.int32)
    weights = np.full(len(rows), weight, dtype=np.float32)
    return Group(0, 0.0, items, weights, np.full(len(rows), np.nan, dtype=np.float32), 0)


@given(st.lists(st.integers(0, 6), max_size=40))
def test_decayed_counts_are_in_proportion_to_a_sum_of_powers(learnt) -> None:
    popularity = PopularityBaseline(half_life=3.0)
    for row in learnt:
        popularity.learn(group_of([row]))
    ages = range(len(learnt), 0, -1)
    worth = np.zeros(7)
    for age, row in zip(ages, learnt, strict=True):
        worth[row] += 0.5 ** (age / 3.0)
    scores = popularity.scores(0, 0.0, 7)
    assert scores / max(scores.sum(), 1) == pytest.approx(worth / max(worth.sum(), 1e-300))


def test_what_was_not_wanted_is_not_counted() -> None:
    popularity = PopularityBaseline()
    popularity.learn(group_of([0, 1, 0]))
    popularity.learn(group_of([1], weight=-1.0))
    assert popularity.scores(0, 0.0, 3).tolist() == [2.0, 1.0, 0.0]


def test_room_grows_and_large_steps_are_brought_down() -> None:
    popularity = PopularityBaseline(half_life=0.5)
    for row in range(3000):
        popularity.learn(group_of([row]))
    scores = popularity.scores(0, 0.0, 5000)
    assert np.isfinite(scores).all()
    assert np.argsort(-scores)[:100].tolist() == list(range(2999, 2899, -1))


def test_own_counts_stay_finite_over_many_half_lives(monkeypatch) -> None:
    monkeypatch.setattr(own_popularity, "HALF_LIFE", 1.0)
    baseline = own_popularity.OwnPopularity()
    for row in [*[0] * 3000, 1]:
        baseline.learn(group_of([row]))
    old, new = baseline.scores(0, 0.0, 3)[:2].tolist()
    assert old == pytest.approx(new)  # 1/2 + 1/4 + ... of the new one
    assert baseline.scores(1, 0.0, 3).tolist()[2] == -1.0
