"""The learners of intent as River classifiers: the plain one, the mixture, two for few examples.

Those two are the nearest mean of a label and its nearest examples. Each is one of the experts of
`learners.classifiers.experts` on its own: simple, fast, and what the mixture is compared with.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np

from learners.classifiers.base import Chances, Dense, LabelLearner, Labels
from learners.classifiers.example_memory import NearestMemory, coded, unit
from learners.classifiers.mixture import MixtureLearner
from learners.classifiers.prototypes import Prototypes
from learners.classifiers.settings import MixtureSettings
from learners.classifiers.softmax import IntentLearner, IntentSettings
from learners.estimators.base import DenseClassifier


class _OneExpert(LabelLearner):
    """A learner around the arrays of one expert."""

    def __init__(
        self, dim: int, kept: float, sharpness: float, max_labels: int,
        expert: Prototypes | NearestMemory,
    ) -> None:  # fmt: skip
        if not kept >= 1 or not 0 < sharpness < np.inf or max_labels < 1:
            raise ValueError(
                f"got {kept} examples, sharpness {sharpness}, {max_labels} labels; all must be "
                "above 0, and finite"
            )
        super().__init__(dim, max_labels)
        self._kept, self._sharpness, self._expert = kept, sharpness, expert

    def widen(self, dim: int) -> None:
        """Make room for more features; what was learnt stays. Raises ValueError for fewer."""
        if dim < self._dim:
            raise ValueError(f"dim is {dim}; it cannot shrink from {self._dim}")
        self._expert.widen(dim)
        self._dim = dim

    def state(self) -> dict[str, object]:
        """Return all that was learnt as plain values and copies of arrays, for `learners.codec`."""
        return {
            "made": [self._dim, self._kept, self._sharpness, self._labels.limit],
            "labels": self._labels.state(),
            "expert": self._expert.state(len(self._labels.names)),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Build a learner that goes on, bit for bit, where the one of `state` stopped."""
        learner = cls(*state["made"])
        learner._labels = Labels.restored(state["labels"])
        learner._expert.restore(state["expert"])
        return learner

    @abstractmethod
    def _scores(self, vector: Dense) -> Dense:
        """Return the scores of the labels `(n,)`, to be exponentiated."""

    def _chances(self, vector: Dense) -> Chances:
        scores = self._scores(vector).astype(np.float64)
        chances: Chances = np.exp(scores - scores.max())
        chances /= chances.sum()
        return chances

    def _clear(self, slot: int) -> None:
        self._expert.clear(slot)

    def _merge(self, gone: int, kept: int, share: float) -> None:  # noqa: ARG002 (by counts)
        self._expert.merge(gone, kept)

    def _remove(self, slot: int) -> None:
        self._expert.remove(slot)

    def _forget(self) -> None:
        """Let old examples make room for new ones; nothing else fades."""


class PrototypeLearner(_OneExpert):
    """P(label) as the softmax of `sharpness` times the cosine with each label's running mean.

    Means are of about the newest `span` examples. Raises ValueError for settings below 1.
    """

    _expert: Prototypes

    def __init__(
        self, dim: int, span: float = 200.0, sharpness: float = 20.0, max_labels: int = 256
    ) -> None:
        expert = Prototypes(dim, max_labels, span)
        super().__init__(dim, span, sharpness, max_labels, expert)

    def _scores(self, vector: Dense) -> Dense:
        return self._expert.scores(len(self._labels.names), unit(vector[:-1])) * self._sharpness

    def _absorb(
        self, vector: Dense, slot: int, before: Chances, weight: float, *, fresh: bool  # noqa: ARG002
    ) -> None:  # fmt: skip
        self._expert.add(slot, unit(vector[:-1]), weight)


class NearestLearner(_OneExpert):
    """P(label) by how near a label's newest `memory` examples are, each counting alike.

    Raises ValueError for settings below 1. Weights of examples change nothing here.
    """

    _expert: NearestMemory

    def __init__(
        self, dim: int, memory: int = 32, sharpness: float = 20.0, max_labels: int = 256
    ) -> None:
        expert = NearestMemory(dim, max_labels, memory)
        super().__init__(dim, memory, sharpness, max_labels, expert)

    def _scores(self, vector: Dense) -> Dense:
        n = len(self._labels.names)
        asked = coded(unit(vector[:-1]))
        return self._expert.scores(n, asked, self._sharpness, np.arange(n))[0]

    def _absorb(
        self, vector: Dense, slot: int, before: Chances, weight: float, *, fresh: bool  # noqa: ARG002
    ) -> None:  # fmt: skip
        self._expert.add(slot, coded(unit(vector[:-1])))


class IntentClassifier(DenseClassifier):
    """Online softmax regression over a dict of numeric features, with dense weights.

    A thin dress for `learners.classifiers.softmax.IntentLearner`. The parameters are those
    of `IntentSettings`, which raises ValueError for values that cannot work, and the most
    features that get a column of their own.
    """

    def __init__(
        self,
        optimizer: Literal["adagrad", "sgd"] = "adagrad",
        rate: float = 0.3,
        l2: float = 0.0,
        max_labels: int = 256,
        half_life: float | None = 20_000.0,
        bias: bool = True,
        max_features: int = 4096,
    ) -> None:
        self.optimizer: Literal["adagrad", "sgd"] = optimizer
        self.rate = rate
        self.l2 = l2
        self.max_labels = max_labels
        self.half_life = half_life
        self.bias = bias
        super().__init__(max_features)

    def _new(self, dim: int) -> IntentLearner:
        chosen = IntentSettings(
            optimizer=self.optimizer,
            rate=self.rate,
            l2=self.l2,
            max_labels=self.max_labels,
            half_life=self.half_life,
            bias=self.bias,
            dtype="float64",  # like River's own floats: raw features may be large
        )
        return IntentLearner(dim, chosen)


class MixtureClassifier(DenseClassifier):
    """The default intent learner over a dict of numeric features.

    A thin dress for `learners.classifiers.mixture.MixtureLearner`; the parameters are some of
    `MixtureSettings`, which raises ValueError for values that cannot work, and the most
    features that get a column of their own. Made for unit vectors: examples are compared
    by their direction.
    """

    def __init__(
        self,
        rate: float = 0.5,
        memory: int = 32,
        replays: int = 2,
        max_labels: int = 256,
        half_life: float | None = 20_000.0,
        max_features: int = 4096,
    ) -> None:
        self.rate = rate
        self.memory = memory
        self.replays = replays
        self.max_labels = max_labels
        self.half_life = half_life
        super().__init__(max_features)

    def _new(self, dim: int) -> MixtureLearner:
        chosen = MixtureSettings(
            rate=self.rate,
            memory=self.memory,
            replays=self.replays,
            max_labels=self.max_labels,
            half_life=self.half_life,
        )
        return MixtureLearner(dim, chosen)


class PrototypeClassifier(DenseClassifier):
    """The nearest running mean of each label, by direction; see `PrototypeLearner`."""

    def __init__(
        self,
        span: float = 200.0,
        sharpness: float = 20.0,
        max_labels: int = 256,
        max_features: int = 4096,
    ) -> None:
        self.span = span
        self.sharpness = sharpness
        self.max_labels = max_labels
        super().__init__(max_features)

    def _new(self, dim: int) -> PrototypeLearner:
        return PrototypeLearner(dim, self.span, self.sharpness, self.max_labels)


class NearestClassifier(DenseClassifier):
    """The nearest kept examples of each label, by direction; see `NearestLearner`."""

    def __init__(
        self,
        memory: int = 32,
        sharpness: float = 20.0,
        max_labels: int = 256,
        max_features: int = 4096,
    ) -> None:
        self.memory = memory
        self.sharpness = sharpness
        self.max_labels = max_labels
        super().__init__(max_features)

    def _new(self, dim: int) -> NearestLearner:
        return NearestLearner(dim, self.memory, self.sharpness, self.max_labels)
