"""From ranks to figures: hit rate, NDCG and MRR at k, whole and in parts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MISS = 0
"""The rank of a true item that was not ranked at all."""

Ranks = NDArray[np.int64]
Gains = NDArray[np.float64]
Figures = dict[str, float | int | None]


def names(k: int) -> tuple[str, str, str]:
    """Name the three figures at `k`."""
    return f"hr@{k}", f"ndcg@{k}", f"mrr@{k}"


def gains(ranks: Ranks, k: int) -> Gains:
    """Return what each event earns, `(n, 3)`: hit, discounted gain, reciprocal rank; 0 below `k`.

    `ranks` `(n,)` starts at 1; `MISS` (0) earns nothing.
    """
    hit = (ranks > MISS) & (ranks <= k)
    reached = np.where(hit, ranks, 1).astype(np.float64)
    return np.stack([hit, hit / np.log2(1.0 + reached), hit / reached], axis=1)


def averages(earned: Gains, k: int) -> Figures:
    """Return the mean of each column and the number of events; None where there are none."""
    count = len(earned)
    means = earned.mean(axis=0).tolist() if count else [None] * earned.shape[1]
    return {**dict(zip(names(k), means, strict=True)), "events": count}


def in_parts(earned: Gains, cold: NDArray[np.bool_], k: int) -> dict[str, object]:
    """Return figures over all events, cold and warm ones, and each quarter in log order."""
    quarters = [averages(part, k) for part in np.array_split(earned, 4)]
    return {
        **averages(earned, k),
        "cold": averages(earned[cold], k),
        "warm": averages(earned[~cold], k),
        "quarters": quarters,
    }


def bounds(limits: NDArray[np.float64], k: int) -> dict[str, list[float] | None]:
    """Return intervals `(3, 2)` by figure name; None where there was nothing to judge."""
    pairs = [None if np.isnan(pair).any() else pair.tolist() for pair in limits]
    return dict(zip(names(k), pairs, strict=True))
