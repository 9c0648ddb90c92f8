"""The preference learner: how much this user would like each candidate, learnt per event.

A small network over the signals of a candidate: one hidden layer of rectified units
beside a linear part. It is trained on every event to give the chosen item a higher
score than the other candidates (listwise softmax: Cao et al., 2007, "Learning to rank:
from pairwise approach to listwise approach"), by Adam (Kingma and Ba, 2015). What scores is
a running average of the weights (Polyak and Juditsky, 1992, "Acceleration of stochastic
approximation by averaging"): single steps are noisy. Inputs are centred and scaled by
decayed running moments. All is in plain arrays: River's networks of dicts would cost milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.arrays import compiled

Matrix = NDArray[np.float32]
Layers = tuple[Matrix, Matrix, Matrix, Matrix]
"""Inner (f, h), bias (h,), outer (h,) and direct (f,)."""

_CLIP = 6.0
_SLOWEST = 1e-3
# The average of the weights spans the last tenth of all steps, and at most so many.
_TENTH = 10.0
_SPAN = 2_000.0
# Beyond these, squares would overflow float32; signals and event weights are far below.
_FARTHEST = 1e12
_LARGEST_WEIGHT = 1e6
_STEEPEST = 1e30
_ARRAYS = ("weights", "averaged", "mean_gradient", "mean_square", "mean", "variance")


class Learnt(NamedTuple):
    """What was thought of the chosen row before learning: log loss (nats) and rank (ties lose).

    `slope` (n,) float32 is the gradient of the loss by the scores, weighted.
    """

    loss: float
    rank: int
    slope: Matrix


class PreferenceLearner:
    """A scorer of `(n, features)` float32 rows, learnt from choices.

    `seed` draws the first weights of the hidden layer; the output starts at zero, so an
    untrained learner gives every candidate the same finite score. `served` are the weights that
    score, averaged; not to be changed.
    """

    def __init__(self, features: int, hidden: int, rate: float, seed: int = 0) -> None:
        self.features = features
        self.hidden = hidden
        self.rate = rate
        size = features * hidden + 2 * hidden + features
        self._weights = np.zeros(size, np.float32)
        self._averaged = np.zeros(size, np.float32)
        self._gradient = np.zeros(size, np.float32)
        self._mean_gradient = np.zeros(size, np.float32)
        self._mean_square = np.zeros(size, np.float32)
        self._mean, self._variance = np.zeros(features), np.ones(features)
        self._scaling: tuple[Matrix, Matrix] | None = None
        self._batches = self.steps = 0
        self._bind()
        draw = np.random.default_rng(seed)
        inner, _, outer, _ = self._layers
        inner[:] = draw.normal(0.0, features**-0.5, (features, hidden))
        outer[:] = draw.normal(0.0, 0.1, hidden)
        self._averaged[:] = self._weights

    def observe(self, rows: Matrix) -> None:
        """Update the running moments by a batch of raw rows `(n, features)`.

        A batch that holds NaN, infinity or absurdly large numbers is left out.
        """
        if not len(rows):
            return
        # Products with ones: sums along the long axis are several times slower.
        each = np.full(len(rows), 1.0 / len(rows), np.float32)
        if not (each @ np.abs(rows) < _FARTHEST).all():
            return
        self._batches += 1
        share = max(1.0 / self._batches, _SLOWEST)
        self._mean += share * (each @ rows - self._mean)
        apart = rows - self._mean.astype(np.float32)
        self._variance += share * (each @ np.square(apart) - self._variance)
        self._scaling = None

    def scaled(self, rows: Matrix) -> Matrix:
        """Return raw rows `(n, features)` centred, scaled and clipped at 6 deviations."""
        self._scaling = self._scaling or (self._mean.astype(np.float32), to_scale(self._variance))
        return standardised(rows, *self._scaling, _CLIP)

    def score(self, scaled: Matrix) -> Matrix:
        """Return a finite score `(n,)` for each scaled row; higher is better."""
        inner, bias, outer, direct = self.served
        active: Matrix = scaled @ inner
        rectify(active, bias)
        scores: Matrix = active @ outer + scaled @ direct
        return scores

    def learn(
        self, scaled: Matrix, chosen: int, weight: float = 1.0, offset: Matrix | None = None
    ) -> Learnt:
        """Learn that row `chosen` was taken; return loss and rank as they were before.

        `offset` (n,) float32 is what else adds to the scores; it is not learnt here. With a
        `weight` that is not above 0 and at most a million nothing is learnt, and nothing of
        rows that hold NaN.
        """
        active, scores = self._forward(scaled)
        if offset is not None:
            scores += offset
        rank = lowered(scores, chosen)
        slope = np.exp(scores, out=scores)
        total = np.add.reduce(slope)
        weight = weight if 0 < weight <= _LARGEST_WEIGHT else 0.0
        chance = to_slope(slope, total, chosen, np.float32(weight))
        if slope[chosen]:
            self._backward(scaled, active, slope)
        return Learnt(-math.log(max(float(chance), 1e-30)), rank, slope)

    def learn_logistic(self, scaled: Matrix, wanted: bool) -> float:
        """Learn one scaled row `(1, features)` as wanted or not; return the log loss before."""
        active, scores = self._forward(scaled)
        margin = float(scores[0])
        signed = margin if wanted else -margin
        chance = 1.0 / (1.0 + np.exp(-np.clip(margin, -60.0, 60.0)))
        self._backward(scaled, active, np.array([chance - float(wanted)], np.float32))
        return float(np.logaddexp(0.0, -signed))

    def state(self) -> dict[str, Any]:
        """Return all that was learnt as arrays and numbers."""
        return {
            "weights": self._weights,
            "averaged": self._averaged,
            "mean_gradient": self._mean_gradient,
            "mean_square": self._mean_square,
            "mean": self._mean,
            "variance": self._variance,
            "batches": self._batches,
            "steps": self.steps,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned. Raises ValueError where the hidden layer is another."""
        if len(state["weights"]) != len(self._weights):
            raise ValueError(
                f"the stored preference learner has {len(state['weights'])} weights, this one "
                f"{len(self._weights)}; keep `hidden` as it was, or start with an empty state"
            )
        for name in _ARRAYS:
            setattr(self, f"_{name}", state[name].copy())
        self._batches = int(state["batches"])
        self.steps = int(state["steps"])
        self._bind()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._bind()  # in a copy, views have become arrays of their own

    def _bind(self) -> None:
        """Name the parts of the flat arrays, without copies; scale as of now when asked to."""
        self._layers, self._into = self._parts(self._weights), self._parts(self._gradient)
        self.served, self._scaling = self._parts(self._averaged), None

    def _parts(self, flat: Matrix) -> Layers:
        return layers_of(flat, self.features, self.hidden)

    def _forward(self, scaled: Matrix) -> tuple[Matrix, Matrix]:
        """Return what the hidden units answer (n, h), and the scores (n,), while learning."""
        inner, bias, outer, direct = self._layers
        active: Matrix = scaled @ inner
        rectify(active, bias)
        scores: Matrix = active @ outer
        scores += scaled @ direct
        return active, scores

    def _backward(self, scaled: Matrix, active: Matrix, slope: Matrix) -> None:
        """Take one Adam step for the slopes `(n,)` of the loss by the scores."""
        to_inner, to_bias, to_outer, to_direct = self._into
        np.matmul(slope, active, out=to_outer)
        np.matmul(slope, scaled, out=to_direct)
        share = shares(slope, self._layers[2], active)
        np.matmul(scaled.T, share, out=to_inner)
        # A product with ones adds up columns several times faster than a sum along an axis.
        np.matmul(np.ones(len(share), np.float32), share, out=to_bias)
        # Put this way round, the comparison is false for NaN as well.
        if self._gradient.dot(self._gradient) < _STEEPEST:
            self.steps += 1
            adam(
                self._weights,
                self._averaged,
                self._gradient,
                self._mean_gradient,
                self._mean_square,
                self.rate,
                self.steps,
                max(_TENTH / (self.steps + _TENTH - 1.0), 1.0 / _SPAN),
            )


def layers_of(flat: Matrix, features: int, hidden: int) -> Layers:
    """Return views: inner (f, h), bias (h,), outer (h,) and direct (f,) of flat weights."""
    a = features * hidden
    b, c = a + hidden, a + 2 * hidden
    return flat[:a].reshape(features, hidden), flat[a:b], flat[b:c], flat[c:]


def to_scale(variance: NDArray[np.float64]) -> Matrix:
    """Return what raw features are multiplied by, once centred."""
    return (1.0 / np.sqrt(variance + 1e-3)).astype(np.float32)


@compiled
def rectify(active: Matrix, bias: Matrix) -> None:
    """Add the bias (h,) to the inputs of the hidden units (n, h); below 0 they are silent."""
    for row in range(active.shape[0]):
        for unit in range(active.shape[1]):
            # Python's `max` would lose NaN.
            active[row, unit] = np.maximum(active[row, unit] + bias[unit], np.float32(0.0))


@compiled
def shares(slope: Matrix, outer: Matrix, active: Matrix) -> Matrix:
    """Return the gradient (n, h) by the inputs of the hidden units; silent ones have none."""
    share = np.empty(active.shape, np.float32)
    for row in range(active.shape[0]):
        for unit in range(active.shape[1]):
            passed = slope[row] * outer[unit]
            share[row, unit] = passed if active[row, unit] > np.float32(0.0) else np.float32(0.0)
    return share


@compiled
def lowered(scores: Matrix, chosen: int) -> int:
    """Subtract the highest score from all (n,); return how many are at least the chosen one's."""
    rank, highest, least = 0, scores[0], scores[chosen]
    for place in range(scores.size):
        rank += scores[place] >= least
        highest = np.maximum(highest, scores[place])
    for place in range(scores.size):
        scores[place] -= highest
    return rank


@compiled
def to_slope(raised: Matrix, total: np.float32, chosen: int, weight: np.float32) -> np.float32:
    """Turn e to the scores (n,), in place, into the gradient of the loss; return P(chosen)."""
    for place in range(raised.size):
        raised[place] /= total
    chance: np.float32 = raised[chosen]
    raised[chosen] -= np.float32(1.0)
    for place in range(raised.size):
        raised[place] *= weight
    return chance


@compiled
def standardised(rows: Matrix, mean: Matrix, scale: Matrix, most: float) -> Matrix:
    """Return rows (n, f) less `mean` (f,), times `scale` (f,), cut at `most` on either side."""
    found, highest, least = np.empty(rows.shape, np.float32), np.float32(most), np.float32(-most)
    for row in range(rows.shape[0]):
        for column in range(rows.shape[1]):
            value = (rows[row, column] - mean[column]) * scale[column]
            found[row, column] = np.minimum(np.maximum(value, least), highest)
    return found


@compiled
def adam(
    weights: Matrix,
    averaged: Matrix,
    gradient: Matrix,
    mean: Matrix,
    square: Matrix,
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
