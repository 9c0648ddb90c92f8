"""The arithmetic of a small network with one hidden layer beside a linear part.

Shapes: rows `(n, f)`, inner `(f, h)`, bias and outer `(h,)`, direct `(f,)`, all float32.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learners.compiled import compiled

Floats = NDArray[np.float32]
Layers = tuple[Floats, Floats, Floats, Floats]


def forward(rows: Floats, layers: Layers) -> tuple[Floats, Floats]:
    """Give what the hidden units answer (n, h), and the scores (n,), of rows."""
    inner, bias, outer, direct = layers
    active: Floats = rows @ inner
    active += bias
    np.maximum(active, 0.0, out=active)
    scores: Floats = active @ outer
    scores += rows @ direct
    return active, scores


def backward(rows: Floats, active: Floats, slope: Floats, layers: Layers, into: Layers) -> None:
    """Write the gradient of all weights into `into`, for slopes (n,) of the loss by scores."""
    to_inner, to_bias, to_outer, to_direct = into
    np.matmul(slope, active, out=to_outer)
    np.matmul(slope, rows, out=to_direct)
    share = np.multiply(slope[:, None], layers[2])
    share *= active > 0.0
    np.matmul(rows.T, share, out=to_inner)
    # A product with ones adds up columns several times faster than a sum along an axis.
    np.matmul(np.ones(len(share), np.float32), share, out=to_bias)


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
