"""The signals of each candidate as one row of numbers, for the preference learner."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from learners.candidates import Candidates, again, named
from learners.context import Context
from learners.popularity import LONG, SHORT
from learners.settings import LearnerSettings
from learners.signals import Signals

FEATURES = (
    "popular",
    "trending",
    "popular_at_stage",
    "count",
    "age_since_last",
    "together",
    "together_now",
    "follows",
    "together_raw",
    "follows_last",
    "age",
    "together_share",
    "meaning",
    "meaning_best",
    "liking",
    "intent",
    "again",
    "again_often",
    "again_lately",
    "history",
    "has_history",
    "gap",
    "session",
    "value",
    "value_from_last",
    "value_off_last",
    "value_from_recent",
    "value_off_recent",
)
GENERATED = ("generated", "generated_lift")
"""Two more, where the settings keep what a language model names."""
_LOGS = 11  # so many features, the first, are logarithms
_FLOOR = 1e-3
_NEWEST = np.exp(-np.arange(12) / 3.0)  # what the newest items weigh in their usual value


def features_of(settings: LearnerSettings) -> tuple[str, ...]:
    """Give the names of the columns under these settings."""
    return FEATURES + GENERATED if settings.generated else FEATURES


def matrix(signals: Signals, candidates: Candidates, context: Context) -> NDArray[np.float32]:
    """Give the raw feature rows `(n, features)` float32 of candidates."""
    position, read, ids = context.position, signals.popularity.read, candidates.ids
    now = max(position, 0)  # before any event the position is -1
    together = candidates.together * candidates.spread
    width = len(features_of(signals.settings))
    rows = np.empty((width, len(ids)), np.float32)
    rows[0] = read(LONG, ids, position) + 0.05
    rows[1] = read(SHORT, ids, position) + 0.05
    rows[2] = candidates.at_stage + 0.02
    rows[3] = candidates.strength
    rows[4] = now - signals.items.last.take(ids) + 1.0
    rows[5] = together + _FLOOR
    rows[6] = candidates.together_now * candidates.spread + _FLOOR
    rows[7] = candidates.follows * candidates.spread + _FLOOR
    rows[8] = candidates.together * np.sqrt(candidates.spread) + _FLOOR
    rows[9] = candidates.follows_last + _FLOOR
    rows[10] = now - signals.items.first.take(ids) + 1.0
    np.log(rows[:_LOGS], out=rows[:_LOGS])
    rows[11] = together * (1.0 / (together.max(initial=0.0) + 1e-9))
    rows[12], rows[13] = candidates.meaning, candidates.meaning_best
    categories = signals.items.categories.take(ids, axis=1)
    rows[14] = context.liking.take(categories).max(axis=0)
    rows[15] = context.intent.take(categories).max(axis=0)
    rows[16:19] = again(signals, ids, context) if context.repeats else 0.0
    rows[19] = math.log1p(context.length)
    rows[20] = float(context.length > 0)
    rows[21], rows[22] = math.log1p(context.gap), math.log1p(context.session)
    _put_values(rows[23:28], signals.values.level, ids, context.recent)
    if width > len(FEATURES):
        rows[len(FEATURES) :] = named(signals, ids, context)
    return np.ascontiguousarray(rows.T)


def _put_values(
    rows: NDArray[np.float32],
    level: NDArray[np.float64],
    ids: NDArray[np.int32],
    recent: NDArray[np.int32],
) -> None:
    """Write the value (5, n) of candidates, and how far it is from that of the recent items."""
    rows[0] = level.take(ids)
    rows[1:] = 0.0
    if not len(recent):
        return
    newest = level.take(recent[: len(_NEWEST)])
    weights = _NEWEST[: len(newest)]
    for start, usual in ((1, newest[0]), (3, newest.dot(weights) / weights.sum())):
        np.subtract(rows[0], usual, out=rows[start])
        np.abs(rows[start], out=rows[start + 1])
