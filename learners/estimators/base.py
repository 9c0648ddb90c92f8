"""A learner of labels over dense vectors, dressed as a River classifier: dicts in, dicts out.

Each feature of a dict gets a column, so that dense learners can be used as River's models are.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from river import base
from river.utils import dataframe

Label = bool | str | int


class FeatureColumns:
    """Assigns each feature name a column when it is first learnt, up to `limit` of them.

    What is beyond, or unknown when predicting, is left out. Names that are new in one
    example get their columns in the order of their text, so that the order of a dict
    changes nothing.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._places: dict[Hashable, int] = {}

    def __len__(self) -> int:
        return len(self._places)

    def add(self, x: Mapping[Hashable, Any]) -> None:
        """Assign columns to the names that have none, while there are some left."""
        new = [name for name in x if name not in self._places]
        if new and len(self) < self.limit:
            for name in sorted(new, key=_order)[: self.limit - len(self)]:
                self._places[name] = len(self)

    def row(self, x: Mapping[Hashable, Any], width: int) -> NDArray[np.float64]:
        """Return the features as a row `(width,)` float64, 0 where there is none."""
        row = np.zeros(width)
        for name, value in x.items():
            place = self._places.get(name)
            if place is not None:
                row[place] = value
        return row


def _order(name: Hashable) -> tuple[str, str]:
    return type(name).__name__, str(name)


class DenseLearner(Protocol):
    """What is needed of a learner; `learners.classifiers.base.LabelLearner` has it."""

    @property
    def dim(self) -> int:
        """The number of features."""
        ...

    @property
    def labels(self) -> list[str]:
        """The known labels."""
        ...

    def learn(self, x: NDArray[np.float64], label: str) -> float | None:
        """Learn one example."""
        ...

    def distribution(self, x: NDArray[np.float64]) -> dict[str, float]:
        """Return P(label)."""
        ...

    def widen(self, dim: int) -> None:
        """Make room for more features."""
        ...


class DenseClassifier(base.MiniBatchClassifier):
    """River's interface, one example or a data frame at a time.

    Each feature name gets a column when it is first learnt, up to `max_features`; what is
    beyond, or unknown when predicting, is left out. Labels may be of any kind that River
    knows. Before anything is learnt the prediction is {}.
    """

    def __init__(self, max_features: int) -> None:
        self.max_features = max_features
        self._learner = self._new(0)
        self._columns = FeatureColumns(max_features)
        # The learner's labels are text; these two lead from River's to it and back.
        self._names: dict[Label, str] = {}
        self._targets: dict[str, Label] = {}
        self._named = 0

    @abstractmethod
    def _new(self, dim: int) -> DenseLearner:
        """Make a learner of so many features."""

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

    def predict_proba_one(self, x: Mapping[Hashable, Any], **_: Any) -> dict[Label, float]:
        """Return P(label); {} before anything was learnt."""
        named = self._learner.distribution(self._columns.row(x, self._learner.dim))
        return {self._targets[name]: share for name, share in named.items()}

    def learn_many(self, X: Any, y: Any) -> None:  # noqa: N803 (River's name)
        """Learn the rows of a frame in order, exactly as `learn_one` one by one.

        `X` and `y` are a frame and a series of pandas, polars or pyarrow.
        """
        for x, label in zip(
            _rows(dataframe.into_frame(X)), dataframe.into_series(y).to_list(), strict=True
        ):
            self.learn_one(x, label)

    def predict_proba_many(self, X: Any) -> Any:  # noqa: N803 (River's name)
        """Return P(label) for each row of a frame, one column a label, as such a frame."""
        frame = dataframe.into_frame(X)
        rows = [self.predict_proba_one(x) for x in _rows(frame)]
        known = {label: [row[label] for row in rows] for label in (rows[0] if rows else {})}
        return dataframe.to_native_frame(known, like=frame)

    def predict_many(self, X: Any) -> Any:  # noqa: N803 (River's name)
        """Return the likeliest label for each row of a frame, as a series of the same kind."""
        frame = dataframe.into_frame(X)
        labels = [self.predict_one(x) for x in _rows(frame)]
        return dataframe.to_native_series(labels, name="label", like=frame)

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


def _rows(frame: Any) -> Iterator[dict[Hashable, Any]]:
    """Return the rows of a frame as dicts."""
    rows: Iterator[dict[Hashable, Any]] = frame.iter_rows(named=True)
    return rows
