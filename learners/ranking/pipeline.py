"""The pipeline that makes a list: sources, filters, features, scorers, a selector, a last filter.

What may be shown is decided apart from the order: a filter sees candidates before they are
scored, those that are learnt from too (what could not be shown was not passed over). A last filter
sees what was chosen, where it matters what stands beside what; the places that it empties are
filled from the reserve, the next best candidates, so that a list stays as long as was asked for.

With nothing put in, all is as the signals, the network and the answers to a search have it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.ranking.answers_first import AnswersFirst, is_asked
from learners.ranking.candidate_kernels import SUM_WEIGHTS, top
from learners.ranking.candidates import Rows, candidates_of
from learners.ranking.components import (
    Filter,
    Numbers,
    Scorer,
    Scores,
    Selector,
    Source,
    Watch,
    kept_by,
    retrieval_of,
)
from learners.ranking.context import CandidateBatch, Context
from learners.ranking.features import matrix
from learners.ranking.preference_learner import PreferenceLearner
from learners.signals.tables import Signals

_UNSCORED = np.zeros(0, np.float32)


class NetworkScorer:
    """Scores by the `preference` learner, and by what a user's recent items add."""

    name = "network"

    def __init__(self, preference: PreferenceLearner) -> None:
        self.preference = preference

    def score(self, batch: CandidateBatch, _scores: Scores) -> Scores:
        """Return the score (n,) of each candidate, as learnt."""
        return self.preference.score(batch.scaled) + batch.item_weights


class AnswersScorer:
    """The scorer that lets answers lead, once anybody searched (`signals`)."""

    name = "answers"

    def __init__(self, signals: Signals, answers: AnswersFirst) -> None:
        self._signals = signals
        self._answers = answers

    def score(self, batch: CandidateBatch, scores: Scores) -> Scores:
        """Return the scores (n,), those of answers raised where the user has just searched."""
        if self._signals.searching and is_asked(batch.raw):
            return self._answers.put_first(scores, batch.raw)
        return scores


class TopK:
    """Chooses the best scores; of equal ones the item that was mentioned first in the stream."""

    name = "top"

    def select(self, batch: CandidateBatch, scores: Scores, k: int) -> NDArray[np.intp]:
        """Return the places of the `k` best, best first."""
        return top(batch.ids, scores, k)


class Chosen(NamedTuple):
    """The places (k,) of a batch that make a list, best first, with the scores (n,) of all.

    `rows` are those of the user's recent items.
    """

    batch: CandidateBatch
    rows: Rows
    scores: Scores
    places: NDArray[np.intp]


class _LeftOut:
    """Leaves out what a last filter did not want in a list."""

    name = "left out"

    def __init__(self, items: set[int]) -> None:
        self._items = list(items)

    def keep(self, ids: Numbers, _context: Context) -> NDArray[np.bool_]:
        return ~np.isin(ids, self._items)


class Pipeline:
    """Makes lists by named components, and counts them where `watch` is there.

    `scorers` come after the `network`, one after the other, each with the scores so far.
    """

    def __init__(self, signals: Signals, network: NetworkScorer, *scorers: Scorer) -> None:
        self._signals = signals
        self._network = network
        self.scorers: tuple[Scorer, ...] = (network, *scorers)
        self.retrieval = retrieval_of(signals)
        self.selector: Selector = TopK()
        self.last_filters: tuple[Filter, ...] = ()
        self.watch: Watch | None = None

    def put(
        self,
        *,
        sources: tuple[Source, ...] = (),
        filters: tuple[Filter, ...] = (),
        scorers: tuple[Scorer, ...] = (),
        selector: Selector | None = None,
        last_filters: tuple[Filter, ...] = (),
    ) -> None:
        """Put components behind those of their kind; a selector stands for the one before.

        Raises ValueError where two components would have one name.
        """
        parts = self.retrieval
        self.retrieval = parts._replace(
            sources=(*parts.sources, *sources), filters=(*parts.filters, *filters)
        )
        self.scorers = (*self.scorers, *scorers)
        self.selector = selector or self.selector
        self.last_filters = (*self.last_filters, *last_filters)
        names = self.names
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two components are named {twice[0]!r}: give each a name of its own")

    @property
    def most(self) -> int:
        """The most candidates that are scored."""
        return self._signals.settings.candidates

    @property
    def names(self) -> list[str]:
        """The names of all components, in the order in which they come."""
        parts = self.retrieval
        return [
            *(each.name for each in (*parts.sources, *parts.added, parts.drawn)),
            *("together", "meaning", "gone", "known"),
            *(each.name for each in parts.filters),
            *("reserve", "shortlist", "features"),
            *(each.name for each in self.scorers),
            self.selector.name,
            *(each.name for each in self.last_filters),
        ]

    def batch(
        self,
        user_id: str,
        context: Context,
        before: float | None,
        *,
        negatives: bool,
        least: int = 1,
    ) -> tuple[CandidateBatch, Rows]:
        """Return the candidates of a user with their features, `least` where so many may be shown.

        `negatives` draws some more at random. `before` is the moment that the user is seen at.
        """
        watch = self.watch
        if watch is not None:
            watch.begin()
        candidates, rows = candidates_of(
            self._signals, context, self.retrieval, watch, negatives=negatives, least=least
        )
        raw, ids = matrix(self._signals, candidates, context), candidates.ids
        batch = CandidateBatch(
            user_id,
            before,
            context.position,
            ids,
            raw,
            self._network.preference.scaled(raw),
            candidates.sums[:, SUM_WEIGHTS].astype(np.float32),
            context.recent[rows.places],
            rows.reach.astype(np.float32),
        )
        if watch is not None:
            watch.note("features", len(ids), len(ids))
        return batch, rows

    def scores(self, batch: CandidateBatch) -> Scores:
        """Return the score (n,) float32 of each candidate of a batch."""
        scores, watch = _UNSCORED, self.watch
        if watch is not None:
            watch.begin()
        for scorer in self.scorers:
            scores = scorer.score(batch, scores)
            if watch is not None:
                watch.note(scorer.name, len(batch.ids), len(batch.ids))
        return scores

    def choose(self, user_id: str, context: Context, k: int, *, least: int = 1) -> Chosen:
        """Return the list of a user: `k` places, fewer only where fewer items may be shown.

        It is chosen from `least` candidates where there are so many.
        """
        batch, rows = self.batch(user_id, context, None, negatives=False, least=max(k, least))
        scores = self.scores(batch)
        chosen = Chosen(batch, rows, scores, self._select(batch, scores, k))
        return self._refilled(chosen, context, k) if self.last_filters else chosen

    def _select(self, batch: CandidateBatch, scores: Scores, k: int) -> NDArray[np.intp]:
        places = self.selector.select(batch, scores, k)
        if self.watch is not None:
            self.watch.note(self.selector.name, len(batch.ids), len(places))
        return places

    def _refilled(self, chosen: Chosen, context: Context, k: int) -> Chosen:
        """Return what is left of a choice once nothing is in it that a last filter leaves out.

        Each time the choice is made anew without what was left out; where the candidates do not
        suffice, more are asked for.
        """
        left_out: set[int] = set()
        while True:
            batch, places = chosen.batch, chosen.places
            kept = kept_by(self.last_filters, batch.ids[places], context, self.watch)
            if len(kept) == len(places):
                return chosen
            ids = batch.ids[places]
            left_out |= {*ids.tolist()} - {*ids[kept].tolist()}
            chosen = self._without(left_out, chosen, context, k)

    def _without(self, items: set[int], chosen: Chosen, context: Context, k: int) -> Chosen:
        """Return a choice made anew without some items."""
        rule, before = _LeftOut(items), self.retrieval
        kept = np.flatnonzero(rule.keep(chosen.batch.ids, context))
        if len(kept) >= k:
            batch, scores = chosen.batch.only(kept), chosen.scores[kept]
            return Chosen(batch, chosen.rows, scores, self._select(batch, scores, k))
        self.retrieval = before._replace(filters=(*before.filters, rule))
        try:
            batch, rows = self.batch(chosen.batch.user_id, context, None, negatives=False, least=k)
        finally:
            self.retrieval = before
        scores = self.scores(batch)
        return Chosen(batch, rows, scores, self._select(batch, scores, k))
