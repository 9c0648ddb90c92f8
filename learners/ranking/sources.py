"""The sources that name candidates whatever the recent items of a user are."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from learners.ranking.candidate_kernels import draw
from learners.ranking.components import Numbers, Retrieval
from learners.ranking.context import Context
from learners.signals.popularity import LONG, SHORT, stage_of
from learners.signals.tables import Signals

_OWN = 300  # of the user's own items, the newest so many are candidates where repeats are on
_NOTHING = np.zeros(0, np.int32)


class NamedSource(NamedTuple):
    """A source (`learners.ranking.components.Source`) that is a function."""

    name: str
    candidates: Callable[[Context], Numbers]


def retrieval_of(signals: Signals) -> Retrieval:
    """Return all of these sources over the signals, and no filter."""

    def searched(context: Context) -> Numbers:
        search = context.search
        if search is None:
            return _NOTHING
        return np.concatenate((search.near, search.matched, signals.searched.taken(search.hub)))

    def drawn(context: Context) -> Numbers:
        """Draw items of the stream evenly, keyed by seed and position."""
        n, draws = len(signals.items.ids), signals.settings.sampled
        start = (context.position * draws + signals.settings.seed) & 0xFFFFFFFF
        return draw(start, draws if n else 0, signals.items.streamed, n)

    generated: tuple[NamedSource, ...] = ()
    if signals.settings.generated:
        generated = (NamedSource("generated", lambda context: context.generated.ids),)
    sources = (
        NamedSource("stage", lambda context: signals.popularity.top(stage_of(context.steps))),
        NamedSource("popular", partial(signals.popularity.top, LONG)),
        NamedSource("trending", partial(signals.popularity.top, SHORT)),
        NamedSource("fresh", lambda _: np.array(signals.fresh, np.int32)),
        NamedSource("again", lambda user: user.taken[0, -_OWN:] if user.repeats else _NOTHING),
        *generated,
        NamedSource("search", searched),
    )
    added = tuple(
        NamedSource(signal.name, partial(signals.added.candidates, signal))
        for signal in signals.added.signals
    )
    return Retrieval(sources, NamedSource("random", drawn), added=added)
