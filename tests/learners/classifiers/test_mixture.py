"""The mixture learns from few examples, notices changes, says "none", and goes on where it was."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learners.classifiers.mixture import MixtureLearner
from learners.classifiers.out_of_scope import OUT_OF_SCOPE
from learners.classifiers.settings import MixtureSettings
from learners.classifiers.softmax import IntentLearner
from learners.codec import pack, unpack
from learners.testing import clusters

SWAP = {"need-0": "need-1", "need-1": "need-0"}


def hits(learner: Any, vectors: Any, labels: list[str]) -> list[bool]:
    """Test, then learn: whether each label was the likeliest before it was seen."""
    found = []
    for x, label in zip(vectors, labels, strict=True):
        best = learner.top(learner.predict(x), 1)
        found.append(bool(best) and best[0][0] == label)
        learner.learn(x, label)
    return found


def test_it_is_ahead_of_the_plain_learner_while_examples_are_few() -> None:
    vectors, labels = clusters(300, 30, seed=1, dim=32, noise=0.22)
    plain = sum(hits(IntentLearner(32), vectors, labels))
    mixed = sum(hits(MixtureLearner(32), vectors, labels))
    assert mixed > plain + 30


def test_one_pass_gets_near_the_best_there_is() -> None:
    vectors, labels = clusters(3_000, 10, seed=2, dim=32, noise=0.3)
    found = hits(MixtureLearner(32), vectors, labels)[-600:]
    # The centres are known, and equally likely: nothing is better than the nearest of them.
    nearest = [f"need-{place}" for place in vectors[-600:, :10].argmax(axis=1)]
    best = np.mean([name == label for name, label in zip(nearest, labels[-600:], strict=True)])
    assert np.mean(found) > best - 0.03


@pytest.mark.parametrize("labels", [4, 12])
def test_swapped_labels_raise_an_alarm_and_are_learnt_again(labels: int) -> None:
    learner = MixtureLearner(32)
    before = hits(learner, *clusters(1_500, labels, seed=3, dim=32))
    assert not learner.alarmed
    vectors, names = clusters(500, labels, seed=4, dim=32)
    after = hits(learner, vectors, [SWAP.get(name, name) for name in names])
    assert sum(after[:20]) < sum(before[-20:])
    assert sum(after[-100:]) / 100 >= sum(before[-500:]) / 500 - 0.05
    assert {alarm.label for alarm in learner.alarms} <= set(SWAP)
    assert 1 <= learner.alarmed <= 4
    first = learner.alarms[0]
    assert 1_500 <= first.position < 1_700
    assert first.before > 0.8
    assert first.after < 0.3
    assert learner.alarm == learner.alarms[-1]


def test_without_alarms_it_comes_back_more_slowly() -> None:
    def misses(alarm: float | None) -> int:
        learner = MixtureLearner(32, MixtureSettings(alarm=alarm))
        hits(learner, *clusters(1_500, 4, seed=5, dim=32))
        vectors, names = clusters(200, 4, seed=6, dim=32)
        return 200 - sum(hits(learner, vectors, [SWAP.get(name, name) for name in names]))

    assert misses(10.0) < misses(None)


@pytest.mark.parametrize("labelled", [True, False])
def test_what_is_in_no_cloud_is_out_of_scope(labelled: bool) -> None:
    learner, rng = MixtureLearner(64), np.random.default_rng(7)
    vectors, labels = clusters(800, 8, seed=8, dim=64, noise=0.08)
    for number, (x, label) in enumerate(zip(vectors, labels, strict=True)):
        learner.learn(x, label)
        if labelled and number % 8 == 0:
            learner.learn(stray(rng), OUT_OF_SCOPE)
    inside = [learner.out_of_scope(x) for x in clusters(100, 8, seed=9, dim=64, noise=0.08)[0]]
    outside = [learner.out_of_scope(stray(rng)) for _ in range(100)]
    above = np.mean([o > i for o in outside for i in inside])
    assert above > 0.97
    if labelled:
        assert np.mean(np.array(outside) > 0.5) > 0.9
        assert np.mean(np.array(inside) < 0.5) > 0.95
        shares = learner.distribution(stray(rng))
        assert max(shares, key=shares.__getitem__) == OUT_OF_SCOPE
        assert sum(shares.values()) == pytest.approx(1.0)


def stray(rng: Any) -> Any:
    """A unit vector away from the centres of the first eight labels."""
    x = rng.normal(size=64)
    x[:8] *= 0.2
    return (x / np.linalg.norm(x)).astype(np.float32)


def test_nothing_known_is_out_of_scope() -> None:
    learner = MixtureLearner(3)
    assert learner.out_of_scope(np.ones(3)) == 1.0
    assert learner.out_of_scope(None) == 1.0
    assert learner.predict(np.ones(3)).shape == (0,)
    assert learner.learn(np.ones(3), "first") == 0.0
    assert learner.distribution(np.ones(3)) == {"first": 1.0}
    assert 0.0 < learner.out_of_scope(np.ones(3)) < 1.0


@pytest.mark.parametrize(
    ("x", "label", "weight"),
    [
        (np.ones(3), None, 1.0),
        (np.ones(3), "", 1.0),
        (np.array([1.0, math.nan, 0.0]), "new", 1.0),
        (np.array([1.0, math.inf, 0.0]), "new", 1.0),
        (np.array([1e300, 0.0, 0.0]), "new", 1.0),
        (np.ones(3), "new", math.nan),
        (np.ones(3), "new", 0.0),
        (np.ones(3), "new", -1.0),
    ],
)
def test_what_cannot_be_learnt_changes_nothing(x: Any, label: Any, weight: float) -> None:
    learner = MixtureLearner(3)
    learner.learn(np.array([0.5, 0.5, 0.1]), "old")
    before = pack("intent", 1, learner.state())
    assert learner.learn(x, label, weight) is None
    assert pack("intent", 1, learner.state()) == before


def test_predicting_changes_nothing() -> None:
    vectors, labels = clusters(120, 4, seed=10)
    one, other = MixtureLearner(16), MixtureLearner(16)
    for x, label in zip(vectors, labels, strict=True):
        for asked in (*vectors[:3], None, np.full(16, math.nan), x):
            one.predict(asked)[:] = 7.0
            one.out_of_scope(asked)
        one.learn(x, label)
        other.learn(x, label)
    assert pack("intent", 1, one.state()) == pack("intent", 1, other.state())


def test_the_loss_is_that_of_the_prediction_made_before() -> None:
    vectors, labels = clusters(60, 3, seed=11)
    learner = MixtureLearner(16)
    for x, label in zip(vectors, labels, strict=True):
        before = learner.distribution(x)
        chance = before.get(label, 1 / (len(before) + 1))
        assert learner.learn(x, label) == pytest.approx(-math.log(chance))


@pytest.mark.parametrize("cut", [0, 1, 63, 64, 200])
def test_restored_equals_unbroken_bit_for_bit(cut: int) -> None:
    chosen = MixtureSettings(max_labels=7, half_life=100.0, memory=4, looked_at=3, alarm=3.0)
    vectors, labels = clusters(400, 8, seed=12)
    labels = [OUT_OF_SCOPE if label == "need-7" else label for label in labels]
    labels[240:] = [SWAP.get(label, label) for label in labels[240:]]
    unbroken, stopped = MixtureLearner(16, chosen), MixtureLearner(16, chosen)
    unbroken.learn_many(vectors, labels)
    stopped.learn_many(vectors[:cut], labels[:cut])
    blob = pack("intent", 1, stopped.state())
    resumed = MixtureLearner.from_state(unpack(blob, "intent", 1))
    stopped.learn_many(vectors[cut:], labels[cut:])  # shares nothing with what was stored
    resumed.learn_many(vectors[cut:], labels[cut:])
    assert unbroken.alarmed > 0
    assert pack("intent", 1, resumed.state()) == pack("intent", 1, unbroken.state())
    assert resumed.distribution(vectors[0]) == unbroken.distribution(vectors[0])
    assert resumed.out_of_scope(vectors[1]) == unbroken.out_of_scope(vectors[1])


def test_what_is_kept_does_not_grow_for_ever() -> None:
    learner = MixtureLearner(16, MixtureSettings(max_labels=12, memory=4))
    sizes = []
    for turn in range(6):
        vectors, labels = clusters(500, 16, seed=turn)
        learner.learn_many(vectors, [f"{label}-{turn}" for label in labels])
        sizes.append(len(pack("intent", 1, learner.state())))
    assert len(learner.labels) == 12
    assert sizes[-1] < sizes[-2] * 1.02  # the newest 2,048 labels are all that was still filling


@given(
    st.lists(
        st.tuples(
            st.lists(st.floats(-1e5, 1e5, width=32), min_size=3, max_size=3),
            st.sampled_from(["a", "b", "c", "d", "e", OUT_OF_SCOPE]),
            st.floats(1e-3, 100.0),
            st.sampled_from(["learn", "learn", "learn", "retire", "rename", "merge"]),
        ),
        max_size=40,
    )
)
@settings(deadline=None)
def test_predictions_are_always_a_distribution(stream: Any) -> None:
    learner = MixtureLearner(3, MixtureSettings(max_labels=4, memory=2, looked_at=2, alarm=2.0))
    for number, (vector, label, weight, deed) in enumerate(stream):
        x = np.array(vector, dtype=np.float32)
        known = learner.labels
        if deed == "learn" or label not in known:
            learner.learn(x, label, weight)
        elif deed == "retire":
            learner.retire(label)
        elif deed == "rename":
            learner.rename(label, f"{label}-{number}")
        elif len(known) > 1:
            learner.merge(label, next(name for name in known if name != label))
        got = learner.predict(x)
        assert len(got) == len(learner.labels) == len(set(learner.labels)) <= 4
        assert np.isfinite(got).all()
        assert not len(got) or got.sum() == pytest.approx(1.0, abs=1e-9)
        assert 0.0 <= learner.out_of_scope(x) <= 1.0


@pytest.mark.parametrize("length", [0.0, 1e-45, 1e-30, 1e-12, 1e5])
def test_vectors_of_any_length_are_compared_by_their_direction(length: float) -> None:
    learner = MixtureLearner(3)
    x = np.array([0.0, length, 0.0], np.float32)
    for _ in range(5):
        learner.learn(x, "a")
        learner.learn(np.array([1.0, 0.0, 0.0], np.float32), "b")
    got = learner.distribution(x)
    assert got["a"] > got["b"]
    assert sum(got.values()) == pytest.approx(1.0)


def test_more_features_keep_what_was_learnt() -> None:
    vectors, labels = clusters(100, 3, seed=13)
    learner = MixtureLearner(16)
    learner.learn_many(vectors, labels)
    before = learner.predict(vectors[0])
    learner.widen(20)
    wide = np.append(vectors[0], np.zeros(4, np.float32))
    assert learner.predict(wide) == pytest.approx(before, abs=1e-5)
    assert learner.learn(wide, labels[0]) is not None
    with pytest.raises(ValueError, match="cannot shrink from 20"):
        learner.widen(3)


def test_cosines_that_lie_close_together_are_told_apart_too() -> None:
    vectors, labels = clusters(600, 8, seed=14, dim=32, noise=0.22)
    # An encoder whose vectors all point the same way: a constant beside what tells them apart.
    close = np.concatenate([vectors * 0.3, np.full((600, 1), 0.95, np.float32)], axis=1)
    wide = sum(hits(MixtureLearner(32), vectors, labels))
    assert sum(hits(MixtureLearner(33), close, labels)) > wide - 30


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rate": 0.0}, "rate is 0.0"),
        ({"memory": 0}, "memory is 0"),
        ({"looked_at": 1}, "looked_at is 1"),
        ({"replays": -1}, "replays is -1"),
        ({"span": 0.5}, "span is 0.5"),
        ({"sharpness": math.nan}, "sharpness is nan"),
        ({"alarm": 0.0}, "alarm is 0.0"),
        ({"max_labels": 0}, "max_labels is 0"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        MixtureSettings(**changes)
