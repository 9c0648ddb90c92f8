"""The arithmetic of a small network with one hidden layer beside a linear part.

Shapes: rows `(n, f)`, inner `(f, h)`, bias and outer `(h,)`, direct `(f,)`, all float32.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learners.arrays import compiled

Floats = NDArray[np.float32]
Layers = tuple[Floats, Floats, Floats, Floats]


def forward(rows: Floats, layers: Layers) -> tuple[Floats, Floats]:
    """Return what the hidden units answer (n, h), and the scores (n,), of rows."""
    inner, bias, outer, direct = layers
    active: Floats = rows @ inner
    rectify(active, bias)
    scores: Floats = active @ outer
    scores += rows @ direct
    return active, scores


def backward(rows: Floats, active: Floats, slope: Floats, layers: Layers, into: Layers) -> None:
    """Write the gradient of all weights into `into`, for slopes (n,) of the loss by scores."""
    to_inner, to_bias, to_outer, to_direct = into
    np.matmul(slope, active, out=to_outer)
    np.matmul(slope, rows, out=to_direct)
    share = shares(slope, layers[2], active)
    np.matmul(rows.T, share, out=to_inner)
    # A product with ones adds up columns several times faster than a sum along an axis.
    np.matmul(np.ones(len(share), np.float32), share, out=to_bias)


@compiled
def rectify(active: Floats, bias: Floats) -> None:
    """Add the bias (h,) to the inputs of the hidden units (n, h); below 0 they are silent."""
    for row in range(active.shape[0]):
        for unit in range(active.shape[1]):
            # Python's `max` would lose NaN.
            active[row, unit] = np.maximum(active[row, unit] + bias[unit], np.float32(0.0))


@compiled
def shares(slope: Floats, outer: Floats, active: Floats) -> Floats:
    """Return the gradient (n, h) by the inputs of the hidden units; silent ones have none."""
    share = np.empty(active.shape, np.float32)
    for row in range(active.shape[0]):
        for unit in range(active.shape[1]):
            passed = slope[row] * outer[unit]
            share[row, unit] = passed if active[row, unit] > np.float32(0.0) else np.float32(0.0)
    return share


@compiled
def lowered(scores: Floats, chosen: int) -> int:
    """Subtract the highest score from all (n,); return how many are at least the chosen one's."""
    rank, highest, least = 0, scores[0], scores[chosen]
    for place in range(scores.size):
        rank += scores[place] >= least
        highest = np.maximum(highest, scores[place])
    for place in range(scores.size):
        scores[place] -= highest
    return rank


@compiled
def to_slope(raised: Floats, total: np.float32, chosen: int, weight: np.float32) -> np.float32:
    """Turn e to the scores (n,), in place, into the gradient of the loss; return P(chosen)."""
    for place in range(raised.size):
        raised[place] /= total
    chance: np.float32 = raised[chosen]
    raised[chosen] -= np.float32(1.0)
    for place in range(raised.size):
        raised[place] *= weight
    return chance


@compiled
def standardised(rows: Floats, mean: Floats, scale: Floats, most: float) -> Floats:
    """Return rows (n, f) less `mean` (f,), times `scale` (f,), cut at `most` on either side."""
    found, highest, least = np.empty(rows.shape, np.float32), np.float32(most), np.float32(-most)
    for row in range(rows.shape[0]):
        for column in range(rows.shape[1]):
            value = (rows[row, column] - mean[column]) * scale[column]
            found[row, column] = np.minimum(np.maximum(value, least), highest)
    return found


@compiled
def adam(
    weights: Floats,
    averaged: Floats,
    gradient: Floats,
    mean: Floats,
    square: Floats,
    rate: float,
    step: int,
    share: float,
) -> None:
    """Take step number `step` (from 1) of Adam (Kingma and Ba, 2015) with its usual constants.

    `averaged` then goes the `share` of the way towards the new weights.
    """
    kept, fresh = np.float32(0.9), np.float32(0.1)
    long, short = np.float32(0.999), np.float32(0.001)
    pace = np.float32(rate * np.sqrt(1.0 - 0.999**step) / (1.0 - 0.9**step))
    part = np.float32(share)
    for place in range(weights.size):
        mean[place] = kept * mean[place] + fresh * gradient[place]
        square[place] = long * square[place] + short * gradient[place] * gradient[place]
        weights[place] -= pace * mean[place] / (np.sqrt(square[place]) + np.float32(1e-8))
        averaged[place] += part * (weights[place] - averaged[place])
