"""The preference learner as a River classifier of yes and no, for pipelines and evaluation."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import base

from learners.estimators.base import FeatureColumns
from learners.ranking.preference_learner import PreferenceLearner

_FARTHEST = 1e9
_STEEPEST = 30.0  # beyond it a probability of float64 and its complement no longer add up


class PreferenceClassifier(base.Classifier):
    """A small network over a dict of numeric features, for yes and no.

    A thin dress for `PreferenceLearner` (learners.ranking), which scales features by
    itself. Each feature name gets one of `max_features` columns when it is first
    learnt; what is beyond, or unknown when predicting, counts as 0, and so does NaN
    when predicting. Features beyond 1e9 are cut to it. Labels are True and False, or
    what Python takes for them. Before anything is learnt both are as likely. Raises
    ValueError for parameters that cannot work.
    """

    def __init__(
        self,
        hidden: int = 24,
        rate: float = 0.01,
        max_features: int = 64,
        seed: int = 0,
    ) -> None:
        for name, least in (("hidden", hidden), ("max_features", max_features)):
            if least < 1:
                raise ValueError(f"{name} is {least}; it must be at least 1")
        if not 0 < rate < math.inf:
            raise ValueError(f"rate is {rate}; it must be above 0 and finite")
        self.hidden = hidden
        self.rate = rate
        self.max_features = max_features
        self.seed = seed
        self._learner = PreferenceLearner(max_features, hidden, rate, seed)
        self._columns = FeatureColumns(max_features)
        self._is_new = True

    @property
    def _multiclass(self) -> bool:
        return False

    def learn_one(self, x: Mapping[Hashable, Any], y: base.typing.ClfTarget | None) -> None:
        """Learn one example; nothing happens without a label or with NaN among the features."""
        if y is None:
            return
        self._columns.add(x)
        row = self._row(x)
        if np.isnan(row).any():
            return
        self._learner.observe(row)
        self._learner.learn_logistic(self._learner.scaled(row), wanted=bool(y))
        self._is_new = False

    def predict_proba_one(
        self,
        x: Mapping[Hashable, Any],
        **_: Any,
    ) -> dict[base.typing.ClfTarget, float]:
        """Return the probabilities of False and True; half and half before anything was learnt."""
        margin = 0.0
        if not self._is_new:
            row = np.nan_to_num(self._row(x), nan=0.0)
            margin = float(self._learner.score(self._learner.scaled(row))[0])
        margin = min(max(margin, -_STEEPEST), _STEEPEST)
        chance = 1.0 / (1.0 + math.exp(-margin))
        return {False: 1.0 - chance, True: chance}

    def _row(self, x: Mapping[Hashable, Any]) -> NDArray[np.float32]:
        row = self._columns.row(x, self.max_features)
        return np.clip(row, -_FARTHEST, _FARTHEST)[None].astype(np.float32)
