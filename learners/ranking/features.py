"""The signals of each candidate as one row of numbers, for the preference learner."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from learners.arrays import compiled
from learners.ranking.again import again, known_of, since
from learners.ranking.candidates import Candidates, Floats, named
from learners.ranking.context import Context
from learners.settings import LearnerSettings
from learners.signals.popularity import LONG, SHORT
from learners.signals.tables import Signals

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
    "pull",
)
GENERATED = ("generated", "generated_lift")
"""Two more, where the settings keep what a language model names."""
RETURNS = ("again_since", "again_due", "again_visit")
"""Three more from when on items may come back: how long ago, how much longer than usual, whether
at this visit. 0 for an item that its user did not have."""
SEARCH = (
    "search",
    "search_age",
    "search_taken",
    "search_taken_share",
    "search_words",
    "search_words_now",
    "search_now",
)
"""More from the first search of anybody on: how near in meaning, how many interactions ago, how
often taken after such searches, how much of its words the title holds; and the words and the
nearness once more, fading with each interaction since. 0 for a user who never searched."""
_LOGS = 11  # so many features, the first, are logarithms
_FLOOR = 1e-3
_SELDOM, _SELDOM_SHARE = 0.1, 0.01  # added to what may be 0
_VALUE_REACH, _VALUE_STEPS = 3.0, 12.0  # what the newest items weigh in their usual value


def features_of(
    settings: LearnerSettings, *, searching: bool = False, returning: bool = False
) -> tuple[str, ...]:
    """Return the names of the columns under these settings.

    `searching`: once someone searched; `returning`: once items came back.
    """
    named: tuple[str, ...] = FEATURES + GENERATED if settings.generated else FEATURES
    named = named + RETURNS if returning else named
    return named + SEARCH if searching else named


def matrix(signals: Signals, candidates: Candidates, context: Context) -> NDArray[np.float32]:
    """Return the raw feature rows `(n, features)` float32 of candidates."""
    position, ids, popularity = context.position, candidates.ids, signals.popularity
    names = features_of(signals.settings, searching=signals.searching, returning=signals.returning)
    columns = np.empty((len(names), len(ids)), np.float32)
    fill(
        columns,
        ids,
        candidates.sizes,
        candidates.sums,
        popularity.counts[LONG],
        popularity.scale(LONG, position),
        popularity.counts[SHORT],
        popularity.scale(SHORT, position),
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
    np.log(columns[:_LOGS], out=columns[:_LOGS])
    known = known_of(signals, ids, context) if context.repeats else None
    if known is not None:
        columns[16:19] = again(known, context)
    if signals.settings.generated:
        columns[len(FEATURES) : len(FEATURES) + len(GENERATED)] = named(signals, ids, context)
    if signals.returning:
        at = names.index(RETURNS[0])
        returns = 0.0 if known is None else since(signals, ids, known, context)
        columns[at : at + len(RETURNS)] = returns
    if signals.searching:
        columns[-len(SEARCH) :] = sought(signals, candidates, context)
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
        found[0] = signals.semantic.nearness(candidates.ids, direction)
    found[1] = math.log1p(since)
    found[2] = np.log(candidates.after + np.float32(_SELDOM))
    found[3] = np.log(candidates.after * candidates.sizes[1] + _SELDOM_SHARE)
    found[4] = signals.words.shares(search.text, candidates.ids)
    found[5:] = found[[4, 0]] * np.float32(1.0 / (1.0 + since))
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


@compiled
def fill(  # noqa: PLR0913, PLR0917 - arrays cross into compiled code one by one
    columns: NDArray[np.float32],
    ids: NDArray[np.int32],
    sizes: Floats,
    sums: Floats,
    long: Floats,
    long_scale: float,
    short: Floats,
    short_scale: float,
    first: Floats,
    last: Floats,
    now: int,
    categories: NDArray[np.int32],
    liking: NDArray[np.float32],
    intent: NDArray[np.float32],
    level: Floats,
    has_recent: bool,
    last_value: float,
    usual_value: float,
    history: float,
    has_history: float,
    gap: float,
    session: float,
) -> None:
    """Write the features (features, n) in their order; the first ones still lack the logarithm."""
    most = 0.0
    for place in range(ids.size):
        item, spread = ids[place], sizes[1, place]
        together = sums[place, 0] * spread
        most = max(most, together)
        columns[0, place] = long[item] * long_scale + 0.05
        columns[1, place] = short[item] * short_scale + 0.05
        columns[2, place] = sizes[2, place] + 0.02
        columns[3, place] = sizes[0, place]
        columns[4, place] = now - last[item] + 1.0
        columns[5, place] = together + _FLOOR
        columns[6, place] = sums[place, 1] * spread + _FLOOR
        columns[7, place] = sums[place, 2] * spread + _FLOOR
        columns[8, place] = sums[place, 0] * np.sqrt(spread) + _FLOOR
        columns[9, place] = sums[place, 3] + _FLOOR
        columns[10, place] = now - first[item] + 1.0
        columns[12, place] = sums[place, 4]
        columns[13, place] = sums[place, 5]
        columns[14, place] = liking[categories[0, item]]
        columns[15, place] = intent[categories[0, item]]
        for other in range(1, categories.shape[0]):
            columns[14, place] = max(columns[14, place], liking[categories[other, item]])
            columns[15, place] = max(columns[15, place], intent[categories[other, item]])
        columns[23, place] = level[item]
        columns[28, place] = sums[place, -1]
    share = 1.0 / (most + 1e-9)
    for place in range(ids.size):
        columns[11, place] = sums[place, 0] * sizes[1, place] * share
    columns[16:19] = 0.0
    columns[19], columns[20], columns[21], columns[22] = history, has_history, gap, session
    columns[24:28] = 0.0
    if has_recent:
        for place in range(ids.size):
            columns[24, place] = columns[23, place] - last_value
            columns[25, place] = abs(columns[24, place])
            columns[26, place] = columns[23, place] - usual_value
            columns[27, place] = abs(columns[26, place])
