"""Items in the order of one figure: together with an item, next after it, popular, rising, new.

And what is taken less and less.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.online_model.queries.filters import OnlyCategories
from learners.signals.neighbour_kernels import NEXT, TOGETHER
from learners.signals.popularity import LONG, SHORT, TOTAL
from learners.signals.tables import Signals

Floats = NDArray[np.float64]
Numbers = NDArray[np.int32]


class Figures(NamedTuple):
    """Items (n,) with the figures (n,) that order them; neither is in an order yet."""

    items: Numbers
    figures: Floats


NOTHING = Figures(np.zeros(0, np.int32), np.zeros(0))


def best_of(
    signals: Signals, found: Figures, k: int, only: OnlyCategories | None, above: float = 0.0
) -> Figures:
    """Return the `k` items of the highest figures above `above` that may be listed, best first.

    Equal figures by number, the order of first mention.
    """
    items, figures = found
    kept = (figures > above) & ~signals.blocked[items]
    if only is not None:
        kept &= only.keep(items)
    items, figures = items[kept], figures[kept]
    order = np.lexsort((items, -figures))[:k]
    return Figures(items[order], figures[order])


def together_with(signals: Signals, item: int, position: int) -> Figures:
    """Return what is taken near an item, by the cosine of counts, which fade.

    0 for never, about 1 for always, more where both come again and again.
    """
    row = signals.neighbours.row_out(item)
    if row is None:
        return NOTHING
    _, ids, counts = row
    popularity, at = signals.popularity, max(position, 0)
    totals, scale = popularity.counts[TOTAL], popularity.scale(TOTAL, at)
    sizes = totals[ids] * totals[item] * scale**2
    pairs = counts[TOGETHER] / signals.neighbours.unit(at)
    return _others(item, ids, pairs / np.sqrt(np.maximum(sizes, 1e-12)))


def next_after(signals: Signals, item: int) -> Figures:
    """Return what is taken right after an item, each by its share of all that is."""
    row = signals.neighbours.row_out(item)
    if row is None:
        return NOTHING
    _, ids, counts = row
    following = np.where(ids == item, 0.0, counts[NEXT].astype(np.float64))
    return _others(item, ids, following / max(float(following.sum()), 1e-12))


def popular(signals: Signals, position: int) -> Figures:
    """Return all items by how often they are taken, each taking as 1; it fades."""
    items = _all(signals)
    return Figures(items, signals.popularity.takings(LONG, items, max(position, 0)))


def trending(signals: Signals, position: int) -> Figures:
    """Return the items that are taken more of late than in the long run.

    By what each adds to the divergence (nats) of the short run's shares from the long run's: share
    times the logarithm of how many times larger it became. A rare item that came twice does not
    lead as it would by the ratio alone.
    """
    items, short, long = _shares(signals, position)
    return Figures(items, _divergence(short, long))


def falling(signals: Signals, position: int) -> Figures:
    """Return the items that are taken less of late than in the long run.

    By what each adds to the divergence (nats) of the long run's shares from the short run's, the
    other way round than `trending`: what was never taken much does not lead.
    """
    items, short, long = _shares(signals, position)
    return Figures(items, _divergence(long, short))


def latest(signals: Signals) -> Figures:
    """Return the items by when they were first heard of: the shard position then, plus 1.

    Items that came before the first event are all of position 0: of those the later number.
    """
    items = _all(signals)
    first = signals.items.first[items]
    order = np.lexsort((items, first))
    places = np.empty(len(items))
    places[order] = np.arange(1, len(items) + 1)
    return Figures(items, places)


def _shares(signals: Signals, position: int) -> tuple[Numbers, Floats, Floats]:
    """Return all items with their shares of what is taken, of late and in the long run."""
    items, at, popularity = _all(signals), max(position, 0), signals.popularity
    short, long = (
        popularity.takings(channel, items, at) / popularity.most(channel, at)
        for channel in (SHORT, LONG)
    )
    return items, short, long


def _divergence(shares: Floats, others: Floats) -> Floats:
    """Return what each item adds to the divergence (nats) of its shares from the others."""
    known = (shares > 0.0) & (others > 0.0)
    ratio = np.divide(shares, others, out=np.ones(len(shares)), where=known)
    return shares * np.log(ratio)


def _all(signals: Signals) -> Numbers:
    return signals.items.in_order().astype(np.int32)


def _others(item: int, ids: Numbers, figures: NDArray[np.floating]) -> Figures:
    """Return the figures of a row, less its owner and its empty places."""
    kept = (ids >= 0) & (ids != item)
    return Figures(ids[kept], figures[kept].astype(np.float64))
