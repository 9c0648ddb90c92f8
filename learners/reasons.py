"""Why an item is in a list, in words: the signals without which it would score least.

The score of each listed item is computed again with one group of signals at a time set
to its average over the user's candidates. What the score loses is what that group gave
(the occlusion of Zeiler and Fergus, 2014, "Visualizing and understanding convolutional
networks").
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from learners.features import FEATURES, GENERATED

GROUPS: dict[str, tuple[str, ...]] = {
    "together": ("together", "together_now", "together_raw", "together_share"),
    "follows": ("follows", "follows_last"),
    "meaning": ("meaning", "meaning_best"),
    "popular": ("popular", "count"),
    "trending": ("trending", "age_since_last"),
    "stage": ("popular_at_stage",),
    "liking": ("liking",),
    "intent": ("intent",),
    "again": ("again", "again_often", "again_lately"),
}
_WITH_GENERATED = {**GROUPS, "generated": GENERATED}
_MOST = 2


def groups_of(columns: int) -> dict[str, tuple[str, ...]]:
    """Give the groups where rows have so many columns: one more with generated items."""
    return GROUPS if columns == len(FEATURES) else _WITH_GENERATED


def _members(groups: dict[str, tuple[str, ...]], names: tuple[str, ...]) -> NDArray[np.bool_]:
    """Tell which features (groups, 1, features) belong to which group."""
    return np.array([[[name in members for name in names]] for members in groups.values()])


_OF_GROUP = {
    len(FEATURES): _members(GROUPS, FEATURES),
    len(FEATURES + GENERATED): _members(_WITH_GENERATED, FEATURES + GENERATED),
}


def carried(
    scaled: NDArray[np.float32],
    best: NDArray[np.intp],
    score: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    pull: NDArray[np.float32],
) -> list[list[str]]:
    """Give, for each row of `best`, the groups that gave it most, strongest first.

    `scaled` (n, features) are all candidates' rows, `pull` (n,) is what their scores gain
    by the user's recent items beside them; it counts as of "together". At most two
    groups are named, and only such as raised the score; never none: where nothing raised
    it, the strongest is.
    """
    gave = effects(scaled, best, score, pull)
    order = np.argsort(-gave, axis=0, kind="stable")[:_MOST]
    names = list(groups_of(scaled.shape[1]))
    return [
        [names[g] for i, g in enumerate(column) if i == 0 or gave[g, place] > 0]
        for place, column in enumerate(order.T.tolist())
    ]


def effects(
    scaled: NDArray[np.float32],
    best: NDArray[np.intp],
    score: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    pull: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Give what each group gave to the score of each row of `best`, `(groups, len(best))`.

    Groups are in the order of `groups_of`. What a group took away is negative.
    """
    rows = scaled[best]
    # Sums by a product with a constant row are several times faster than along an axis.
    average = np.full(len(scaled), 1.0 / len(scaled), np.float32) @ scaled
    hidden = np.where(_OF_GROUP[rows.shape[1]], average, rows)
    without = score(hidden.reshape(-1, rows.shape[1])).reshape(len(hidden), len(best))
    gave: NDArray[np.float32] = score(rows) - without
    gave[_TOGETHER] += pull[best] - pull.mean()
    return gave


def sentence(group: str, because: str | None, category: str | None, intent: str | None) -> str:
    """Say one group of signals in words.

    `because` is the title of the user's item that points here, `category` one of the
    item's, `intent` the need that the item answers best.
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
    "generated": "what a language model expects after recent choices",
}
_TOGETHER = list(GROUPS).index("together")
