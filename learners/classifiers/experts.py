"""Three experts on what an example is, asked together and weighed by the log loss they give.

`learners.classifiers.softmax` knows the boundary between labels, `learners.classifiers.prototypes`
what is typical of one, `learners.classifiers.example_memory` its newest examples.

`Blend` weighs them. The experts' scores of each label are added with a weight per expert, then
normalised: a product of experts (Hinton, 2002), whose weights follow the gradient of the log
loss, as in logistic mixing (Mattern, 2012, "Mixing strategies in data compression"). Where a
linear mixture (Hedge) has to choose between experts, a product lets each say what it knows: that
was worth a point of accuracy (docs/log/intent.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.arrays import compiled
from learners.classifiers.base import Chances, Dense
from learners.classifiers.example_memory import Coded, NearestMemory, coded, unit
from learners.classifiers.prototypes import Prototypes
from learners.classifiers.rehearsal import Rehearsal
from learners.classifiers.settings import MixtureSettings
from learners.classifiers.softmax import Softmax, to_error

Floats = NDArray[np.float32]

FIRST_SQUARE = 1e-2
_FIRST_SPREAD = 0.75
_LEAST_SPREAD, _MOST_SPREAD = 0.02, 1.5
_SPREAD_MEMORY = 1e-3


class Blend:
    """Weights `(experts,)` of experts, from 0 to `most`, learnt by AdaGrad."""

    def __init__(self, first: Sequence[float], rate: float, most: float = 3.0) -> None:
        self.weights = np.array(first, np.float64)
        self._squares = np.full(len(first), FIRST_SQUARE)
        self._rate, self._most = rate, most

    def chances(self, scores: Floats) -> Chances:
        """Return P(label) `(n,)` from scores `(experts, n)`."""
        found = np.empty(scores.shape[1])
        mix(self.weights, scores, found)
        return found

    def learn(self, scores: Floats, chances: Chances, slot: int) -> None:
        """Learn from one example whose label is in this slot, and what was given for it."""
        follow(self.weights, self._squares, scores, chances, slot, self._rate, self._most)

    def fade(self, factor: float) -> None:
        """Multiply the sums of squared gradients by this, so that steps become longer again."""
        np.maximum(self._squares * factor, FIRST_SQUARE, out=self._squares)

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Return copies of all arrays."""
        return {"weights": self.weights.copy(), "squares": self._squares.copy()}

    def restore(self, state: Mapping[str, NDArray[np.float64]]) -> None:
        """Restore, bit for bit, what `state` returned."""
        self.weights, self._squares = state["weights"].copy(), state["squares"].copy()


@compiled
def mix(weights: Any, scores: Any, found: Any) -> None:
    """Write P(label) (n,) of a product of experts."""
    highest = -np.inf
    for label in range(found.size):
        total = 0.0
        for expert in range(weights.size):
            total += weights[expert] * scores[expert, label]
        found[label] = total
        highest = max(highest, total)
    total = 0.0
    for label in range(found.size):
        found[label] = np.exp(found[label] - highest)
        total += found[label]
    for label in range(found.size):
        found[label] /= total


@compiled
def follow(
    weights: Any, squares: Any, scores: Any, chances: Any, slot: int, rate: float, most: float
) -> None:
    """Take one AdaGrad step along the log loss; weights stay from 0 to `most`."""
    for expert in range(weights.size):
        gradient = -np.float64(scores[expert, slot])
        for label in range(chances.size):
            gradient += chances[label] * scores[expert, label]
        squares[expert] += gradient * gradient
        step = rate * gradient / np.sqrt(squares[expert])
        weights[expert] = min(max(weights[expert] - step, 0.0), most)


class ExpertAnswers(NamedTuple):
    """What the experts say of one vector, which is given as float32 and as bytes.

    `scores` is `(3, n)`; `best` the best cosine with a kept example of each label `(n,)`;
    `chances` what their blend gives.
    """

    unit: Floats
    coded: Coded
    scores: Floats
    best: Floats
    chances: Chances


class Experts:
    """The experts' arrays, one row a label, and how they are asked and taught.

    Cosines of one encoder spread wide, those of another lie close together; `_spread`
    follows 1 less the usual cosine with a prototype, and they are sharpened by it.
    """

    def __init__(self, dim: int, settings: MixtureSettings) -> None:
        self.settings = settings
        limit = settings.max_labels
        self._softmax = Softmax(dim, settings.softmax(), settings.skip)
        self._prototypes = Prototypes(dim, limit, settings.span)
        self._nearest = NearestMemory(dim, limit, settings.memory)
        self._blend = Blend((0.5, 0.5, 0.5), settings.blend_rate)
        self._rehearsal = Rehearsal()
        self._spread = _FIRST_SPREAD
        self._taught = 0

    @property
    def weights(self) -> list[float]:
        """What softmax, prototypes and nearest examples count for, from 0 to 3."""
        return [float(weight) for weight in self._blend.weights]

    @property
    def sharpness(self) -> np.float32:
        """What cosines are multiplied by."""
        return np.float32(self.settings.sharpness / self._spread)

    def ask(self, n: int, vector: Dense) -> ExpertAnswers:
        """Ask about a vector `(dim + 1,)`; `n`, the number of known labels, is at least 1."""
        plain, sharpness = unit(vector[:-1]), self.sharpness
        codes, scores = coded(plain), np.empty((3, n), np.float32)
        scores[0] = self._softmax.logits(n, vector)
        scores[1] = self._prototypes.scores(n, plain)
        looked_at = np.empty(min(self.settings.looked_at, n), np.int64)
        shortlist(self._blend.weights, scores, sharpness, looked_at)
        scores[2], best = self._nearest.scores(n, codes, float(sharpness), looked_at)
        return ExpertAnswers(plain, codes, scores, best, self._blend.chances(scores))

    def weigh(self, said: ExpertAnswers, slot: int) -> None:
        """Learn whose word was right on an example of a label that was known."""
        self._blend.learn(said.scores, said.chances, slot)

    def teach(
        self,
        n: int,
        vector: Dense,
        said: ExpertAnswers | None,
        slot: int,
        weight: float,
        *,
        fresh: bool,
    ) -> None:
        """Learn one example of a slot, of `n` labels; what was `said` of it is None at the first.

        `fresh` says that nothing of the slot is known any more.
        """
        error = np.full(n, -np.inf, np.float32)
        if said is None:
            plain = unit(vector[:-1])
            codes = coded(plain)
        else:
            plain, codes = said.unit, said.coded
            self._measure(said)
            error[: len(said.best)] = said.scores[0]
            to_error(error, slot)
        if fresh:
            error[slot] = -1.0
        error *= np.float32(weight)
        self._softmax.step(vector, error)
        slots, places = self._rehearsal.draw(self._nearest, self.settings.replays)
        if len(slots):
            self._softmax.rehearse(n, self._nearest.recall(slots, places), slots)
        self._nearest.add(slot, codes)
        self._prototypes.add(slot, plain, weight)
        self._rehearsal.add(slot)
        self._taught += 1

    def clear(self, slot: int) -> None:
        """Make a label as new."""
        for part in self._parts():
            part.clear(slot)

    def merge(self, gone: int, kept: int, share: float) -> None:
        """Merge one slot into another; `share` is its part of what both were counted."""
        self._softmax.merge(gone, kept, share)
        self._prototypes.merge(gone, kept)
        self._nearest.merge(gone, kept)
        self._rehearsal.merge(gone, kept)

    def remove(self, slot: int) -> None:
        """Drop a slot; those behind it move up."""
        for part in self._parts():
            part.remove(slot)
        self._rehearsal.remove(slot)

    def fade(self, factor: float) -> None:
        """Fade old gradients, so that steps become longer again."""
        self._softmax.fade(factor)
        self._blend.fade(factor)

    def widen(self, dim: int) -> None:
        """Make room for more features; what was learnt stays."""
        for part in self._parts():
            part.widen(dim)

    def state(self, n: int) -> dict[str, Any]:
        """Return all that was learnt of the first `n` slots, as copies."""
        return {
            "parts": [part.state(n) for part in self._parts()],
            "blend": self._blend.state(),
            "rehearsal": self._rehearsal.state(),
            "spread": self._spread,
            "taught": self._taught,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore, bit for bit, what `state` returned."""
        for part, kept in zip(self._parts(), state["parts"], strict=True):
            part.restore(kept)
        self._blend.restore(state["blend"])
        self._rehearsal.restore(state["rehearsal"])
        self._spread, self._taught = state["spread"], state["taught"]

    def _parts(self) -> list[Softmax | Prototypes | NearestMemory]:
        return [self._softmax, self._prototypes, self._nearest]

    def _measure(self, said: ExpertAnswers) -> None:
        n = len(said.best)
        if n < 2:
            return
        apart = 1.0 - float(np.add.reduce(said.scores[1])) / (n * float(self.sharpness))
        rate = max(1.0 / (self._taught + 20.0), _SPREAD_MEMORY)
        self._spread += rate * (min(max(apart, _LEAST_SPREAD), _MOST_SPREAD) - self._spread)


@compiled
def shortlist(weights: Any, scores: Any, sharpness: Any, likeliest: Any) -> None:
    """Make two experts' scores (3, n) comparable, and write the slots that they think likeliest.

    Logits are counted from the highest, cosines made sharp. Ties go to the first slot.
    """
    highest = scores[0, 0]
    for slot in range(scores.shape[1]):
        highest = max(highest, scores[0, slot])
    found, worst, last = np.empty(likeliest.size, np.float64), 0, np.inf
    for slot in range(scores.shape[1]):
        scores[0, slot] -= highest
        scores[1, slot] *= sharpness
        score = weights[0] * scores[0, slot] + weights[1] * scores[1, slot]
        place = slot if slot < likeliest.size else worst
        if slot >= likeliest.size and score <= last:
            continue
        found[place], likeliest[place] = score, slot
        if slot >= likeliest.size - 1:
            worst = int(np.argmin(found))
            last = found[worst]
