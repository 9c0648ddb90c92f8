"""Answers to a search lead, also where no event has told of searches yet."""

from __future__ import annotations

import numpy as np

from learners.ranking.answers_first import leading, raised
from learners.ranking.components import Scorer, Scores
from learners.ranking.context import CandidateBatch
from learners.ranking.pipeline import AnswersScorer
from learners.signals.searches import Search
from learners.signals.tables import Signals
from learners.state.model import ModelState
from learners.users.user import User


class FirstSearch:
    """Lets answers lead in a model that no event has told of searches yet.

    Ranking has columns for searches only from the first of them on (`AnswersScorer`).
    """

    name = "first search"

    def __init__(self, signals: Signals, search: Search) -> None:
        self._signals = signals
        self._search = search

    def score(self, batch: CandidateBatch, scores: Scores) -> Scores:
        """Return the scores (n,), those of what answers the search raised."""
        signals, ids = self._signals, batch.ids
        direction = self._search.direction(signals.semantic)
        near = np.zeros(len(ids), np.float32)
        if direction is not None:
            near = signals.semantic.nearness(ids, direction)
        found = leading(scores, signals.words.shares(self._search.text, ids), near)
        return scores if found is None else raised(scores, found.places)


def answers_scorer(state: ModelState, user: User) -> Scorer | None:
    """Return what lets answers lead for a user, None for one who has not searched."""
    if user.search is None:
        return None
    if state.signals.searching:
        return AnswersScorer(state.signals, state.answers)
    return FirstSearch(state.signals, user.search)
