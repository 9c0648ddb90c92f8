"""The default intent learner: experts mixed online, a memory that is rehearsed, a scope.

- `learners.classifiers.experts`: a softmax regression, best once there are many examples;
  prototypes and the nearest kept examples, right from the first one on; weighed by the log loss
  they give.
- Beside each new example a few kept ones are learnt once more (`learners.classifiers.rehearsal`),
  so that one pass gets near what many passes over all of the past get.
- `learners.classifiers.out_of_scope` says "none of these".
- `learners.classifiers.label_drift` notices that a label has changed its meaning: what was learnt
  of it is dropped, and it is learnt anew from its next examples on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from learners.classifiers.base import FORGET_EVERY, Chances, Dense, LabelLearner, Labels
from learners.classifiers.experts import ExpertAnswers, Experts
from learners.classifiers.label_drift import LabelAlarm, LabelWatch
from learners.classifiers.out_of_scope import Scope
from learners.classifiers.settings import MixtureSettings

_KEPT_ALARMS = 20
_LEAST = 1e-6
_NOTHING = 1e-200


class _View(NamedTuple):
    """What the experts say of a vector, and what the scope sees of it."""

    said: ExpertAnswers
    fit: NDArray[np.float64]


class MixtureLearner(LabelLearner):
    """P(label | vector) by a mixture of experts; `LabelLearner` says how to use it.

    `alarms` are the newest labels that changed their meaning, `alarmed` counts all. `alarm` is
    the newest until it is set to None by who passes it on.
    """

    def __init__(self, dim: int, settings: MixtureSettings | None = None) -> None:
        self.settings = chosen = settings or MixtureSettings()
        super().__init__(dim, chosen.max_labels)
        self._experts = Experts(dim, chosen)
        self._watch = LabelWatch(chosen.max_labels, chosen.alarm or math.inf)
        self._scope = Scope()
        self._seen: tuple[bytes, _View] | None = None
        self.alarm: LabelAlarm | None = None
        self.alarms: list[LabelAlarm] = []
        self.alarmed = 0

    @property
    def weights(self) -> dict[str, float]:
        """What each expert counts for, from 0 to 3."""
        return dict(zip(("softmax", "prototypes", "nearest"), self._experts.weights, strict=True))

    def out_of_scope(self, x: Dense | None) -> float:
        """Return P(none of the known labels) for a vector `(dim,)`; 1 where nothing is known.

        Above a half, "none of these" is the likelier answer. Raises ValueError for a
        vector of another shape.
        """
        vector = self._usable(x)
        if vector is None or not self._labels.names:
            return 1.0
        return self._scope.chance(self._view(vector).fit)

    def rename(self, old: str, new: str) -> None:
        """Call a label by another name; what was learnt of it stays.

        Raises KeyError for an unknown label, ValueError where `new` is empty or known.
        """
        super().rename(old, new)
        self._seen = None

    def widen(self, dim: int) -> None:
        """Make room for more features; what was learnt stays. Raises ValueError for fewer."""
        if dim < self._dim:
            raise ValueError(f"dim is {dim}; it cannot shrink from {self._dim}")
        self._experts.widen(dim)
        self._dim, self._seen = dim, None

    def state(self) -> dict[str, object]:
        """Return all that was learnt as plain values and copies of arrays, for `learners.codec`."""
        n = len(self._labels.names)
        return {
            "dim": self._dim,
            "settings": msgspec.to_builtins(self.settings),
            "labels": self._labels.state(),
            "experts": self._experts.state(n),
            "watch": self._watch.state(n),
            "scope": self._scope.state(),
            "alarms": msgspec.to_builtins(self.alarms),
            "alarmed": self.alarmed,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> MixtureLearner:
        """Build a learner that goes on, bit for bit, where the one of `state` stopped."""
        learner = cls(state["dim"], msgspec.convert(state["settings"], MixtureSettings))
        learner._labels = Labels.restored(state["labels"])
        learner._experts.restore(state["experts"])
        learner._watch.restore(state["watch"])
        learner._scope.restore(state["scope"])
        learner.alarms = msgspec.convert(state["alarms"], list[LabelAlarm])
        learner.alarmed = state["alarmed"]
        return learner

    def _view(self, vector: Dense) -> _View:
        """Ask about a vector `(dim + 1,)`; at least one label is known."""
        key = vector.tobytes()
        # Predicting and then learning the same example is the common case: asked once.
        if self._seen is not None and self._seen[0] == key:
            return self._seen[1]
        said = self._experts.ask(len(self._labels.names), vector)
        outside = self._labels.slots.get(self.settings.outside)
        fit = self._scope.look(
            said.scores, said.best, said.chances, -1 if outside is None else outside
        )
        view = _View(said, fit)
        self._seen = (key, view)
        return view

    def _chances(self, vector: Dense) -> Chances:
        said, fit = self._view(vector)
        found = said.chances.copy()
        outside = self._labels.slots.get(self.settings.outside)
        if outside is not None and len(found) > 1:
            none = min(max(self._scope.chance(fit), _LEAST), 1.0 - _LEAST)
            found[outside] = 0.0
            rest = float(np.add.reduce(found))
            # Where the experts leave nothing to any other label, all others get the same.
            found = found / rest if rest > _NOTHING else np.full(len(found), 1.0 / (len(found) - 1))
            found *= 1.0 - none
            found[outside] = none
        return found

    def _absorb(
        self, vector: Dense, slot: int, before: Chances, weight: float, *, fresh: bool
    ) -> None:
        said = None
        if len(before):
            said, fit = self._view(vector)
            was_outside = fresh or self.labels[slot] == self.settings.outside
            self._scope.learn(fit, was_outside=was_outside)
            if not fresh:
                self._experts.weigh(said, slot)
                fresh = self._has_changed(slot, before)
        self._experts.teach(len(self._labels.names), vector, said, slot, weight, fresh=fresh)
        self._seen = None

    def _has_changed(self, slot: int, before: Chances) -> bool:
        """Watch a label; where its meaning has changed, forget what was learnt of it."""
        if self.settings.alarm is None:
            return False
        change = self._watch.update(slot, missed=int(before.argmax()) != slot)
        if change is None:
            return False
        self._experts.clear(slot)
        self.alarm = LabelAlarm(self.labels[slot], self._labels.clock - 1, *change)
        self.alarms = [*self.alarms, self.alarm][-_KEPT_ALARMS:]
        self.alarmed += 1
        return True

    def _clear(self, slot: int) -> None:
        self._experts.clear(slot)
        self._watch.clear(slot)

    def _merge(self, gone: int, kept: int, share: float) -> None:
        self._experts.merge(gone, kept, share)
        self._watch.clear(kept)

    def _remove(self, slot: int) -> None:
        self._experts.remove(slot)
        self._watch.remove(slot)
        self._seen = None

    def _forget(self) -> None:
        self._seen = None  # a label may have come without a vector
        half_life = self.settings.half_life
        if half_life is None or self._labels.clock % FORGET_EVERY:
            return
        factor = 0.5 ** (FORGET_EVERY / half_life)
        self._labels.counts *= factor
        self._experts.fade(factor)
        self._scope.fade(factor)
