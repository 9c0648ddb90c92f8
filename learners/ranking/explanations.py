"""Why an item is in a list, in words: the signals without which it would score least.

The score of each listed item is computed again with one group of signals at a time set
to its average over the user's candidates. What the score loses is what that group gave
(the occlusion of Zeiler and Fergus, 2014, "Visualizing and understanding convolutional
networks"). A sentence for each such group names the recent item that points there, or the
category, need or search that it answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from learners.arrays import compiled
from learners.ranking.candidates import Rows
from learners.ranking.context import CandidateBatch, Context
from learners.ranking.features import FEATURES, GENERATED, SEARCH
from learners.signals.items import ItemTable
from learners.signals.neighbours import NEXT, TOGETHER
from learners.signals.tables import Signals
from learners.types import Entry

Scores = NDArray[np.float32]

GROUPS: dict[str, tuple[str, ...]] = {
    "together": ("together", "together_now", "together_raw", "together_share", "pull"),
    "follows": ("follows", "follows_last"),
    "meaning": ("meaning", "meaning_best"),
    "popular": ("popular", "count"),
    "trending": ("trending", "age_since_last"),
    "stage": ("popular_at_stage",),
    "liking": ("liking",),
    "intent": ("intent",),
    "again": ("again", "again_often", "again_lately"),
    "generated": GENERATED,
    "search": ("search", "search_taken", "search_taken_share"),
}
SOMETIMES = frozenset({"generated", "search"})
"""Groups whose columns are not always there."""
_TOGETHER = list(GROUPS).index("together")
_MOST = 2


def _members(names: tuple[str, ...]) -> NDArray[np.bool_]:
    """Return which features (groups, 1, features) belong to which group."""
    return np.array([[[name in members for name in names]] for members in GROUPS.values()])


_OF_GROUP = {
    len(names): _members(names)
    for names in (FEATURES, FEATURES + GENERATED, FEATURES + SEARCH, FEATURES + GENERATED + SEARCH)
}


def strongest_groups(
    scaled: NDArray[np.float32],
    best: NDArray[np.intp],
    score: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    item_weights: NDArray[np.float32],
) -> list[list[str]]:
    """Return, for each row of `best`, the groups that gave it most, strongest first.

    `scaled` (n, features) are all candidates' rows, `item_weights` (n,) is what their scores gain
    by the user's recent items beside them; it counts as of "together". At most two
    groups are named, and only such as raised the score; never none: where nothing raised
    it, the strongest is.
    """
    gave = effects(scaled, best, score, item_weights)
    order = np.argsort(-gave, axis=0, kind="stable")[:_MOST]
    names = list(GROUPS)
    return [
        [names[g] for i, g in enumerate(column) if i == 0 or gave[g, place] > 0]
        for place, column in enumerate(order.T.tolist())
    ]


def effects(
    scaled: NDArray[np.float32],
    best: NDArray[np.intp],
    score: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    item_weights: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return what each group gave to the score of each row of `best`, `(groups, len(best))`.

    Groups are in their order. What a group took away is negative; one without columns gives 0.
    """
    rows = scaled[best]
    # Sums by a product with a constant row are several times faster than along an axis.
    average = np.full(len(scaled), 1.0 / len(scaled), np.float32) @ scaled
    hidden = np.where(_OF_GROUP[rows.shape[1]], average, rows)
    without = score(hidden.reshape(-1, rows.shape[1])).reshape(len(hidden), len(best))
    gave: NDArray[np.float32] = score(rows) - without
    gave[~_OF_GROUP[rows.shape[1]].any(axis=(1, 2))] = 0.0
    gave[_TOGETHER] += item_weights[best] - item_weights.mean()
    return gave


def reasons_for(
    items: ItemTable, context: Context, number: int, sources: Mapping[str, int]
) -> tuple[str, ...]:
    """Return why an item is listed: a sentence for each of the groups that raised it.

    `sources` gives, by group, the user's item that points to it, -1 where none does.
    """
    own = items.categories[:, number].tolist()
    liked = max(own, key=context.liking.__getitem__)
    # Only a need that the item answers may be named, be another one ever so likely.
    needed = max(own, key=context.intent.__getitem__)
    said = (
        sentence(
            group,
            None if source < 0 else items.title(source),
            items.category_names[liked],
            items.category_names[needed] if context.intent[needed] > 0 else None,
            None if context.search is None else context.search.text,
        )
        for group, source in sources.items()
    )
    return tuple(dict.fromkeys(said))


def sentence(
    group: str,
    because: str | None,
    category: str | None,
    intent: str | None,
    search: str | None = None,
) -> str:
    """Write one group of signals in words.

    `because` is the title of the user's item that points here, `category` one of the
    item's, `intent` the need that the item answers best, `search` what the user searched for.
    """
    if group in ("together", "follows", "meaning") and because:
        return {
            "together": f"often chosen together with {because}",
            "follows": f"often chosen right after {because}",
            "meaning": f"similar in meaning to {because}",
        }[group]
    if group == "liking" and category:
        return f"fits a liking for {category}"
    if group == "intent" and intent:
        return f"fits what is looked for now: {intent}"
    if group == "search" and search:
        return f"answers the search for {search}"
    return _PLAIN[group]


_PLAIN = {
    "together": "chosen by people with similar histories",
    "follows": "often chosen next",
    "meaning": "similar in meaning to recent choices",
    "popular": "popular",
    "trending": "popular right now",
    "stage": "what others choose at this point of their history",
    "liking": "fits long-term likings",
    "intent": "fits what is looked for now",
    "again": "chosen before",
    "search": "answers the newest search",
    "generated": "what a language model expects after recent choices",
}


def pointers(
    signals: Signals, listed: NDArray[np.int32], rows: Rows, recent: NDArray[np.int32]
) -> dict[str, list[int]]:
    """Return, by kind of signal, the recent item (n,) that points to each; -1 where none does."""
    neighbours, semantic = signals.neighbours, signals.semantic
    sources, near_sources, slot = recent[rows.places], recent[rows.near_places], signals.slot
    together, following = neighbours.counts[TOGETHER], neighbours.counts[NEXT]
    return {
        "together": strongest(
            neighbours.ids, together, rows.numbers, sources, listed, slot
        ).tolist(),
        "follows": strongest(
            neighbours.ids, following, rows.numbers, sources, listed, slot
        ).tolist(),
        "meaning": strongest(
            semantic.near, semantic.cosines, rows.near_numbers, near_sources, listed, slot
        ).tolist(),
    }


@compiled
def strongest(
    ids: NDArray[np.int32],
    strength: NDArray[np.float32],
    rows: NDArray[np.int32],
    sources: NDArray[np.int32],
    listed: NDArray[np.int32],
    slot: NDArray[np.intp],
) -> NDArray[np.int32]:
    """Return, for each listed item, whose of the rows names it with the highest strength above 0.

    Of equals the first row wins. `slot` holds -1 everywhere, before and after.
    """
    for place in range(listed.size):
        slot[listed[place]] = place
    found = np.full(listed.size, -1, np.int32)
    best = np.zeros(listed.size, np.float32)
    for step in range(rows.size):
        row = rows[step]
        for column in range(ids.shape[1]):
            place = slot[ids[row, column]]
            if place >= 0 and strength[row, column] > best[place]:
                best[place] = strength[row, column]
                found[place] = sources[step]
    slot[listed] = -1
    return found


def entries(
    signals: Signals,
    score: Callable[[Scores], Scores],
    batch: CandidateBatch,
    rows: Rows,
    context: Context,
    best: NDArray[np.intp],
    scores: Scores,
) -> tuple[Entry, ...]:
    """Name the places `best` (k,) of a batch, whose candidates have these `scores` (n,).

    `score` gives what rows of scaled features are worth, so as to tell what carried each.
    """
    if not len(best):
        return ()
    why = strongest_groups(batch.scaled, best, score, batch.item_weights)
    ids = batch.ids[best]
    pointing = pointers(signals, ids, rows, context.recent)
    shown = zip(ids.tolist(), scores[best].tolist(), why, strict=True)
    return tuple(
        Entry(
            signals.items.ids[number],
            round(worth, 6),
            reasons_for(
                signals.items,
                context,
                number,
                {g: pointing[g][place] if g in pointing else -1 for g in groups},
            ),
        )
        for place, (number, worth, groups) in enumerate(shown)
    )
