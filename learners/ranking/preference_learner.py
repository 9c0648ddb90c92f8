"""The preference learner: how much this user would like each candidate, learnt per event.

A small network over the signals of a candidate: one hidden layer of rectified units
beside a linear part. It is trained on every event to give the chosen item a higher
score than the other candidates (listwise softmax: Cao et al., 2007, "Learning to rank:
from pairwise approach to listwise approach"), by Adam (Kingma and Ba, 2015). What scores is
a running average of the weights (Polyak and Juditsky, 1992, "Acceleration of stochastic
approximation by averaging"): single steps are noisy. Inputs are centred and scaled by
decayed running moments. The whole is a few thousand numbers
in plain arrays: River's dict-based networks would cost milliseconds an event.

What was learnt with other columns is refitted (`refitted`): columns that stay keep all that was
learnt; new ones start with nothing, so that the scores are what they were until there is
something to learn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.arrays import place_of
from learners.ranking.context import CandidateBatch
from learners.ranking.network_kernels import (
    Layers,
    adam,
    backward,
    forward,
    lowered,
    standardised,
    to_slope,
)
from learners.signals.tables import Signals

Matrix = NDArray[np.float32]

_CLIP = 6.0
_SLOWEST = 1e-3
# The average of the weights spans the last tenth of all steps, and at most so many.
_TENTH = 10.0
_SPAN = 2_000.0
# Beyond these, squares would overflow float32; signals and event weights are far below.
_FARTHEST = 1e12
_LARGEST_WEIGHT = 1e6
_STEEPEST = 1e30

_FLAT = ("weights", "averaged", "mean_gradient", "mean_square")
"""The parts of a state that hold one number for each weight."""


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
    untrained learner gives every candidate the same finite score.
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
        self._mean = np.zeros(features, np.float64)
        self._variance = np.ones(features, np.float64)
        self._batches = 0
        self.steps = 0
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

    def scaled(self, rows: Matrix) -> Matrix:
        """Return raw rows `(n, features)` centred, scaled and clipped at 6 deviations."""
        return standardised(rows, self._mean.astype(np.float32), to_scale(self._variance), _CLIP)

    def score(self, scaled: Matrix) -> Matrix:
        """Return a finite score `(n,)` for each scaled row; higher is better."""
        return forward(scaled, self._served)[1]

    def learn(
        self, scaled: Matrix, chosen: int, weight: float = 1.0, offset: Matrix | None = None
    ) -> Learnt:
        """Learn that row `chosen` was taken; return loss and rank as they were before.

        `offset` (n,) float32 is what else adds to the scores; it is not learnt here. With a
        `weight` that is not above 0 and at most a million nothing is learnt, and nothing of
        rows that hold NaN.
        """
        active, scores = forward(scaled, self._layers)
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
        active, scores = forward(scaled, self._layers)
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
        self._weights = state["weights"].copy()
        self._averaged = state["averaged"].copy()
        self._mean_gradient = state["mean_gradient"].copy()
        self._mean_square = state["mean_square"].copy()
        self._mean = state["mean"].copy()
        self._variance = state["variance"].copy()
        self._batches = int(state["batches"])
        self.steps = int(state["steps"])
        self._bind()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._bind()  # in a copy, views have become arrays of their own

    def _bind(self) -> None:
        """Name the parts of the flat weight and gradient arrays, without copies."""
        self._layers, self._into = self._parts(self._weights), self._parts(self._gradient)
        self._served = self._parts(self._averaged)

    def _parts(self, flat: Matrix) -> Layers:
        return layers_of(flat, self.features, self.hidden)

    def _backward(self, scaled: Matrix, active: Matrix, slope: Matrix) -> None:
        """Take one Adam step for the slopes `(n,)` of the loss by the scores."""
        backward(scaled, active, slope, self._layers, self._into)
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


def refitted(
    state: Mapping[str, Any], before: Sequence[str], columns: Sequence[str], hidden: int
) -> Mapping[str, Any]:
    """Return a state of the preference learner, learnt with the columns `before`, for others.

    One with another hidden layer is given back as it is.
    """
    fits = len(before) * hidden + 2 * hidden + len(before) == len(state["weights"])
    if list(before) == list(columns) or not fits:
        return state
    pairs = [(new, before.index(name)) for new, name in enumerate(columns) if name in before]
    places = np.array(pairs, np.intp).reshape(-1, 2)
    made = {name: _flat(state[name], places, len(before), len(columns), hidden) for name in _FLAT}
    made["mean"] = _moved(state["mean"], places, len(columns), 0.0)
    made["variance"] = _moved(state["variance"], places, len(columns), 1.0)
    return {**state, **made}


def _flat(
    flat: NDArray[np.float32], places: NDArray[np.intp], before: int, features: int, hidden: int
) -> NDArray[np.float32]:
    """Refit inner (f, h), bias (h,), outer (h,) and direct (f,), one after the other."""
    inner = before * hidden
    rows = _moved(flat[:inner].reshape(before, hidden), places, features, 0.0)
    middle = flat[inner : inner + 2 * hidden]
    direct = _moved(flat[inner + 2 * hidden :], places, features, 0.0)
    return np.concatenate((rows.ravel(), middle, direct))


def _moved(array: NDArray[Any], places: NDArray[np.intp], rows: int, fill: float) -> NDArray[Any]:
    """Return so many rows: from `places` (n, 2), each new one and its old one, else filled."""
    moved = np.full((rows, *array.shape[1:]), fill, array.dtype)
    moved[places[:, 0]] = array[places[:, 1]]
    return moved


class Choice(NamedTuple):
    """The rank that the item had before it was learnt, and the items whose records changed.

    `rank` is None where the item was no candidate.
    """

    rank: int | None
    items: set[int]


def learn_choice(
    preference: PreferenceLearner,
    signals: Signals,
    batch: CandidateBatch,
    item: int,
    weight: float,
) -> Choice:
    """Learn that an item was taken of the candidates of a batch.

    An item that was no candidate teaches nothing of how candidates should be ordered: put among
    them, it would stand for all others of its kind that were not.
    """
    place = place_of(batch.ids, item)
    if place < 0:
        return Choice(None, set())
    learnt = preference.learn(batch.scaled, place, weight, batch.item_weights)
    if not learnt.loss < math.inf:  # so that it holds for NaN as well
        return Choice(learnt.rank, set())
    changed = signals.learn_item_weights(batch.sources, batch.reach, batch.ids, learnt.slope)
    return Choice(learnt.rank, changed)
