"""The mixture, and its two experts for few examples, as River classifiers."""

from __future__ import annotations

from learners.classifiers.mixture import MixtureLearner
from learners.classifiers.settings import MixtureSettings
from learners.estimators.base import DenseClassifier
from learners.estimators.intent_few_examples import NearestLearner, PrototypeLearner


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
