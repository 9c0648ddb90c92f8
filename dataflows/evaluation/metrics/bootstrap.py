"""How sure a figure is: percentile intervals by bootstrap over users.

The events of one user are not independent, so whole users are drawn, with
replacement (Efron & Tibshirani, "An Introduction to the Bootstrap", 1993,
chapter 13, on clusters).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
_DRAWN_AT_ONCE = 1 << 22
"""Upper bound on the users drawn in one piece, so that memory stays flat."""


def user_totals(gains: NDArray[np.float64], users: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sum gains `(n, m)` per user; the result `(users, m + 1)` ends with the events of each.

    `users` `(n,)` numbers each event's user. Users without an event are left out.
    """
    numbers, rows = np.unique(users, return_inverse=True)
    totals = np.zeros((len(numbers), gains.shape[1] + 1))
    for column in range(gains.shape[1]):
        totals[:, column] = np.bincount(rows, weights=gains[:, column], minlength=len(numbers))
    totals[:, -1] = np.bincount(rows, minlength=len(numbers))
    return totals


def bootstrap(
    gains: NDArray[np.float64],
    users: NDArray[np.int64],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = 0.95,
) -> NDArray[np.float64]:
    """Return bounds `(m, 2)`, lower and upper, of the mean of each column of gains `(n, m)`.

    Every column is judged on the same draws of users, so the difference of two
    methods, passed as a column of differences, gets its paired interval.
    With no events the bounds are NaN.
    """
    if not len(gains):
        return np.full((gains.shape[1], 2), np.nan)
    totals = user_totals(gains, users)
    means = _resampled_means(totals, np.random.default_rng(seed), resamples)
    tail = (1.0 - level) / 2.0
    return np.quantile(means, (tail, 1.0 - tail), axis=0).T


def _resampled_means(
    totals: NDArray[np.float64], rng: np.random.Generator, resamples: int
) -> NDArray[np.float64]:
    """Return means `(resamples, m)`, each over as many users, drawn with replacement."""
    n_users = len(totals)
    at_once = max(1, _DRAWN_AT_ONCE // n_users)
    means = np.empty((resamples, totals.shape[1] - 1))
    for start in range(0, resamples, at_once):
        stop = min(start + at_once, resamples)
        drawn = rng.integers(n_users, size=(stop - start, n_users))
        times = np.stack([np.bincount(row, minlength=n_users) for row in drawn])
        sums = times.astype(np.float64) @ totals
        means[start:stop] = sums[:, :-1] / sums[:, -1:]
    return means
