"""The steps of the factor models against the objectives that they are to improve."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dataflows.evaluation.baselines import bpr, isgd
from dataflows.evaluation.baselines.factors import Factors
from dataflows.evaluation.baselines.isgd import Isgd
from dataflows.evaluation.judging.trace import Group


def slope(objective, at: np.ndarray) -> np.ndarray:
    """The gradient by small differences."""
    steps = 1e-6 * np.eye(at.size).reshape(at.size, *at.shape)
    return np.array([(objective(at + e) - objective(at - e)) / 2e-6 for e in steps]).reshape(
        at.shape
    )


def test_a_step_of_bpr_climbs_the_log_odds_of_the_right_order() -> None:
    rng = np.random.default_rng(0)
    users, items = rng.normal(size=(2, 4)), rng.normal(size=(3, 5))
    rate, decay = 1e-4, 0.3

    def objective(parameters: np.ndarray) -> float:
        user, liked, other = parameters[:4], parameters[4:9], parameters[9:]
        margin = user @ (liked[:4] - other[:4]) + liked[4] - other[4]
        return -math.log1p(math.exp(-margin)) - decay / 2 * float(parameters @ parameters)

    before = np.concatenate([users[1], items[2], items[0]])
    bpr._descend(np.array([[1, 2, 0]]), users, items, rate, decay)
    after = np.concatenate([users[1], items[2], items[0]])
    assert (after - before) / rate == pytest.approx(slope(objective, before), rel=1e-3, abs=1e-4)


def test_a_step_of_isgd_is_the_one_of_the_paper() -> None:
    rng = np.random.default_rng(1)
    user, items = rng.uniform(0.1, 0.5, 4), rng.uniform(0.1, 0.5, (2, 4))
    rate, decay = 1e-4, 0.3

    def objective(parameters: np.ndarray) -> float:
        one, other = parameters[:4], parameters[4:]
        return -((1.0 - one @ other) ** 2) / 2 - decay / 2 * float(parameters @ parameters)

    before = np.concatenate([user, items[1]])
    isgd._descend(user, items, np.array([1]), rate, decay)
    after = np.concatenate([user, items[1]])
    assert (after - before) / rate == pytest.approx(slope(objective, before), rel=1e-3, abs=1e-4)


def group_of(user: int, row: int) -> Group:
    one = np.ones(1, dtype=np.float32)
    return Group(user, 0.0, np.array([row], dtype=np.int32), one, one, 0)


def test_isgd_takes_the_items_of_longest_ago_for_unwanted(monkeypatch) -> None:
    monkeypatch.setattr(isgd, "NEGATIVES", 2)
    baseline = Isgd()
    queues = []
    for row in (0, 1, 2, 3):
        baseline.learn(group_of(0, row))
        queues.append(list(baseline._queue))
    # 0 serves for 1; 0 and 1 for 2; 0 and 1 again for 3, and 2 stays ahead of them.
    assert queues == [[0], [0, 1], [0, 1, 2], [2, 0, 1, 3]]
    rows = baseline._items.rows.copy()
    baseline.learn(group_of(1, 1))  # 2 and 0 serve
    assert list(baseline._queue) == [3, 2, 0, 1]
    assert [row for row in range(4) if (baseline._items.rows[row] != rows[row]).any()] == [0, 1, 2]


def test_factors_do_not_hang_on_when_rows_turn_up() -> None:
    at_once, one_by_one = Factors(3, 0.1, 5), Factors(3, 0.1, 5)
    at_once.reach(200)
    for count in range(1, 201):
        one_by_one.reach(count)
    assert at_once.rows[:200].tolist() == one_by_one.rows[:200].tolist()
    assert at_once.rows[:200].std() == pytest.approx(0.1, rel=0.1)
