"""The signals of each candidate as one row of numbers, for the preference learner."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from learners.arrays import compiled
from learners.ranking.again import again, known_of, since
from learners.ranking.candidate_kernels import SPREAD
from learners.ranking.candidates import Candidates, Floats, named
from learners.ranking.columns import AGAIN, LOGARITHMS, SEARCH, ColumnLayout, fill, laid_out
from learners.ranking.context import Context
from learners.signals.popularity import LONG, SHORT
from learners.signals.tables import Signals

_NEAR, _AGE, _TAKEN, _TAKEN_SHARE, _WORDS, _WORDS_NOW, _NOW = (
    SEARCH.index(name)
    for name in (
        *("search", "search_age", "search_taken", "search_taken_share"),
        *("search_words", "search_words_now", "search_now"),
    )
)
_SELDOM, _SELDOM_SHARE = 0.1, 0.01  # added to what may be 0
_VALUE_REACH, _VALUE_STEPS = 3.0, 12.0  # what the newest items weigh in their usual value


def layout_of(signals: Signals) -> ColumnLayout:
    """Return the columns that candidates are ranked by, with what signals know by now."""
    is_generated = signals.settings.generated > 0
    return laid_out(signals.added.columns, is_generated, signals.returning, signals.searching)


def matrix(signals: Signals, candidates: Candidates, context: Context) -> NDArray[np.float32]:
    """Return the raw feature rows `(n, features)` float32 of candidates."""
    position, ids, popularity = context.position, candidates.ids, signals.popularity
    scales = popularity.scales(position)
    at = layout_of(signals)
    columns = np.empty((len(at.names), len(ids)), np.float32)
    fill(
        columns,
        ids,
        candidates.sizes,
        candidates.sums,
        popularity.counts[LONG],
        scales[LONG],
        popularity.counts[SHORT],
        scales[SHORT],
        signals.items.first,
        signals.items.last,
        max(position, 0),  # before any event the position is -1
        signals.items.categories,
        context.liking,
        context.intent,
        signals.values.level,
        *usual(signals.values.level, context.recent, context.back),
        math.log1p(context.length),
        float(context.length > 0),
        math.log1p(context.gap),
        math.log1p(context.session),
    )
    # NumPy's logarithm takes eight numbers at once.
    np.log(columns[:LOGARITHMS], out=columns[:LOGARITHMS])
    known = known_of(signals, ids, context) if context.repeats else None
    if known is not None:
        columns[AGAIN] = again(known, context)
    if signals.settings.generated:
        columns[at.generated] = named(signals, ids, context)
    if signals.returning:
        columns[at.returning] = 0.0 if known is None else since(signals, ids, known, context)
    if signals.searching:
        columns[at.searching] = sought(signals, candidates, context)
    for signal in signals.added.signals:
        if signal.columns:
            columns[at.added[signal.name]] = signals.added.features(signal, ids, context)
    return np.ascontiguousarray(columns.T)


def sought(signals: Signals, candidates: Candidates, context: Context) -> NDArray[np.float32]:
    """Return what a user's newest search says of candidates (7, n); 0 where they never searched."""
    found, search = np.zeros((len(SEARCH), len(candidates.ids)), np.float32), context.search
    if search is None:
        return found
    # A search that comes late may be newer than what a group is allowed to see.
    since = max(context.length - search.at, 0)
    direction = search.direction(signals.semantic)
    if direction is not None:
        found[_NEAR] = signals.semantic.nearness(candidates.ids, direction)
    found[_AGE] = math.log1p(since)
    found[_TAKEN] = np.log(candidates.after + np.float32(_SELDOM))
    found[_TAKEN_SHARE] = np.log(candidates.after * candidates.sizes[SPREAD] + _SELDOM_SHARE)
    found[_WORDS] = signals.words.shares(search.text, candidates.ids)
    found[[_WORDS_NOW, _NOW]] = found[[_WORDS, _NEAR]] * np.float32(1.0 / (1.0 + since))
    return found


@compiled
def usual(level: Floats, recent: NDArray[np.int32], back: Floats) -> tuple[bool, float, float]:
    """Return whether there are recent items, the mean value of the last step, and their usual."""
    last = newest = count = total = 0.0
    for place in range(recent.size):
        value = level[recent[place]]
        if back[place] == 0.0:
            last += value
            count += 1.0
        if back[place] < _VALUE_STEPS:
            weight = np.exp(-back[place] / _VALUE_REACH)
            newest += weight * value
            total += weight
    if count == 0.0:
        return False, 0.0, 0.0
    return True, last / count, newest / total
