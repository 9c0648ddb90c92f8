"""Labels are renamed, merged and retired in every learner alike; nothing else moves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from learners.classifiers.base import Labels
from learners.classifiers.mixture import MixtureLearner
from learners.classifiers.softmax import IntentLearner
from learners.codec import pack, unpack
from learners.estimators.intent import NearestLearner, PrototypeLearner
from learners.testing import clusters

LEARNERS = [IntentLearner, MixtureLearner, PrototypeLearner, NearestLearner]


def taught(kind: Any, n: int = 300, labels: int = 5) -> Any:
    learner = kind(16)
    learner.learn_many(*clusters(n, labels, seed=1))
    return learner


@pytest.mark.parametrize("kind", LEARNERS)
def test_a_renamed_label_is_the_same_under_another_name(kind: Any) -> None:
    learner, untouched = taught(kind), taught(kind)
    learner.rename("need-2", "war")
    vectors, labels = clusters(100, 5, seed=2)
    for x, label in zip(vectors, labels, strict=True):
        shares, others = learner.distribution(x), untouched.distribution(x)
        assert shares == {"war" if name == "need-2" else name: p for name, p in others.items()}
        learner.learn(x, "war" if label == "need-2" else label)
        untouched.learn(x, label)


@pytest.mark.parametrize("kind", LEARNERS)
def test_a_retired_label_is_gone_and_the_others_keep_their_odds(kind: Any) -> None:
    learner = taught(kind)
    x = clusters(1, 5, seed=3)[0][0]
    before = learner.distribution(x)
    learner.retire("need-1")
    after = learner.distribution(x)
    assert set(after) == set(before) - {"need-1"}
    assert sum(after.values()) == pytest.approx(1.0)
    rest = {name: share for name, share in before.items() if name != "need-1"}
    ratio = {name: after[name] / share for name, share in rest.items() if share > 1e-6}
    spread = max(ratio.values()) / min(ratio.values())
    assert spread == pytest.approx(1.0, rel=1e-3)
    learner.learn_many(*clusters(300, 5, seed=4))
    assert learner.labels[-1] == "need-1"


@pytest.mark.parametrize("kind", LEARNERS)
def test_merged_labels_are_known_by_one_name(kind: Any) -> None:
    learner = taught(kind)
    learner.merge("need-0", "need-3")
    assert sorted(learner.labels) == ["need-1", "need-2", "need-3", "need-4"]
    vectors, labels = clusters(200, 5, seed=5)
    wanted = ["need-3" if label == "need-0" else label for label in labels]
    for x, label in zip(vectors, wanted, strict=True):
        learner.learn(x, label)
    vectors, labels = clusters(200, 5, seed=6)
    right = [
        learner.top(learner.predict(x), 1)[0][0] == ("need-3" if label == "need-0" else label)
        for x, label in zip(vectors, labels, strict=True)
    ]
    assert sum(right) >= 190


@pytest.mark.parametrize("kind", LEARNERS)
def test_what_cannot_be_done_with_labels_changes_nothing(kind: Any) -> None:
    learner = taught(kind)
    before = pack("x", 1, learner.state())
    for wrong in (
        lambda: learner.rename("nobody", "x"),
        lambda: learner.retire("nobody"),
        lambda: learner.merge("need-0", "nobody"),
        lambda: learner.merge("nobody", "need-0"),
    ):
        with pytest.raises(KeyError, match="nobody"):
            wrong()
    with pytest.raises(ValueError, match="is known already"):
        learner.rename("need-0", "need-1")
    with pytest.raises(ValueError, match="is no name"):
        learner.rename("need-0", "")
    with pytest.raises(ValueError, match="into itself"):
        learner.merge("need-0", "need-0")
    assert pack("x", 1, learner.state()) == before


def test_counts_follow_their_labels() -> None:
    labels = Labels(4)
    for name, weight in (("a", 1.0), ("b", 2.0), ("c", 5.0), ("d", 3.0)):
        labels.see(name, weight)
    assert labels.merge(labels.known("a"), labels.known("d")) == pytest.approx(0.25)
    labels.remove(labels.known("b"))
    labels.rename("d", "e")
    assert labels.names == ["c", "e"]
    assert labels.frequencies() == pytest.approx([6 / 11, 5 / 11])
    assert labels.slots == {"c": 0, "e": 1}


def test_a_held_list_of_labels_does_not_change_under_its_holder() -> None:
    learner = taught(IntentLearner)
    held = learner.labels
    copy = [*held]
    learner.rename("need-0", "new")
    learner.retire("need-1")
    assert held == copy
    assert learner.predict(np.ones(16)).shape == (4,)


@pytest.mark.parametrize("kind", LEARNERS)
def test_each_goes_on_where_it_stopped_with_its_labels_as_they_are(kind: Any) -> None:
    unbroken, stopped = taught(kind), taught(kind)
    for learner in (unbroken, stopped):
        learner.rename("need-2", "war")
        learner.retire("need-0")
        learner.merge("need-3", "war")
    resumed = kind.from_state(unpack(pack("x", 1, stopped.state()), "x", 1))
    vectors, labels = clusters(300, 6, seed=7)
    assert resumed.learn_many(vectors, labels) == unbroken.learn_many(vectors, labels)
    assert pack("x", 1, resumed.state()) == pack("x", 1, unbroken.state())


@pytest.mark.parametrize("kind", [PrototypeLearner, NearestLearner])
def test_a_few_examples_are_enough(kind: Any) -> None:
    learner = kind(32)
    learner.learn_many(*clusters(60, 20, seed=8, dim=32))
    vectors, labels = clusters(200, 20, seed=9, dim=32)
    known = [(x, y) for x, y in zip(vectors, labels, strict=True) if y in learner.labels]
    right = [learner.top(learner.predict(x), 1)[0][0] == y for x, y in known]
    assert np.mean(right) > 0.9
    assert learner.learn(np.full(32, np.nan), "need-0") is None
    learner.widen(40)
    assert learner.dim == 40
    assert learner.learn(np.ones(40), "need-0") is not None
    with pytest.raises(ValueError, match="cannot shrink"):
        learner.widen(3)
    with pytest.raises(ValueError, match="all must be above 0"):
        kind(3, 0)


@pytest.mark.parametrize("kind", LEARNERS)
def test_what_was_predicted_may_be_handed_in_when_it_is_learnt(kind: Any) -> None:
    asked, told = kind(16), kind(16)
    for x, label in zip(*clusters(200, 5, seed=9), strict=True):
        for vector in (x, None):
            before = told.predict(vector)
            kept = before.copy()
            assert told.learn(vector, label, 0.7, before) == asked.learn(vector, label, 0.7)
            assert before.tolist() == kept.tolist()
    assert pack("x", 1, told.state()) == pack("x", 1, asked.state())
