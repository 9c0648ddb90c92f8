"""A list for a user as they are, or as they would be: by the pipeline of the model, unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import NamedTuple

import numpy as np

from learners.intent.explanation import likeliest_first
from learners.online_model.queries.first_search import FirstSearch
from learners.online_model.queries.signal_effects import added_by_signals
from learners.online_model.stages import context_of
from learners.ranking.components import Filter, Numbers, Scorer, Scores, Selector
from learners.ranking.context import Context
from learners.ranking.explanations import entries
from learners.ranking.pipeline import Chosen, Pipeline
from learners.ranking.rules.choose import Ruled
from learners.ranking.rules.choose import choose as by_rules
from learners.ranking.rules.rule_set import NOBODY, Asker, RuleSet
from learners.signals.items import ItemTable
from learners.state.model import ModelState
from learners.types import Entry
from learners.users.user import User


class Variation(NamedTuple):
    """What one question puts into the pipeline behind what is there (`Pipeline.put`).

    `rules` choose by what they say, for `asker`.
    """

    filters: tuple[Filter, ...] = ()
    scorers: tuple[Scorer, ...] = ()
    selector: Selector | None = None
    last_filters: tuple[Filter, ...] = ()
    rules: RuleSet | None = None
    asker: Asker = NOBODY


AS_IT_IS = Variation()


class MadeList(NamedTuple):
    """A list: `numbers` are those of the items of `entries`, best first, in the same order.

    `intent` is what the user's newest event says, the likeliest first. `signals` is what each
    signal adds to each score, where that is asked for. `rules` changed the list; `put_by` tells of
    each place which of them put it there (`learners.ranking.rules.choose.Ruled`).
    """

    entries: tuple[Entry, ...]
    numbers: list[int]
    intent: dict[str, float]
    signals: Sequence[dict[str, float]] = ()
    rules: tuple[str, ...] = ()
    put_by: tuple[tuple[str, ...], ...] = ()


def varied(state: ModelState, user: User, variation: Variation = AS_IT_IS) -> Pipeline:
    """Return the pipeline of a model with more components for a user; its own stays as it is.

    Nothing that a question makes is counted by its `watch`. Raises ValueError for two of one name.
    """
    made, signals = copy(state.pipeline), state.signals
    made.watch = None
    if user.search is not None and not signals.searching:
        made.put(scorers=(FirstSearch(signals, user.search),))
    if variation != AS_IT_IS:
        made.put(
            filters=variation.filters,
            scorers=variation.scorers,
            selector=variation.selector,
            last_filters=variation.last_filters,
        )
    return made


def make_list(
    state: ModelState,
    user_id: str,
    user: User,
    k: int,
    variation: Variation = AS_IT_IS,
    at: float | None = None,
    *,
    explain: bool = True,
    weigh: bool = False,
) -> MadeList:
    """Return the `k` best items of a user as `OnlineModel.recommend` does, but for the variation.

    `at` is the moment (seconds since 1970) that the list is for, so that it counts how long the
    user was away. It is then the list of the event to come, as `OnlineModel.rank` has it before
    that is learnt; one that is not after the user's newest event is that event's. None: the list
    is that of the newest event, after it. Without `explain` no reasons are looked for,
    and with `weigh` what each signal adds is told.
    """
    context, ruled = choose_by(state, user_id, user, k, variation, at)
    batch, rows, scores, best = ruled.chosen
    numbers = batch.ids[best].tolist()
    if explain:
        preference = state.preference
        made = entries(state.signals, preference, batch, rows, context, best, scores, user)
    else:
        made = plain_entries(state.signals.items, batch.ids[best], scores[best])
    weighed = added_by_signals(state, user, batch, best) if weigh else ()
    intent = likeliest_first(state.tracker.report(user.intent).intent)
    return MadeList(made, numbers, intent, weighed, ruled.names, ruled.places)


def choose_by(
    state: ModelState,
    user_id: str,
    user: User,
    k: int,
    variation: Variation = AS_IT_IS,
    at: float | None = None,
) -> tuple[Context, Ruled]:
    """Return a user as ranking sees them, and what is chosen for them, by which rules.

    See `make_list`.
    """
    before = at if at is not None and at > user.newest_time() else None
    position = state.position + (at is not None)
    context = context_of(state, user_id, user, before, position)
    pipeline, rules = varied(state, user, variation), variation.rules
    if rules is None:
        return context, Ruled(pipeline.choose(user_id, context, k))
    asker, semantic = variation.asker, state.signals.semantic
    return context, by_rules(pipeline, rules, semantic, user_id, context, k, asker)


def plain_entries(items: ItemTable, ids: Numbers, scores: Scores) -> tuple[Entry, ...]:
    """Return items (n,) with their scores (n,) as places of a list, without reasons."""
    shown = zip(ids.tolist(), scores.tolist(), strict=True)
    return tuple(
        [
            Entry(items.ids[number], round(worth, 6), (), title=items.title(number))
            for number, worth in shown
        ]
    )


def places_of(chosen: Chosen, number: int) -> np.intp | None:
    """Return where in its batch a chosen item is, None where it was not chosen."""
    for place in chosen.places:
        if chosen.batch.ids[place] == number:
            return np.intp(place)
    return None
