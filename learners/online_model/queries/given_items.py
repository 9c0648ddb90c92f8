"""Given items in the order for a user: also those that no signal would name for them.

They are ranked among the user's candidates, since some of what a candidate is ranked by is
relative to the others; there they are in nobody's place.
"""

from __future__ import annotations

import numpy as np

from learners.online_model.queries.lists import plain_entries, varied
from learners.online_model.stages import context_of
from learners.ranking.components import NamedSource, Numbers
from learners.ranking.context import Context
from learners.ranking.explanations import entries
from learners.signals.added import SURE
from learners.state.model import ModelState
from learners.types import Entry
from learners.users.user import User


def score_given(
    state: ModelState, user_id: str, user: User, numbers: list[int], *, explain: bool = False
) -> dict[int, Entry]:
    """Return each of these items as a place of a list, by number; what the user had as well.

    The score is that of a list. Items that are not available have none. With `explain` there are
    reasons, as in a list.
    """
    given = np.array(numbers, np.int32)
    context = context_of(state, user_id, user, None)
    is_apart = np.isin(given, context.apart)
    found = _scored(state, user_id, user, context, given[~is_apart], explain=explain)
    if is_apart.any():
        # By themselves: beside them the others would not be scored as in a list.
        had = context._replace(apart=np.setdiff1d(context.apart, given))
        found |= _scored(state, user_id, user, had, given[is_apart], explain=explain)
    return found


def _scored(
    state: ModelState,
    user_id: str,
    user: User,
    context: Context,
    given: Numbers,
    *,
    explain: bool,
) -> dict[int, Entry]:
    if not len(given):
        return {}
    pipeline = varied(state, user)
    parts = pipeline.retrieval
    pipeline.retrieval = parts._replace(added=(*parts.added, *_named(given)))
    batch, rows = pipeline.batch(user_id, context, None, negatives=False)
    scores, places = pipeline.scores(batch), np.flatnonzero(np.isin(batch.ids, given))
    if explain:
        preference = state.preference
        made = entries(state.signals, preference, batch, rows, context, places, scores, user)
    else:
        made = plain_entries(state.signals.items, batch.ids[places], scores[places])
    return dict(zip(batch.ids[places].tolist(), made, strict=True))


def _named(given: Numbers) -> list[NamedSource]:
    """Return sources that name the items, so that none of them is left out of the ranking."""
    starts = range(0, len(given), SURE)
    return [_given(n, given[start : start + SURE]) for n, start in enumerate(starts)]


def _given(number: int, items: Numbers) -> NamedSource:
    return NamedSource(f"given {number}", lambda _: items)
