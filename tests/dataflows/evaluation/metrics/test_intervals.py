"""Bootstrap over users: against a naive oracle, and against what theory says."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dataflows.evaluation.metrics.bootstrap import bootstrap


def naive(gains: np.ndarray, users: np.ndarray, seed: int, resamples: int) -> np.ndarray:
    """Draw users one sample at a time and average over all events of those drawn."""
    rng = np.random.default_rng(seed)
    numbers = sorted(set(users.tolist()))
    draws = rng.integers(len(numbers), size=(resamples, len(numbers)))
    means = []
    for draw in draws:
        rows = [row for one in draw for row in np.flatnonzero(users == numbers[one])]
        means.append(gains[rows].mean(axis=0))
    return np.quantile(np.array(means), [0.025, 0.975], axis=0).T


@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.floats(0, 1)), min_size=1, max_size=25),
    st.integers(0, 3),
)
def test_equals_drawing_users_one_by_one(rows, seed) -> None:
    users = np.array([user * 7 for user, _, _ in rows], dtype=np.int64)
    gains = np.array([[float(hit), part] for _, hit, part in rows])
    limits = bootstrap(gains, users, seed=seed, resamples=20)
    np.testing.assert_allclose(limits, naive(gains, users, seed, 20), rtol=0, atol=1e-12)


def test_one_event_per_user_has_the_width_of_a_binomial() -> None:
    rng = np.random.default_rng(1)
    hits = (rng.random((2000, 1)) < 0.2).astype(np.float64)
    ((low, high),) = bootstrap(hits, np.arange(2000), resamples=4000)
    mean = hits.mean()
    half = 1.96 * np.sqrt(mean * (1 - mean) / 2000)
    assert abs((high - low) / 2 - half) < 0.1 * half
    assert low < mean < high


def test_users_who_agree_with_themselves_widen_the_interval() -> None:
    users = np.repeat(np.arange(50), 20)
    by_user = (np.repeat(np.arange(50) % 2, 20)).astype(np.float64)[:, None]
    mixed = (np.arange(1000) % 2).astype(np.float64)[:, None]
    clustered, spread = bootstrap(by_user, users)[0], bootstrap(mixed, users)[0]
    assert clustered[1] - clustered[0] > 0.2
    assert spread[1] - spread[0] == 0.0


def test_paired_interval_of_a_constant_gain_is_that_gain() -> None:
    rng = np.random.default_rng(2)
    base = rng.random((300, 1))
    difference = (base + 0.1) - base
    limits = bootstrap(difference, rng.integers(0, 30, 300))
    np.testing.assert_allclose(limits, [[0.1, 0.1]])


def test_pieces_do_not_change_the_draws(monkeypatch) -> None:
    rng = np.random.default_rng(3)
    gains, users = rng.random((200, 2)), rng.integers(0, 40, 200)
    whole = bootstrap(gains, users)
    monkeypatch.setattr("dataflows.evaluation.metrics.bootstrap._DRAWN_AT_ONCE", 100)
    # The last digit of a product hangs on how many rows there are, on some processors.
    np.testing.assert_allclose(bootstrap(gains, users), whole, rtol=1e-12)


def test_no_events_no_interval() -> None:
    assert np.isnan(bootstrap(np.zeros((0, 3)), np.zeros(0, dtype=np.int64))).all()
