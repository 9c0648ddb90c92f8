"""Baselines that are solved anew now and then, and River's, against their equations."""

from __future__ import annotations

import numpy as np
import pytest

from dataflows.evaluation.baselines import ease as ease_module
from dataflows.evaluation.baselines import river_mf
from dataflows.evaluation.baselines.ease import Ease
from dataflows.evaluation.judging.trace import Group

ials_module = pytest.importorskip(
    "dataflows.evaluation.baselines.ials", reason="needs the extra baselines"
)


def group_of(user: int, rows: list[int], weight: float = 1.0) -> Group:
    items = np.array(rows, dtype=np.int32)
    weights = np.full(len(rows), weight, dtype=np.float32)
    return Group(user, 0.0, items, weights, np.full(len(rows), np.nan, dtype=np.float32), 0)


def learn_pairs(baseline, events: int = 1200) -> None:
    """Two kinds of users, each wanting its own ten items, one after another."""
    rng = np.random.default_rng(3)
    for n in range(events):
        kind = n % 2
        baseline.learn(
            group_of(int(2 * rng.integers(20) + kind), [int(10 * kind + rng.integers(10))])
        )


@pytest.mark.parametrize("make", [ials_module.Ials, Ease])
def test_a_solved_peer_tells_two_tastes_apart(make) -> None:
    baseline = make(every=200)
    learn_pairs(baseline)
    baseline.learn(group_of(99, [3, 4]))
    scores = baseline.scores(99, 0.0, 20)
    assert scores[[0, 1, 2, 5, 6, 7, 8, 9]].min() > scores[10:].max()


@pytest.mark.parametrize("make", [ials_module.Ials, Ease])
def test_an_item_that_came_after_the_last_solution_is_found(make) -> None:
    baseline = make(every=1000)
    learn_pairs(baseline, 1000)
    for user in range(0, 20, 2):
        baseline.learn(group_of(user, [20]))
    baseline.learn(group_of(99, [3, 4]))
    baseline.learn(group_of(98, [13, 14]))
    assert baseline.scores(99, 0.0, 21)[20] > baseline.scores(98, 0.0, 21)[20] + 1e-3


def test_ease_has_the_weights_of_the_paper(monkeypatch) -> None:
    monkeypatch.setattr(ease_module, "RIDGE", 5.0)
    baseline = Ease(every=60)
    rng = np.random.default_rng(0)
    histories: dict[int, list[int]] = {user: [] for user in range(4)}
    for n in range(60):
        row = n if n < 8 else int(rng.integers(8))
        histories[n % 4].append(row)
        baseline.learn(group_of(n % 4, [row]))
    gram = np.zeros((8, 8))
    for rows in histories.values():
        for i, one in enumerate(rows):
            for j, other in enumerate(rows):
                gram[one, other] += np.exp(-abs(i - j) / ease_module.NEAR)
    inverse = np.linalg.inv(gram + 5.0 * np.eye(8))
    weights = inverse / -inverse.diagonal()
    newest = histories[1][::-1]
    expected = np.zeros(8)
    for age, row in enumerate(newest):
        others = np.arange(8) != row
        expected[others] += np.exp(-age / ease_module.FADES) * weights[row, others]
        itself = sum(rows.count(row) for rows in histories.values()) + 5.0
        again = gram[row, row] + 5.0 - itself
        expected[row] += np.exp(-age / ease_module.FADES) * again / itself
    assert baseline.scores(1, 0.0, 8) == pytest.approx(expected, abs=1e-4)


def test_ease_keeps_to_its_bound_and_says_so(monkeypatch) -> None:
    monkeypatch.setattr(ease_module, "MOST_ITEMS", 12)
    baseline = Ease(every=200)
    learn_pairs(baseline)
    assert baseline._weights is not None
    assert len(baseline._weights.items) == 12
    (note,) = baseline.notes
    assert note.startswith("solved 6 times, for the 12 most wanted items at most; 8 others")
    assert np.isfinite(baseline.scores(0, 0.0, 20)).all()


def test_ials_solves_a_user_as_the_library_does() -> None:
    from scipy.sparse import csr_matrix

    baseline = ials_module.Ials(every=200)
    learn_pairs(baseline, 200)
    baseline.learn(group_of(99, [3]))
    row = csr_matrix(
        ([(ials_module.FOLD_IN + 1.0) / ials_module.CONFIDENCE], ([0], [3])),
        shape=(1, 20),
        dtype=np.float32,
    )
    theirs = baseline._model.recalculate_user(0, row)
    assert baseline._fold_in(99) == pytest.approx(theirs, rel=1e-3, abs=1e-4)


def test_ials_forgets_the_oldest_events_beyond_its_bound(monkeypatch) -> None:
    monkeypatch.setattr(ials_module, "KEPT", 300)
    baseline = ials_module.Ials(every=100)
    learn_pairs(baseline, 1000)
    assert len(baseline._rows) == len(baseline._items) == 300
    assert np.isfinite(baseline.scores(0, 0.0, 20)).all()


@pytest.mark.parametrize("make", [river_mf.funk, river_mf.biased])
def test_scores_are_those_that_river_predicts(make) -> None:
    baseline = make(0)
    learn_pairs(baseline, 150)
    predicted = np.array([baseline._model.predict_one(4, row) for row in range(20)])
    scores = baseline.scores(4, 0.0, 20)
    assert scores - scores.mean() == pytest.approx(predicted - predicted.mean())


@pytest.mark.parametrize("make", [ials_module.Ials, Ease, lambda: river_mf.funk(0)])
def test_what_was_not_wanted_teaches_nothing(make) -> None:
    baselines = make(), make()
    for baseline in baselines:
        learn_pairs(baseline, 1100)
    baselines[1].learn(group_of(5, [2, 3], weight=-1.0))
    untaught, taught = (baseline.scores(5, 0.0, 20).tolist() for baseline in baselines)
    assert untaught == taught
