"""The preference learner as a classifier: it learns what no line can part, and stays itself."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest
from river import compose, datasets, evaluate, linear_model, metrics, preprocessing

from learners.estimators.base import FeatureColumns
from learners.estimators.preference import PreferenceClassifier
from learners.ranking.preference_learner import PreferenceLearner


def score(model: Any, dataset: Any) -> float:
    return float(evaluate.progressive_val_score(dataset, model, metrics.Accuracy()).get())


def test_it_is_as_good_as_a_line_where_a_line_does() -> None:
    line = preprocessing.StandardScaler() | linear_model.LogisticRegression()
    assert score(PreferenceClassifier(), datasets.Phishing()) > 0.88
    assert score(line, datasets.Phishing()) < 0.90


def test_it_learns_what_no_line_can_part() -> None:
    line = preprocessing.StandardScaler() | linear_model.LogisticRegression()
    assert score(PreferenceClassifier(), datasets.Bananas().take(4_000)) > 0.68
    assert score(line, datasets.Bananas().take(4_000)) < 0.6


def test_it_works_in_a_pipeline_of_rivers() -> None:
    numbers = compose.SelectType(float, int)
    model = numbers | preprocessing.MinMaxScaler() | PreferenceClassifier()
    assert score(model, datasets.Phishing()) > 0.85


def test_it_equals_the_learner_that_it_dresses() -> None:
    rows = [(x, y) for x, y in datasets.Phishing().take(150)]
    names = sorted(rows[0][0])
    dressed = PreferenceClassifier(max_features=len(names), seed=3)
    plain = PreferenceLearner(len(names), 24, 0.01, seed=3)
    for x, y in rows:
        row = np.array([[x[name] for name in names]], np.float32)
        margin = float(plain.score(plain.scaled(row))[0])
        if plain.steps:
            expected = 1.0 / (1.0 + math.exp(-margin))
            assert dressed.predict_proba_one(x)[True] == pytest.approx(expected, abs=1e-6)
        plain.observe(row)
        plain.learn_logistic(plain.scaled(row), wanted=y)
        dressed.learn_one(x, y)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_goes_on_alike(copied: Any) -> None:
    rows = list(datasets.Phishing().take(200))
    model = PreferenceClassifier()
    for x, y in rows[:100]:
        model.learn_one(x, y)
    other = copied(model)
    start = other.predict_proba_one(rows[0][0])
    for x, y in rows[100:]:
        assert other.predict_proba_one(x) == model.predict_proba_one(x)
        model.learn_one(x, y)
        other.learn_one(x, y)
    assert other.predict_proba_one(rows[0][0]) != start  # and it does learn


def test_before_anything_is_learnt_both_are_as_likely() -> None:
    model = PreferenceClassifier()
    assert model.predict_proba_one({"a": 5.0}) == {False: 0.5, True: 0.5}
    assert model.predict_one({}) is False
    model.learn_one({"a": 5.0}, None)
    assert model.predict_proba_one({"a": 5.0}) == {False: 0.5, True: 0.5}


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e300, -1e-300])
def test_no_number_makes_it_useless(bad: float) -> None:
    rows = list(datasets.Phishing().take(400))
    model = PreferenceClassifier()
    for number, (x, y) in enumerate(rows):
        model.learn_one(x, y)
        if number % 50 == 0:
            model.learn_one({**x, "is_popular": bad, "other": bad}, not y)
    for x in ({**rows[0][0], "other": bad}, {"is_popular": bad}, {}):
        chances = model.predict_proba_one(x)
        assert math.isclose(sum(chances.values()), 1.0)
        assert all(0.0 <= chance <= 1.0 for chance in chances.values())
    right = sum(model.predict_one(x) == y for x, y in rows)
    assert right > 300


def test_nan_is_not_learnt() -> None:
    model = PreferenceClassifier()
    for x, y in datasets.Phishing().take(50):
        model.learn_one(x, y)
    before = model.predict_proba_one(x)
    for _ in range(20):
        model.learn_one({**x, "is_popular": math.nan}, True)
    assert model.predict_proba_one(x) == before


def test_features_beyond_the_limit_are_left_out() -> None:
    model = PreferenceClassifier(max_features=2)
    for number in range(300):
        kind = number % 2
        model.learn_one({"a": kind, "b": 1.0, f"z{number}": 1.0}, bool(kind))
    assert model.predict_one({"a": 1, "never": 9.0}) is True
    assert model.predict_one({"a": 0, "never": 9.0}) is False


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hidden": 0}, "hidden is 0"),
        ({"max_features": -1}, "max_features is -1"),
        ({"rate": 0.0}, "rate is 0.0"),
        ({"rate": math.nan}, "rate is nan"),
    ],
)
def test_parameters_that_cannot_work_are_refused(changes: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        PreferenceClassifier(**changes)


def test_columns_do_not_hang_on_the_order_of_a_dict() -> None:
    one, other = FeatureColumns(10), FeatureColumns(10)
    one.add({"b": 1.0, "a": 2.0, 3: 3.0})
    other.add({3: 3.0, "a": 2.0, "b": 1.0})
    x = {"a": 2.0, "unknown": 9.0, 3: 3.0}
    assert one.row(x, 4).tolist() == other.row(x, 4).tolist() == [3.0, 2.0, 0.0, 0.0]
    one.add({"a": 0.0, "c": 0.0})  # what has a column keeps it
    assert one.row({"c": 5.0, "a": 2.0}, 4).tolist() == [0.0, 2.0, 0.0, 5.0]


def test_columns_stop_at_their_limit() -> None:
    columns = FeatureColumns(2)
    columns.add({"c": 1.0, "a": 1.0, "b": 1.0})
    assert len(columns) == 2
    assert columns.row({"a": 1.0, "b": 2.0, "c": 3.0}, 2).tolist() == [1.0, 2.0]
    columns.add({"d": 1.0})
    assert len(columns) == 2
