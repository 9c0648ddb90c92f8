"""The scorers of the pipeline: the network with the weights between items, and answers first."""

from __future__ import annotations

from learners.ranking.answers_first import AnswersFirst, is_asked
from learners.ranking.components import Scores
from learners.ranking.context import CandidateBatch
from learners.ranking.preference_learner import PreferenceLearner
from learners.signals.tables import Signals


class NetworkScorer:
    """Scores by the `preference` learner, and by what a user's recent items add."""

    name = "network"

    def __init__(self, preference: PreferenceLearner) -> None:
        self.preference = preference

    def score(self, batch: CandidateBatch, _scores: Scores) -> Scores:
        """Return the score (n,) of each candidate, as learnt."""
        return self.preference.score(batch.scaled) + batch.item_weights


class AnswersScorer:
    """Lets what answers a search lead, as far as the log of `signals` bears that out."""

    name = "answers"

    def __init__(self, signals: Signals, answers: AnswersFirst) -> None:
        self._signals = signals
        self._answers = answers

    def score(self, batch: CandidateBatch, scores: Scores) -> Scores:
        """Return the scores (n,), those of answers raised where the user has just searched."""
        if self._signals.searching and is_asked(batch.raw):
            return self._answers.put_first(scores, batch.raw)
        return scores
