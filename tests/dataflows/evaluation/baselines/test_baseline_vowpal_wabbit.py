"""Vowpal Wabbit: all items at once are scored as the library predicts them one by one."""

from __future__ import annotations

import numpy as np
import pytest

from dataflows.evaluation.judging.trace import Group

vw = pytest.importorskip(
    "dataflows.evaluation.baselines.vowpal_wabbit", reason="needs the extra baselines"
)


def group_of(user: int, rows: list[int]) -> Group:
    ones = np.ones(len(rows), dtype=np.float32)
    return Group(user, 0.0, np.array(rows, dtype=np.int32), ones, ones, 0)


def test_scores_are_the_library_s_own_predictions() -> None:
    baseline = vw.VowpalWabbit(1)
    rng = np.random.default_rng(0)
    for n in range(300):
        baseline.learn(group_of(n % 5, [int(rng.integers(30))]))
    starts = vw._starts(baseline._recent.of(3))
    texts = [
        vw.describe(((starts + row) % (1 << vw.BITS)).tolist(), baseline._values, 1)
        for row in range(30)
    ]
    predicted = [baseline._learner.predict(text) for text in texts]
    assert baseline.scores(3, 0.0, 30) == pytest.approx(predicted, abs=1e-4)


def test_what_goes_with_the_newest_item_is_learnt() -> None:
    baseline = vw.VowpalWabbit()
    rng = np.random.default_rng(1)
    for n in range(1500):
        baseline.learn(group_of(n % 20, [int(10 * (n % 2) + rng.integers(10))]))
    baseline.learn(group_of(99, [4]))
    scores = baseline.scores(99, 0.0, 20)
    others = [row for row in range(10) if row != 4]
    assert scores[others].mean() > scores[10:].mean() + 0.5
