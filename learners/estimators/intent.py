"""The plain intent learner as a River classifier, for pipelines and evaluation."""

from __future__ import annotations

from typing import Literal

from learners.classifiers.softmax_intent import IntentLearner, IntentSettings
from learners.estimators.base import DenseClassifier


class IntentClassifier(DenseClassifier):
    """Online softmax regression over a dict of numeric features, with dense weights.

    A thin dress for `learners.classifiers.softmax_intent.IntentLearner`. The parameters are those
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
