"""The plain intent learner: an online softmax regression over dense vectors.

It is the same model as River's `SoftmaxRegression` (a test holds the two equal), with
NumPy arrays for weights, because a dict of several hundred floats costs milliseconds an
event. `learners.classifiers.mixture` is the more accurate one, which this is a part of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from learners.classifiers.base import Chances, Dense, LabelLearner
from learners.classifiers.labels import Labels
from learners.classifiers.softmax import IntentSettings, Softmax

__all__ = ["IntentLearner", "IntentSettings"]

FORGET_EVERY = 64


class IntentLearner(LabelLearner):
    """P(label | vector) by multinomial logistic regression; `LabelLearner` says how to use it."""

    def __init__(self, dim: int, settings: IntentSettings | None = None) -> None:
        self.settings = chosen = settings or IntentSettings()
        super().__init__(dim, chosen.max_labels, chosen.dtype, chosen.bias)
        self._softmax = Softmax(dim, chosen)
        self._said: tuple[bytes, Chances] | None = None

    def widen(self, dim: int) -> None:
        """Make room for more features; what was learnt stays, new weights are 0.

        Raises ValueError for fewer features than there are.
        """
        if dim < self._dim:
            raise ValueError(f"dim is {dim}; it cannot shrink from {self._dim}")
        self._softmax.widen(dim)
        self._dim, self._said = dim, None

    def state(self) -> dict[str, object]:
        """Return all that was learnt as plain values and copies of arrays, for `learners.codec`."""
        return {
            "dim": self._dim,
            "settings": msgspec.to_builtins(self.settings),
            "labels": self._labels.state(),
            **self._softmax.state(len(self._labels)),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> IntentLearner:
        """Build a learner that goes on, bit for bit, where the one of `state` stopped."""
        learner = cls(state["dim"], msgspec.convert(state["settings"], IntentSettings))
        learner._labels = Labels.restored(**state["labels"])
        learner._softmax.restore(state)
        return learner

    def _chances(self, vector: Dense) -> Chances:
        key = vector.tobytes()
        # Predicting and then learning the same example is the common case: worked out once.
        if self._said is not None and self._said[0] == key:
            return self._said[1].copy()
        logits = self._softmax.logits(len(self._labels), vector).astype(np.float64)
        logits -= np.maximum.reduce(logits)
        np.exp(logits, out=logits)
        logits /= np.add.reduce(logits)
        self._said = (key, logits.copy())
        return logits

    def _absorb(
        self, vector: Dense, slot: int, before: Chances, weight: float, *, fresh: bool
    ) -> None:
        if slot == len(before):
            before = np.append(before, 0.0)
        elif fresh:
            before[slot] = 0.0
        before[slot] -= 1.0
        self._softmax.step(vector, before * weight)
        self._said = None

    def _clear(self, slot: int) -> None:
        self._softmax.clear(slot)
        self._said = None

    def _merge(self, gone: int, kept: int, share: float) -> None:
        self._softmax.merge(gone, kept, share)
        self._said = None

    def _remove(self, slot: int) -> None:
        self._softmax.remove(slot)
        self._said = None

    def _forget(self) -> None:
        self._said = None  # a label may have come without a vector
        half_life = self.settings.half_life
        if half_life is None or self._labels.clock % FORGET_EVERY:
            return
        factor = 0.5 ** (FORGET_EVERY / half_life)
        self._labels.fade(factor)
        self._softmax.fade(factor)
