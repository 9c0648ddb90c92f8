"""The learners keep River's contract: its own checks, its pipelines and its evaluation."""

from __future__ import annotations

import importlib
import inspect
import pickle
import pkgutil

import pyarrow as pa
import pytest
from river import (
    base,
    checks,
    compose,
    datasets,
    evaluate,
    linear_model,
    metrics,
    optim,
    preprocessing,
    stream,
)

import learners.estimators
from learners.estimators.intent import (
    IntentClassifier,
    MixtureClassifier,
    NearestClassifier,
    PrototypeClassifier,
)
from learners.estimators.preference import PreferenceClassifier


def public_estimators() -> list[type[base.Estimator]]:
    """Every estimator of `learners.estimators` that can be made, whichever file it is in."""
    found = set()
    for module in pkgutil.iter_modules(learners.estimators.__path__, "learners.estimators."):
        for name, kind in vars(importlib.import_module(module.name)).items():
            is_ours = inspect.isclass(kind) and kind.__module__ == module.name
            if is_ours and not name.startswith("_") and not inspect.isabstract(kind):
                found |= {kind} if issubclass(kind, base.Estimator) else set()
    return sorted(found, key=lambda kind: kind.__name__)


ESTIMATORS = public_estimators()
MODELS = [
    *(kind() for kind in ESTIMATORS),
    *(preprocessing.StandardScaler() | kind() for kind in ESTIMATORS),
    IntentClassifier(optimizer="sgd", rate=0.05, l2=1e-4),
    MixtureClassifier(memory=8, replays=1),
    PreferenceClassifier(hidden=3, rate=0.05, max_features=5, seed=7),
]
NOT_FOR_PIPELINES = {
    # River's scaler takes in a whole batch before any of it is scaled, so behind it no model can
    # learn a batch as it learns one by one. The check is there only where pandas is.
    "check_learn_many_matches_learn_one",
}
CHECKS = [
    pytest.param(model, check, id=f"{i}-{check.__name__}-{j}")
    for i, model in enumerate(MODELS)
    for j, check in enumerate(checks.yield_checks(model))
    if not (isinstance(model, compose.Pipeline) and check.__name__ in NOT_FOR_PIPELINES)
]


@pytest.mark.parametrize(("model", "check"), CHECKS)
def test_river_check(model, check) -> None:
    check(model.clone())


def test_every_estimator_is_checked() -> None:
    names = {
        "IntentClassifier",
        "MixtureClassifier",
        "NearestClassifier",
        "PreferenceClassifier",
        "PrototypeClassifier",
    }
    assert names == {kind.__name__ for kind in ESTIMATORS}
    for kind in ESTIMATORS:
        assert kind()._unit_test_skips() == set()  # none asks to be let off


def test_the_checks_are_all_there() -> None:
    names = {check.__name__ for check in checks.yield_checks(IntentClassifier())}
    assert {"check_predict_proba_one", "check_learn_one", "check_bounded_memory_growth"} <= names
    names = {check.__name__ for check in checks.yield_checks(PreferenceClassifier())}
    assert {"check_predict_proba_one_binary", "check_shuffle_features_no_impact"} <= names
    assert {"check_bounded_memory_growth", "check_pickling"} <= names
    assert len(CHECKS) > 400


def test_the_check_that_is_left_out_fails_for_rivers_own_models_too() -> None:
    pytest.importorskip("pandas")
    theirs = preprocessing.StandardScaler() | linear_model.LogisticRegression()
    left = [one for one in checks.yield_checks(theirs) if one.__name__ in NOT_FOR_PIPELINES]
    assert left
    with pytest.raises(AssertionError):
        left[0](theirs.clone())


def test_it_learns_in_a_pipeline_under_rivers_evaluation() -> None:
    def score(model) -> float:
        scaled = preprocessing.StandardScaler() | model
        return evaluate.progressive_val_score(
            datasets.ImageSegments(), scaled, metrics.Accuracy()
        ).get()

    assert score(IntentClassifier()) > 0.85
    assert score(MixtureClassifier()) > 0.87
    assert score(PrototypeClassifier()) > 0.7
    assert score(NearestClassifier()) > 0.75


def test_it_equals_rivers_softmax_regression_there() -> None:
    ours = IntentClassifier("sgd", rate=0.05, bias=False, half_life=None)
    theirs = linear_model.SoftmaxRegression(optim.SGD(0.05))
    scaler = preprocessing.StandardScaler()
    for x, y in datasets.ImageSegments().take(300):
        scaler.learn_one(x)
        scaled = scaler.transform_one(x)
        assert ours.predict_proba_one(scaled) == pytest.approx(
            theirs.predict_proba_one(scaled), abs=1e-6
        )
        ours.learn_one(scaled, y)
        theirs.learn_one(scaled, y)


def test_a_pickled_model_goes_on_alike() -> None:
    rows = list(datasets.Phishing().take(200))
    model = IntentClassifier()
    for x, y in rows[:100]:
        model.learn_one(x, y)
    copy = pickle.loads(pickle.dumps(model))
    for x, y in rows[100:]:
        assert copy.predict_proba_one(x) == model.predict_proba_one(x)
        model.learn_one(x, y)
        copy.learn_one(x, y)


def test_labels_of_any_kind_and_none_of_nothing() -> None:
    model = IntentClassifier()
    assert model.predict_proba_one({"a": 1.0}) == {}
    assert model.predict_one({"a": 1.0}) is None
    for y in (True, "text", 7, None, ""):
        model.learn_one({"a": 1.0}, y)
    assert set(model.predict_proba_one({"a": 1.0})) == {True, "text", 7}


def test_labels_and_features_stay_bounded() -> None:
    model = IntentClassifier(max_labels=3, max_features=10)
    for i in range(200):
        model.learn_one({f"f{i}": 1.0, "always": 1.0}, i)
    proba = model.predict_proba_one({"always": 1.0, "never": 2.0})
    assert set(proba) == {197, 198, 199}
    assert (len(model._names), len(model._targets), model._learner.dim) == (3, 3, 10)


def test_nan_features_are_not_learnt() -> None:
    model = IntentClassifier()
    model.learn_one({"a": 1.0}, "x")
    before = model.predict_proba_one({"a": 1.0})
    model.learn_one({"a": float("nan")}, "y")
    assert model.predict_proba_one({"a": 1.0}) == before


def test_river_streams_feed_it() -> None:
    rows = stream.iter_array([[0.0, 1.0], [1.0, 0.0]] * 50, ["left", "right"] * 50)
    metric = evaluate.progressive_val_score(rows, IntentClassifier(), metrics.Accuracy())
    assert metric.get() > 0.95


@pytest.mark.parametrize("kind", [IntentClassifier, MixtureClassifier, NearestClassifier])
def test_a_frame_is_learnt_as_its_rows_are_one_by_one(kind) -> None:
    rows = [x for x, _ in datasets.ImageSegments().take(120)]
    labels = [y for _, y in datasets.ImageSegments().take(120)]
    one, many = kind(), kind()
    for x, y in zip(rows, labels, strict=True):
        one.learn_one(x, y)
    frame = pa.table({name: [row[name] for row in rows] for name in rows[0]})
    for start in range(0, 120, 40):
        many.learn_many(frame.slice(start, 40), pa.chunked_array([labels[start : start + 40]]))
    expected = [one.predict_proba_one(x) for x in rows[:5]]
    found = many.predict_proba_many(frame.slice(0, 5)).to_pylist()
    assert found == [{str(label): share for label, share in row.items()} for row in expected]
    best = many.predict_many(frame.slice(0, 5)).to_pylist()
    assert best == [one.predict_one(x) for x in rows[:5]]
