"""Where an item stands for a user, and why: also of one that is not in their list."""

from __future__ import annotations

from typing import NamedTuple

from learners.online_model import OnlineModel
from learners.online_model.queries.why import Standing, account_of


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
    user = model.users.get(user_id, model.position)
    found = account_of(model, user_id, user, model.signals.items.index[item_id])
    return Explanation(
        user_id,
        item_id,
        model.item_title(item_id),
        found.standing,
        found.place,
        found.score,
        found.reasons,
    )
