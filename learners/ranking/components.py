"""The components that a list is made by, and what is counted of them.

A list is made by components of few kinds, one after the other: sources name items, filters say
which of them may be shown, scorers order what is left by its features, a selector chooses the
first k, and a last filter looks at what was chosen. Each has a name. Those who run them count for
all of them alike (`Watch`): how many items went into each, how many stayed, how long it took.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from learners.ranking.candidate_kernels import draw
from learners.ranking.context import CandidateBatch, Context
from learners.signals.popularity import LONG, SHORT, stage_of
from learners.signals.tables import Signals

Numbers = NDArray[np.int32]
Scores = NDArray[np.float32]

_OWN = 300  # of the user's own items, the newest so many are candidates where repeats are on
_NOTHING = np.zeros(0, np.int32)


class Source(Protocol):
    """Names items that a user may want."""

    @property
    def name(self) -> str:
        """What it is counted under."""
        ...

    def candidates(self, context: Context) -> Numbers:
        """Return item numbers (n,) int32; one may be there twice."""
        ...


class Filter(Protocol):
    """Decides which items may be shown, whatever their order."""

    @property
    def name(self) -> str:
        """What it is counted under."""
        ...

    def keep(self, ids: Numbers, context: Context) -> NDArray[np.bool_]:
        """Return for each of the items `ids` (n,) whether it may be shown."""
        ...


class Retrieval(NamedTuple):
    """What names candidates beside the rows of recent items, and what is kept of them.

    `drawn` names some at random, as plain negatives. What those that are `added` name first is
    ranked in any case (`learners.signals.added`).
    """

    sources: tuple[Source, ...]
    drawn: Source
    filters: tuple[Filter, ...] = ()
    added: tuple[Source, ...] = ()


class Scorer(Protocol):
    """Tells how much a user would like each candidate."""

    @property
    def name(self) -> str:
        """What it is counted under."""
        ...

    def score(self, batch: CandidateBatch, scores: Scores) -> Scores:
        """Return a finite score (n,) float32 of each candidate; higher is better.

        `scores` (n,) are those of the scorer before it, not to be changed; none for the first.
        """
        ...


class Selector(Protocol):
    """Chooses from candidates that are scored."""

    @property
    def name(self) -> str:
        """What it is counted under."""
        ...

    def select(self, batch: CandidateBatch, scores: Scores, k: int) -> NDArray[np.intp]:
        """Return the places of `k` of the candidates, best first; of all where there are fewer."""
        ...


class Passed(NamedTuple):
    """How many items went into a component and how many it let through, in how many seconds.

    Nothing goes into a source. Seconds are 0 where no clock runs.
    """

    entered: int
    stayed: int
    seconds: float


class Watch:
    """Counts what passes each component, by name, added up over all lists: `passed`.

    Arguments:
        clock: returns seconds. None: times are not taken.
    """

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self.passed: dict[str, Passed] = {}
        self._clock = clock
        self._since = 0.0

    def begin(self) -> None:
        """Let the time of the next component begin now."""
        if self._clock is not None:
            self._since = self._clock()

    def note(self, name: str, entered: int, stayed: int) -> None:
        """Count what passed a component, whose time ends now and that of the next begins."""
        before, seconds = self.passed.get(name, Passed(0, 0, 0.0)), 0.0
        if self._clock is not None:
            now = self._clock()
            seconds, self._since = now - self._since, now
        self.passed[name] = Passed(
            before.entered + entered, before.stayed + stayed, before.seconds + seconds
        )


def named_by(sources: Iterable[Source], context: Context, watch: Watch | None) -> list[Numbers]:
    """Return what each of the sources names."""
    listed = []
    for source in sources:
        listed.append(source.candidates(context))
        if watch is not None:
            watch.note(source.name, 0, len(listed[-1]))
    return listed


def kept_by(
    filters: Sequence[Filter], ids: Numbers, context: Context, watch: Watch | None
) -> NDArray[np.intp]:
    """Return the places of the items `ids` (n,) that all filters keep, in their order."""
    places = np.arange(len(ids))
    for rule in filters:
        kept = places[rule.keep(ids[places], context)]
        if watch is not None:
            watch.note(rule.name, len(places), len(kept))
        places = kept
    return places


class NamedSource(NamedTuple):
    """A source that is a function."""

    name: str
    candidates: Callable[[Context], Numbers]


def retrieval_of(signals: Signals) -> Retrieval:
    """Return the sources that name candidates whatever a user took, and no filter."""

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
