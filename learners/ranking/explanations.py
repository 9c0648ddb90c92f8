"""Why an item is in a list, in words: the signals without which it would score least.

The score of each listed item is computed again with one group of signals at a time set
to its average over the user's candidates. What the score loses is what that group gave
(the occlusion of Zeiler and Fergus, 2014, "Visualizing and understanding convolutional
networks").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from learners.ranking.context import Context
from learners.ranking.features import FEATURES, GENERATED, SEARCH
from learners.signals.items import ItemTable

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
_TOGETHER = list(GROUPS).index("together")
