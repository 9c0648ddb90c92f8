"""The columns that candidates are ranked by: which signal each belongs to, in one table.

Names, places, what is there when, and which columns a reason speaks for: all of that is read from
`COLUMNS`. A signal that is added (`learners.signals.signal`) brings columns of its own, which
stand behind those that are always there (`columns_of`). The loop that writes most of ours lies
here as well, so that it is compiled anew wherever the table changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.arrays import compiled
from learners.ranking.candidate_kernels import (
    SPREAD,
    STAGED,
    STRENGTH,
    SUM_FOLLOWS,
    SUM_LAST,
    SUM_NEAR,
    SUM_NEAREST,
    SUM_NOW,
    SUM_TOGETHER,
    SUM_WEIGHTS,
)

Floats = NDArray[np.float64]

When = Literal["always", "generated", "returning", "searching"]


class FeatureColumn(NamedTuple):
    """A column by its name, the signal whose it is, and `when` it is there.

    The signal is "" where the column tells of the moment, or is no ground to list an item: no
    reason speaks for it.
    """

    name: str
    signal: str
    when: When = "always"


SIGNALS = (
    "together",
    "follows",
    "meaning",
    "popular",
    "trending",
    "stage",
    "liking",
    "intent",
    "again",
    "generated",
    "search",
)
"""Our signals that a reason may speak for, in the order in which equal ones are named."""

COLUMNS = (
    FeatureColumn("popular", "popular"),
    FeatureColumn("trending", "trending"),
    FeatureColumn("popular_at_stage", "stage"),
    FeatureColumn("count", "popular"),
    FeatureColumn("age_since_last", "trending"),
    FeatureColumn("together", "together"),
    FeatureColumn("together_now", "together"),
    FeatureColumn("follows", "follows"),
    FeatureColumn("together_raw", "together"),
    FeatureColumn("follows_last", "follows"),
    FeatureColumn("age", ""),
    FeatureColumn("together_share", "together"),
    FeatureColumn("meaning", "meaning"),
    FeatureColumn("meaning_best", "meaning"),
    FeatureColumn("liking", "liking"),
    FeatureColumn("intent", "intent"),
    FeatureColumn("again", "again"),
    FeatureColumn("again_often", "again"),
    FeatureColumn("again_lately", "again"),
    FeatureColumn("history", ""),
    FeatureColumn("has_history", ""),
    FeatureColumn("gap", ""),
    FeatureColumn("session", ""),
    FeatureColumn("value", ""),
    FeatureColumn("value_from_last", ""),
    FeatureColumn("value_off_last", ""),
    FeatureColumn("value_from_recent", ""),
    FeatureColumn("value_off_recent", ""),
    FeatureColumn("pull", "together"),
    FeatureColumn("generated", "generated", "generated"),
    FeatureColumn("generated_lift", "generated", "generated"),
    FeatureColumn("again_since", "again", "returning"),
    FeatureColumn("again_due", "again", "returning"),
    FeatureColumn("again_visit", "again", "returning"),
    FeatureColumn("search", "search", "searching"),
    FeatureColumn("search_age", "", "searching"),
    FeatureColumn("search_taken", "search", "searching"),
    FeatureColumn("search_taken_share", "search", "searching"),
    FeatureColumn("search_words", "search", "searching"),
    FeatureColumn("search_words_now", "search", "searching"),
    FeatureColumn("search_now", "search", "searching"),
)


def _there(when: When) -> tuple[str, ...]:
    return tuple(column.name for column in COLUMNS if column.when == when)


FEATURES = _there("always")
GENERATED = _there("generated")
"""Two more, where the settings keep what a language model names."""
RETURNS = _there("returning")
"""Three more from when on items may come back: how long ago, how much longer than usual, whether
at this visit. 0 for an item that its user did not have."""
SEARCH = _there("searching")
"""More from the first search of anybody on: how near in meaning, how many interactions ago, how
often taken after such searches, how much of its words the title holds; and the words and the
nearness once more, fading with each interaction since. 0 for a user who never searched."""

GROUPS = {
    signal: tuple(column.name for column in COLUMNS if column.signal == signal)
    for signal in SIGNALS
}
"""The columns of each of our signals that a reason may speak for."""
SOMETIMES = frozenset(
    signal
    for signal in SIGNALS
    if all(column.when != "always" for column in COLUMNS if column.signal == signal)
)
"""Those whose columns are not always there."""


class ColumnLayout(NamedTuple):
    """The columns of one model, in their order, and where some of them stand.

    `added` holds the columns of each added signal, by its name. `groups` are the signals that a
    reason may speak for, ours first, and `members` (groups, columns) tells which columns are
    whose.
    """

    names: tuple[str, ...]
    generated: slice
    added: dict[str, slice]
    returning: slice
    searching: slice
    groups: tuple[str, ...]
    members: NDArray[np.bool_]


TAKEN = {*SIGNALS, *(column.name for column in COLUMNS)}
"""Names that an added signal cannot have."""


def layout(
    added: Sequence[tuple[str, tuple[str, ...]]] = (),
    *,
    generated: bool = False,
    returning: bool = False,
    searching: bool = False,
) -> ColumnLayout:
    """Return the columns of a model; `added` are names and columns of added signals.

    `generated`: what a language model names is kept; `returning`: items may come back;
    `searching`: somebody searched.
    """
    return laid_out(tuple(added), generated, returning, searching)


@cache
def laid_out(
    added: tuple[tuple[str, tuple[str, ...]], ...],
    generated: bool,
    returning: bool,
    searching: bool,
) -> ColumnLayout:
    """Return what `layout` does; each is made once."""
    names = FEATURES

    def more(columns: tuple[str, ...], is_there: bool = True) -> slice:
        nonlocal names
        start = len(names)
        names += columns if is_there else ()
        return slice(start, len(names))

    generated_at = more(GENERATED, generated)
    added_at = {name: more(columns) for name, columns in added}
    returning_at, searching_at = more(RETURNS, returning), more(SEARCH, searching)
    groups = {**GROUPS, **dict(added)}
    members = np.array([[name in group for name in names] for group in groups.values()])
    return ColumnLayout(
        names, generated_at, added_at, returning_at, searching_at, tuple(groups), members
    )


def places(*names: str) -> tuple[int, ...]:
    """Return where columns that are always there stand. Raises ValueError for another name."""
    return tuple(map(FEATURES.index, names))


LOGARITHMS = places("age")[0] + 1
"""So many columns, the first, are logarithms; `fill` leaves that to its caller."""
AGAIN = slice(places("again")[0], places("again_lately")[0] + 1)
_FLOOR = 1e-3

_POPULAR, _TRENDING, _STAGE, _COUNT = places("popular", "trending", "popular_at_stage", "count")
_SINCE_LAST, _AGE = places("age_since_last", "age")
_TOGETHER, _TOGETHER_NOW, _TOGETHER_RAW, _TOGETHER_SHARE = places(
    "together", "together_now", "together_raw", "together_share"
)
_FOLLOWS, _FOLLOWS_LAST, _PULL = places("follows", "follows_last", "pull")
_MEANING, _MEANING_BEST = places("meaning", "meaning_best")
_LIKING, _INTENT = places("liking", "intent")
_AGAIN, _AGAIN_OFTEN, _AGAIN_LATELY = places("again", "again_often", "again_lately")
_HISTORY, _HAS_HISTORY, _GAP, _SESSION = places("history", "has_history", "gap", "session")
_VALUE, _FROM_LAST, _OFF_LAST, _FROM_RECENT, _OFF_RECENT = places(
    *("value", "value_from_last", "value_off_last", "value_from_recent", "value_off_recent")
)


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
        item, spread = ids[place], sizes[SPREAD, place]
        together = sums[place, SUM_TOGETHER] * spread
        most = max(most, together)
        columns[_POPULAR, place] = long[item] * long_scale + 0.05
        columns[_TRENDING, place] = short[item] * short_scale + 0.05
        columns[_STAGE, place] = sizes[STAGED, place] + 0.02
        columns[_COUNT, place] = sizes[STRENGTH, place]
        columns[_SINCE_LAST, place] = now - last[item] + 1.0
        columns[_TOGETHER, place] = together + _FLOOR
        columns[_TOGETHER_NOW, place] = sums[place, SUM_NOW] * spread + _FLOOR
        columns[_FOLLOWS, place] = sums[place, SUM_FOLLOWS] * spread + _FLOOR
        columns[_TOGETHER_RAW, place] = sums[place, SUM_TOGETHER] * np.sqrt(spread) + _FLOOR
        columns[_FOLLOWS_LAST, place] = sums[place, SUM_LAST] + _FLOOR
        columns[_AGE, place] = now - first[item] + 1.0
        columns[_MEANING, place] = sums[place, SUM_NEAR]
        columns[_MEANING_BEST, place] = sums[place, SUM_NEAREST]
        columns[_LIKING, place] = liking[categories[0, item]]
        columns[_INTENT, place] = intent[categories[0, item]]
        for other in range(1, categories.shape[0]):
            columns[_LIKING, place] = max(columns[_LIKING, place], liking[categories[other, item]])
            columns[_INTENT, place] = max(columns[_INTENT, place], intent[categories[other, item]])
        columns[_VALUE, place] = level[item]
        columns[_PULL, place] = sums[place, SUM_WEIGHTS]
    share = 1.0 / (most + 1e-9)
    for place in range(ids.size):
        columns[_TOGETHER_SHARE, place] = sums[place, SUM_TOGETHER] * sizes[SPREAD, place] * share
    columns[_AGAIN] = columns[_AGAIN_OFTEN] = columns[_AGAIN_LATELY] = 0.0
    columns[_HISTORY], columns[_HAS_HISTORY] = history, has_history
    columns[_GAP], columns[_SESSION] = gap, session
    columns[_FROM_LAST] = columns[_OFF_LAST] = 0.0
    columns[_FROM_RECENT] = columns[_OFF_RECENT] = 0.0
    if has_recent:
        for place in range(ids.size):
            columns[_FROM_LAST, place] = columns[_VALUE, place] - last_value
            columns[_OFF_LAST, place] = abs(columns[_FROM_LAST, place])
            columns[_FROM_RECENT, place] = columns[_VALUE, place] - usual_value
            columns[_OFF_RECENT, place] = abs(columns[_FROM_RECENT, place])
