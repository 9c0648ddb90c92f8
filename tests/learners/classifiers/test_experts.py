"""Each expert equals what a few plain lines would work out; their blend follows the gradient."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learners.classifiers.example_memory import NearestMemory, coded, unit
from learners.classifiers.experts import Blend, shortlist
from learners.classifiers.label_drift import LabelWatch
from learners.classifiers.out_of_scope import Scope
from learners.classifiers.prototypes import Prototypes
from learners.classifiers.rehearsal import Rehearsal
from learners.classifiers.softmax import IntentSettings, Softmax

DIM = 5
_vectors = st.lists(
    st.integers(-100, 100).map(lambda n: n / 50), min_size=DIM, max_size=DIM
).filter(any)
_streams = st.lists(st.tuples(st.integers(0, 3), _vectors), min_size=1, max_size=40)


def as_unit(vector: list[float]) -> Any:
    return unit(np.array(vector, np.float32))


@given(_streams, _vectors, st.integers(1, 6), st.sampled_from([5.0, 20.0]))
@settings(deadline=None)
def test_near_examples_equal_a_plain_search(
    stream: Any, asked: list[float], quota: int, sharpness: float
) -> None:
    memory, naive = NearestMemory(DIM, 8, quota), [[] for _ in range(4)]
    for slot in range(4):
        memory.clear(slot)
    for slot, vector in stream:
        memory.add(slot, coded(as_unit(vector)))
        naive[slot] = [*naive[slot], as_unit(vector)][-quota:]
    scores, best = memory.scores(4, coded(as_unit(asked)), sharpness, np.arange(4))
    for slot, kept in enumerate(naive):
        cosines = [float(x @ as_unit(asked)) for x in kept]
        near = [math.exp(sharpness * (cosine - 1)) for cosine in cosines]
        expected = math.log(sum(near) / max(len(near), 1) + 1e-6)
        assert scores[slot] == pytest.approx(expected, abs=0.02 * sharpness)
        assert best[slot] == pytest.approx(max(cosines, default=-1.0), abs=0.02)


def test_labels_not_looked_at_get_the_lowest_score() -> None:
    memory = NearestMemory(DIM, 8, 4)
    for slot in range(4):
        memory.clear(slot)
        memory.add(slot, coded(np.eye(DIM, dtype=np.float32)[slot]))
    asked = coded(unit(np.array([0.9, 0.4, 0.0, 0.0, 0.0], np.float32)))
    all_of_them, _ = memory.scores(4, asked, 10.0, np.arange(4))
    scores, best = memory.scores(4, asked, 10.0, np.array([1, 0]))
    assert scores.tolist() == [*all_of_them[:2], all_of_them[1], all_of_them[1]]
    assert best[2:].tolist() == [-1.0, -1.0]


@given(_streams)
@settings(deadline=None)
def test_kept_examples_come_back_as_they_were(stream: Any) -> None:
    memory, naive = NearestMemory(DIM, 8, 3), {}
    for slot in range(4):
        memory.clear(slot)
    for number, (slot, vector) in enumerate(stream):
        memory.add(slot, coded(as_unit(vector)))
        met = sum(1 for other, _ in stream[:number] if other == slot)
        naive[slot, met % 3] = as_unit(vector)
    slots, places = np.array(list(naive)).T.copy()
    vectors = memory.recall(slots, places)
    assert vectors[:, :-1] == pytest.approx(np.stack(list(naive.values())), abs=0.005)
    assert (vectors[:, -1] == 1).all()


@given(_streams, _vectors, st.sampled_from([1.0, 3.0, 100.0]))
@settings(deadline=None)
def test_prototypes_equal_a_plain_running_mean(
    stream: Any, asked: list[float], span: float
) -> None:
    prototypes, means, counts = Prototypes(DIM, 8, span), np.zeros((4, DIM)), np.zeros(4)
    for slot in range(4):
        prototypes.clear(slot)
    for slot, vector in stream:
        prototypes.add(slot, as_unit(vector), 1.0)
        counts[slot] = min(counts[slot], span) + 1
        means[slot] += (as_unit(vector) - means[slot]) / counts[slot]
    got = prototypes.scores(4, as_unit(asked))
    lengths = np.linalg.norm(means, axis=1)
    for slot in range(4):
        if lengths[slot] > 1e-3:
            expected = means[slot] @ as_unit(asked) / lengths[slot]
            assert got[slot] == pytest.approx(expected, abs=1e-3)
        elif counts[slot] == 0:
            assert got[slot] == 0.0


def test_a_prototype_of_all_examples_is_their_mean_by_weight() -> None:
    prototypes = Prototypes(2, 4, 100.0)
    for slot in (0, 1):
        prototypes.clear(slot)
    prototypes.add(0, np.array([1.0, 0.0], np.float32), 3.0)
    prototypes.add(0, np.array([0.0, 1.0], np.float32), 1.0)
    prototypes.add(1, np.array([0.0, 1.0], np.float32), 4.0)
    assert prototypes.state(2)["means"][0] == pytest.approx([0.75, 0.25])
    prototypes.merge(0, 1)
    assert prototypes.state(2)["means"][1] == pytest.approx([0.375, 0.625])


def log_loss(weights: Any, scores: Any, slot: int) -> float:
    logits = weights @ scores.astype(float)
    return float(np.log(np.exp(logits - logits[slot]).sum()))


@given(
    st.lists(
        st.lists(st.integers(-30, 30).map(lambda n: n / 10), min_size=4, max_size=4),
        min_size=3,
        max_size=3,
    ),
    st.integers(0, 3),
)
@settings(deadline=None)
def test_the_blend_goes_down_the_log_loss(rows: Any, slot: int) -> None:
    scores = np.array(rows, np.float32)
    blend = Blend((0.5, 0.7, 0.2), rate=0.05)
    before = blend.weights.copy()
    chances = blend.chances(scores)
    expected = np.exp(before @ scores - (before @ scores).max())
    assert chances == pytest.approx(expected / expected.sum(), rel=1e-9)
    gradient = np.array(
        [
            (log_loss(before + step, scores, slot) - log_loss(before - step, scores, slot)) / 2e-5
            for step in np.eye(3) * 1e-5
        ]
    )
    blend.learn(scores, chances, slot)
    steps = 0.05 * gradient / np.sqrt(gradient**2 + 1e-2)
    assert blend.weights == pytest.approx(np.clip(before - steps, 0, 3), abs=1e-4)


def test_the_blend_comes_to_trust_the_expert_that_is_right() -> None:
    rng = np.random.default_rng(0)
    blend = Blend((0.5, 0.5, 0.5), rate=0.05)
    for _ in range(500):
        slot = int(rng.integers(4))
        scores = rng.normal(0, 1, (3, 4)).astype(np.float32)
        scores[1, slot] += 4.0
        blend.learn(scores, blend.chances(scores), slot)
    assert blend.weights[1] > 0.8
    assert max(blend.weights[0], blend.weights[2]) < 0.3


@pytest.mark.parametrize("seed", range(5))
def test_the_shortlist_is_the_likeliest_by_two_experts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(3, 40)).astype(np.float32)
    given_scores, weights = scores.copy(), np.array([0.4, 0.8, 9.0])
    found = np.empty(7, np.int64)
    shortlist(weights, scores, np.float32(2.0), found)
    assert scores[0] == pytest.approx(given_scores[0] - given_scores[0].max())
    assert scores[1] == pytest.approx(given_scores[1] * 2.0)
    both = 0.4 * given_scores[0] + 0.8 * 2.0 * given_scores[1]
    assert sorted(found.tolist()) == sorted(np.argsort(-both)[:7].tolist())


def test_rehearsing_is_learning_the_same_example_again() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(2, DIM + 1)).astype(np.float32)
    chosen = IntentSettings(dtype="float32")
    one, plain = Softmax(DIM, chosen), Softmax(DIM, chosen)
    for slot in range(3):
        one.clear(slot)
        plain.clear(slot)
    errors = []
    for vector, slot in zip(vectors, (2, 0), strict=True):
        chances = np.exp(plain.logits(3, vector)) / np.exp(plain.logits(3, vector)).sum()
        chances[slot] -= 1.0
        errors.append(chances)
    for vector, error in zip(vectors, errors, strict=True):
        plain.step(vector, error)
    one.rehearse(3, vectors, np.array([2, 0]))
    assert one.state(3)["weights"] == pytest.approx(plain.state(3)["weights"], abs=1e-5)


def test_rehearsal_draws_labels_as_often_as_they_come() -> None:
    memory, rehearsal = NearestMemory(DIM, 4, 8), Rehearsal()
    for slot in (0, 1):
        memory.clear(slot)
        for place in range(8):
            memory.add(slot, coded(np.eye(DIM, dtype=np.float32)[place % DIM]))
    drawn: list[int] = []
    places: set[int] = set()
    for number in range(2_000):
        rehearsal.add(int(number % 4 == 0))
        slots, found = rehearsal.draw(memory, 2)
        drawn += slots.tolist()
        places |= set(found.tolist())
    assert len(drawn) == 4_000
    assert sum(drawn) / 4_000 == pytest.approx(0.25, abs=0.03)
    assert places == set(range(8))
    rehearsal.remove(0)
    assert {slot for _ in range(50) for slot in rehearsal.draw(memory, 2)[0].tolist()} <= {0}


def test_steady_misses_raise_no_alarm_and_a_sudden_run_does() -> None:
    rng = np.random.default_rng(2)
    watch = LabelWatch(8, limit=10.0)
    for slot, share in ((0, 0.05), (1, 0.2), (2, 0.5), (3, 0.7), (4, 0.95), (5, 1.0)):
        watch.clear(slot)
        found = [watch.update(slot, missed=bool(miss)) for miss in rng.random(3_000) < share]
        assert found == [None] * 3_000
    run = [watch.update(0, missed=True) for _ in range(8)]
    (change,) = [change for change in run if change is not None]
    assert 3 <= run.index(change) <= 6
    assert change.before == pytest.approx(0.95, abs=0.05)
    assert change.after <= 0.3
    assert [watch.update(0, missed=True) for _ in range(8)] == [None] * 8


def fits(rng: Any, *, outside: bool) -> tuple[Any, Any, Any]:
    """Scores (3, 6), best cosines (6,) and P(label) of an example that fits, or does not."""
    scores = rng.normal(-8, 1, (3, 6)).astype(np.float32)
    best = rng.uniform(0.1, 0.4, 6).astype(np.float32)
    if not outside:
        scores[:, 2] += 6.0
        best[2] += 0.5
    chances = np.exp(scores.sum(axis=0).astype(float) / 3)
    return scores, best, chances / chances.sum()


def test_the_scope_learns_what_fits_none() -> None:
    rng = np.random.default_rng(3)
    scope = Scope()
    for number in range(1_500):
        outside = number % 5 == 0
        scope.learn(scope.look(*fits(rng, outside=outside), -1), was_outside=outside)
    inside, out = (
        [scope.chance(scope.look(*fits(rng, outside=kind), -1)) for _ in range(200)]
        for kind in (False, True)
    )
    assert np.mean(np.array(inside) < 0.5) > 0.97
    assert np.mean(np.array(out) > 0.5) > 0.97


def test_what_the_scope_gives_is_a_calibrated_chance() -> None:
    rng = np.random.default_rng(4)
    scope, given_chances, truths = Scope(), [], []
    for number in range(6_000):
        # Three in ten of those that look outside are not, so 0.7 is the right answer there.
        looks = bool(rng.random() < 0.3)
        outside = looks and bool(rng.random() < 0.7)
        found = scope.look(*fits(rng, outside=looks), -1)
        if number >= 3_000:
            given_chances.append(scope.chance(found))
            truths.append(outside)
        scope.learn(found, was_outside=outside)
    chances, happened = np.array(given_chances), np.array(truths)
    sure = chances > 0.5
    assert happened[sure].mean() == pytest.approx(chances[sure].mean(), abs=0.05)
    assert happened[~sure].mean() == pytest.approx(chances[~sure].mean(), abs=0.05)


def test_a_better_fit_never_speaks_for_out_of_scope() -> None:
    rng = np.random.default_rng(5)
    scope = Scope()
    for _ in range(500):  # all that it is shown says the opposite
        outside = bool(rng.random() < 0.5)
        scope.learn(scope.look(*fits(rng, outside=not outside), -1), was_outside=outside)
    weights = scope.state()["weights"]
    assert (weights[:4] <= -0.1).all()
    assert (weights[4:6] >= 0.1).all()


def test_the_label_for_out_of_scope_is_no_fit_but_evidence() -> None:
    rng = np.random.default_rng(6)
    scope = Scope()
    scores, best, chances = fits(rng, outside=False)
    without = scope.look(scores, best, chances, -1)
    for_it = scope.look(scores, best, chances, 2)  # the only label that fits says "none"
    assert scope.chance(for_it) > scope.chance(without)
    assert for_it[1] < without[1]
