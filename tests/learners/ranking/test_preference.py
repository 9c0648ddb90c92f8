"""The preference learner's steps equal a naive network in float64; it stays finite and goes on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from learners.codec import pack, unpack
from learners.ranking.preference_learner import PreferenceLearner

F, H = 3, 4
RATE = 0.01


class Oracle:
    """The same network, one candidate and one weight at a time, in float64."""

    def __init__(self, learner: PreferenceLearner) -> None:
        self.weights = learner.state()["weights"].astype(np.float64)
        self.mean = np.zeros_like(self.weights)
        self.square = np.zeros_like(self.weights)
        self.averaged = self.weights
        self.steps = 0

    def score(self, row: Any, weights: Any = None) -> float:
        w = self.weights if weights is None else weights
        total = 0.0
        for unit in range(H):
            inner = w[F * H + unit] + sum(float(row[f]) * w[f * H + unit] for f in range(F))
            total += max(inner, 0.0) * w[F * H + H + unit]
        return total + sum(float(row[f]) * w[F * H + 2 * H + f] for f in range(F))

    def loss(self, rows: Any, chosen: int, weights: Any = None) -> float:
        scores = np.array([self.score(row, weights) for row in rows])
        return float(np.logaddexp.reduce(scores) - scores[chosen])

    def gradient(self, loss: Any) -> NDArray[np.float64]:
        """Differentiate numerically, one weight at a time."""
        step = 1e-6
        slopes = np.zeros_like(self.weights)
        for i in range(len(slopes)):
            moved = self.weights.copy()
            moved[i] += step
            above = loss(moved)
            moved[i] -= 2 * step
            slopes[i] = (above - loss(moved)) / (2 * step)
        return slopes

    def adam(self, slopes: NDArray[np.float64]) -> None:
        self.steps += 1
        self.mean = 0.9 * self.mean + 0.1 * slopes
        self.square = 0.999 * self.square + 0.001 * slopes**2
        mean = self.mean / (1 - 0.9**self.steps)
        square = self.square / (1 - 0.999**self.steps)
        # Epsilon stands beside the root whose bias is still in it.
        epsilon = 1e-8 / np.sqrt(1 - 0.999**self.steps)
        self.weights = self.weights - RATE * mean / (np.sqrt(square) + epsilon)
        share = max(10.0 / (self.steps + 9.0), 1.0 / 2_000.0)
        self.averaged = self.averaged + share * (self.weights - self.averaged)


def learner(seed: int = 0) -> PreferenceLearner:
    return PreferenceLearner(F, H, RATE, seed)


def rows_of(seed: int, n: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(n, F)).astype(np.float32)


def stepped_gradient(model: PreferenceLearner) -> NDArray[np.float32]:
    """The gradient of the one step that a fresh learner took."""
    gradient: NDArray[np.float32] = model.state()["mean_gradient"] / np.float32(0.1)
    return gradient


choices = st.lists(
    st.tuples(st.integers(0, 10_000), st.integers(2, 6), st.floats(0.1, 3.0)), min_size=1
)


@given(st.integers(0, 10_000), st.integers(1, 7), st.data())
@settings(deadline=None, max_examples=40)
def test_the_gradient_of_a_choice_is_that_of_its_loss(seed: int, n: int, data: Any) -> None:
    model, rows = learner(seed), rows_of(seed, n)
    chosen = data.draw(st.integers(0, n - 1))
    weight = data.draw(st.sampled_from([0.25, 1.0, 3.0]))
    oracle = Oracle(model)
    expected = weight * oracle.gradient(lambda w: oracle.loss(rows, chosen, w))
    learnt = model.learn(rows, chosen, weight)
    assert learnt.loss == pytest.approx(oracle.loss(rows, chosen), abs=1e-5)
    assert stepped_gradient(model) == pytest.approx(expected, abs=2e-5)


@given(st.integers(0, 10_000), st.booleans())
@settings(deadline=None, max_examples=40)
def test_the_gradient_of_a_yes_or_no_is_that_of_its_loss(seed: int, wanted: bool) -> None:
    model, rows = learner(seed), rows_of(seed, 1)
    oracle = Oracle(model)

    def loss(weights: Any) -> float:
        margin = oracle.score(rows[0], weights)
        return float(np.logaddexp(0.0, -margin if wanted else margin))

    expected = oracle.gradient(loss)
    assert model.learn_logistic(rows, wanted) == pytest.approx(loss(None), abs=1e-5)
    assert stepped_gradient(model) == pytest.approx(expected, abs=2e-5)


@given(st.integers(0, 100), choices)
@settings(deadline=None, max_examples=20)
def test_steps_equal_those_of_a_naive_network(seed: int, stream: Any) -> None:
    model = learner(seed)
    oracle = Oracle(model)
    for number, n, weight in stream[:5]:
        rows = rows_of(number, n)
        slopes = oracle.gradient(lambda w, rows=rows: oracle.loss(rows, 0, w))
        # Where the slope is next to nothing, its sign is rounding, and Adam divides by its size.
        assume((np.abs(slopes[slopes != 0.0]) > 1e-5).all())
        oracle.adam(weight * slopes)
        model.learn(rows, 0, weight)
        expected = [oracle.score(row, oracle.averaged) for row in rows]
        assert model.score(rows) == pytest.approx(expected, abs=2e-3)


@given(st.integers(0, 1_000), st.integers(1, 30))
def test_scores_equal_those_of_a_naive_network_and_ties_lose(seed: int, n: int) -> None:
    model, rows = learner(seed), rows_of(seed, n)
    oracle = Oracle(model)
    expected = [oracle.score(row) for row in rows]
    assert model.score(rows) == pytest.approx(expected, abs=1e-5)
    twice = np.concatenate((rows, rows))
    scores = model.score(twice)
    assert model.learn(twice, 0).rank == int((scores >= scores[0]).sum()) >= 2


def test_it_learns_to_rank_by_what_is_chosen() -> None:
    model = PreferenceLearner(F, 8, RATE)
    draw = np.random.default_rng(3)

    def value(rows: Any) -> Any:  # no weighted sum of features orders rows like this
        return np.abs(rows[:, 0]) - 0.5 * rows[:, 1]

    ranks = []
    for _ in range(1_500):
        rows = draw.normal(size=(20, F)).astype(np.float32)
        ranks.append(model.learn(rows, int(value(rows).argmax())).rank)
    assert np.mean(ranks[:50]) > 4.0
    assert np.mean(ranks[-100:]) < 1.6


def test_a_heavier_choice_counts_for_more() -> None:
    rows = rows_of(1, 5)
    light, heavy = learner(), learner()
    light.learn(rows, 2, 0.5)
    heavy.learn(rows, 2, 2.0)
    assert stepped_gradient(heavy) == pytest.approx(4 * stepped_gradient(light), abs=1e-6)


@given(st.lists(st.integers(0, 1_000), min_size=1, max_size=12))
def test_moments_follow_the_rows(seeds: list[int]) -> None:
    model = learner()
    batches = [rows_of(seed, 30) * [1.0, 5.0, 0.1] + [0.0, -3.0, 8.0] for seed in seeds]
    mean, variance = np.zeros(F), np.ones(F)
    for number, rows in enumerate(batches, 1):
        model.observe(rows.astype(np.float32))
        mean = mean + (rows.mean(axis=0) - mean) / number
        variance = variance + (((rows - mean) ** 2).mean(axis=0) - variance) / number
    expected = np.clip((batches[-1] - mean) / np.sqrt(variance + 1e-3), -6.0, 6.0)
    assert model.scaled(batches[-1].astype(np.float32)) == pytest.approx(expected, abs=2e-3)


@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, -1e38, 0.0, 1e-38])
def test_no_number_makes_scores_or_weights_useless(value: float) -> None:
    model = learner()
    for seed in range(20):
        rows = rows_of(seed, 6)
        rows[seed % 6, seed % F] = value
        model.observe(rows)
        model.learn(model.scaled(rows), 3)
    good = rows_of(99, 10)
    state = model.state()
    for name in ("weights", "mean_gradient", "mean_square", "mean", "variance"):
        assert np.isfinite(state[name]).all()
    before = model.score(model.scaled(good))
    assert np.isfinite(before).all()
    for seed in range(100, 130):
        model.observe(rows_of(seed, 6))
        model.learn(model.scaled(rows_of(seed, 6)), 1)
    after = model.score(model.scaled(good))
    assert np.isfinite(after).all()
    assert np.abs(after - before).max() > 1e-3  # it still learns


@pytest.mark.parametrize("weight", [np.nan, np.inf, -np.inf, 0.0, -1.0, 1e30])
def test_a_weight_that_cannot_be_meant_teaches_nothing(weight: float) -> None:
    model, rows = learner(), rows_of(5, 4)
    model.learn(rows, 1)
    before = pack("p", 1, model.state())
    learnt = model.learn(rows, 2, weight)
    assert pack("p", 1, model.state()) == before
    assert np.isfinite(learnt.loss)


def test_an_untrained_learner_scores_and_reading_changes_nothing() -> None:
    model, rows = learner(), rows_of(2, 8)
    assert np.isfinite(model.score(model.scaled(rows))).all()
    assert model.score(rows[:0]).shape == (0,)
    model.observe(rows[:0])
    model.learn(rows, 1)
    before, kept = pack("p", 1, model.state()), rows.copy()
    model.score(model.scaled(rows))
    assert pack("p", 1, model.state()) == before
    assert rows.tobytes() == kept.tobytes()


@given(st.integers(0, 40), st.integers(0, 3))
@settings(deadline=None, max_examples=20)
def test_restored_equals_unbroken_bit_for_bit(cut: int, seed: int) -> None:
    def step(model: PreferenceLearner, number: int) -> None:
        rows = rows_of(number, 7) * 3 + 1
        model.observe(rows)
        model.learn(model.scaled(rows), number % 7, 1.5)
        model.learn_logistic(model.scaled(rows[:1]), bool(number % 2))

    whole = learner(seed)
    for number in range(40):
        step(whole, number)
    first = learner(seed)
    for number in range(cut):
        step(first, number)
    second = learner(seed + 1)  # what it drew is overwritten
    second.restore(unpack(pack("p", 1, first.state()), "p", 1))
    for number in range(cut, 40):
        step(second, number)
    assert pack("p", 1, second.state()) == pack("p", 1, whole.state())


def test_a_state_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="keep `hidden` as it was"):
        PreferenceLearner(F, H + 1, RATE).restore(learner().state())
