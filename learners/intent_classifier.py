"""The intent learner as a River classifier: dicts in, dicts out, for pipelines and evaluation."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, Literal

from river import base

from learners.columns import Columns
from learners.intent import IntentLearner, IntentSettings

Label = bool | str | int


class IntentClassifier(base.Classifier):
    """Online softmax regression over a dict of numeric features, with dense weights.

    A thin dress for `learners.intent.IntentLearner`: each feature name gets a column
    when it is first learnt, up to `max_features`; what is beyond, or unknown when
    predicting, is left out. Labels may be of any kind that River knows. Before
    anything is learnt the prediction is {}. The parameters are those of
    `IntentSettings`, which raises ValueError for values that cannot work.
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
        self.max_features = max_features
        chosen = IntentSettings(
            optimizer=optimizer,
            rate=rate,
            l2=l2,
            max_labels=max_labels,
            half_life=half_life,
            bias=bias,
            dtype="float64",  # like River's own floats: raw features may be large
        )
        self._learner = IntentLearner(0, chosen)
        self._columns = Columns(max_features)
        # The learner's labels are text; these two lead from River's to it and back.
        self._names: dict[Label, str] = {}
        self._targets: dict[str, Label] = {}
        self._named = 0

    @property
    def _multiclass(self) -> bool:
        return True

    def learn_one(self, x: Mapping[Hashable, Any], y: Label | None) -> None:
        """Learn one example; nothing happens without a label or with NaN among the features."""
        if y is None or y == "":
            return
        self._columns.add(x)
        if len(self._columns) > self._learner.dim:
            room = max(len(self._columns), 2 * self._learner.dim)
            self._learner.widen(min(room, self.max_features))
        self._learner.learn(self._columns.row(x, self._learner.dim), self._name(y))
        if len(self._names) > len(self._learner.labels):
            self._drop_retired()

    def predict_proba_one(
        self,
        x: Mapping[Hashable, Any],
        **_: Any,
    ) -> dict[Label, float]:
        """Give P(label); {} before anything was learnt."""
        named = self._learner.distribution(self._columns.row(x, self._learner.dim))
        return {self._targets[name]: share for name, share in named.items()}

    def _name(self, y: Label) -> str:
        name = self._names.get(y)
        if name is None:
            name = str(self._named)
            self._named += 1
            self._names[y], self._targets[name] = name, y
        return name

    def _drop_retired(self) -> None:
        kept = set(self._learner.labels)
        self._names = {y: name for y, name in self._names.items() if name in kept}
        self._targets = {name: y for name, y in self._targets.items() if name in kept}
