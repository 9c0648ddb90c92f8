"""How well meaning alone ranks what is taken next, looked at in a running replay.

A user's profile is the decayed sum of the vectors of their recent items, newest first with
weights exp(-place / 3); an item scores its product with it. (The model's own candidates weigh
alike, but by steps in place of items: `learners.signals.window`.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dataflows.evaluation.judging.prequential import Prequential
from learners.online_model import OnlineModel
from learners.types import Interaction

_REACH = 3.0


class ContentRanks:
    """The ranks of the items taken, by meaning alone, from a place of the log on.

    `ranks` maps an event's id to its rank among all items that may be recommended and that the
    user does not have (ties lose); an item without a text ranks last. Events of users of whom
    nothing with a text is known are left out. `first` is the first scored row from there on,
    None while there is none.
    """

    def __init__(self, place: int) -> None:
        self.place = place
        self.ranks: dict[str, int] = {}
        self.first: int | None = None
        self._scored = 0

    def judged(
        self,
        judge: Prequential,
        recommender: OnlineModel,
        interaction: Interaction,
        read: int | None,
    ) -> None:
        """Look at an interaction right after the judge did.

        `read` is how far the log is read at the end of this micro-batch, which must not
        reach over the place.
        """
        row, self._scored = self._scored, len(judge.scored)
        if self._scored == row or read is None or read <= self.place:
            return
        if self.first is None:
            self.first = row
        rank = content_rank(recommender, interaction)
        if rank is not None:
            self.ranks[interaction.event_id] = rank

    def of(self, event_ids: list[str]) -> NDArray[np.int64]:
        """Return the ranks (n,) of these events, 0 where there is none."""
        return np.array([self.ranks.get(event_id, 0) for event_id in event_ids], np.int64)


def content_rank(model: OnlineModel, interaction: Interaction) -> int | None:
    """Rank an item about to be learnt by meaning alone; None where nothing is known."""
    signals = model.signals
    number = signals.items.index.get(interaction.item_id or "")
    user = model.users.get(interaction.user_id, model.position + 1)
    recent = user.look_back(interaction.ts, model.settings.recent).items
    semantic = signals.semantic
    places = np.flatnonzero(semantic.has[recent]) if len(recent) else np.zeros(0, np.intp)
    if number is None or not len(places):
        return None
    n = len(signals.items)
    weights = np.exp(-places / _REACH).astype(np.float32)
    profile = weights @ semantic.vectors[recent[places]]
    scores = semantic.vectors[:n] @ profile
    rivals = signals.items.available[:n].copy()
    if not model.repeats_on:
        rivals[user.seen] = False
    rivals[number] = True
    if not semantic.has[number]:
        return int(rivals.sum())
    rivals &= semantic.has[:n]
    return int(np.count_nonzero(scores[rivals] >= scores[number]))
