"""Where an item stands for a user, and why: also of one that is not in their list."""

from __future__ import annotations

from typing import Literal, NamedTuple

from learners.online_model import OnlineModel
from learners.types import Entry

Standing = Literal["listed", "ranked", "not_ranked", "had", "unavailable"]


class Explanation(NamedTuple):
    """How an item stands for a user.

    `standing`: "listed" is in the user's list; "ranked" is among their candidates, farther back;
    "not_ranked" is not, since no signal speaks for it; "had": the user has it, and it does not
    come back (yet); "unavailable": it was removed, or the catalogue says so. `place` counts from 1
    among the candidates, `score` is what they are ordered by, and `reasons` are the sentences of a
    list, strongest first: None, None and () for what is not ranked.
    """

    user_id: str
    item_id: str
    title: str
    standing: Standing
    place: int | None
    score: float | None
    reasons: tuple[str, ...]


def explain(model: OnlineModel, user_id: str, item_id: str) -> Explanation:
    """Explain how an item that is known stands for a user. Changes nothing."""
    title = model.item_title(item_id)
    number = model.signals.items.index[item_id]
    if not model.signals.items.available[number]:
        return Explanation(user_id, item_id, title, "unavailable", None, None, ())
    # First as it is listed: with more to rank, more are looked for, and scores may differ a little.
    most = model.settings.candidates
    for k, standing in ((model.settings.k, _LISTED), (most, _RANKED)):
        found = _place(model.recommend(user_id, k).entries, item_id)
        if found is not None:
            place, entry = found
            return Explanation(user_id, item_id, title, standing, place, entry.score, entry.reasons)
    has = model.users.get(user_id, model.position).has(number)
    return Explanation(user_id, item_id, title, "had" if has else "not_ranked", None, None, ())


_LISTED: Standing = "listed"
_RANKED: Standing = "ranked"


def _place(entries: tuple[Entry, ...], item_id: str) -> tuple[int, Entry] | None:
    """Return the place from 1 and the entry of an item, None where it is not there."""
    for place, entry in enumerate(entries, 1):
        if entry.item_id == item_id:
            return place, entry
    return None
