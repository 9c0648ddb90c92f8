"""Candidates for one user, and what the rows of their recent items say of each.

Candidates come from the signals: items seen together with the user's recent ones, items
that follow them, items close in meaning, what a search asks for, popular ones (of all, of
now, of the user's stage), fresh ones, and a few drawn at random as plain negatives. A
cheap score keeps the best few hundred, so the cost does not grow with the catalogue.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.ranking.again import again, known_of
from learners.ranking.candidate_kernels import find_rows, gather, weigh
from learners.ranking.components import Filter, Retrieval, Watch, kept_by, named_by
from learners.ranking.context import Context
from learners.signals.added import SURE
from learners.signals.neighbour_kernels import TOGETHER
from learners.signals.popularity import TOTAL, stage_of
from learners.signals.searches import counts_after, favour
from learners.signals.tables import Signals

Floats = NDArray[np.float64]

_SEARCH = 4.0  # what being asked for counts in the cheap score
_SURE = 32  # of what is nearest to a search, and of what holds its words, so many stay
_WEIGHT_REACH = 10.0


class Rows(NamedTuple):
    """Which of the recent items (by their `places`) have neighbour rows, and their numbers.

    `reach` is what each of them counts for in a candidate's score; the squares sum to 1.
    """

    places: NDArray[np.intp]
    numbers: NDArray[np.int32]
    near_places: NDArray[np.intp]
    near_numbers: NDArray[np.int32]
    reach: Floats


class Candidates(NamedTuple):
    """Distinct items (n,) that may be shown, with what speaks for each.

    `sizes` (3, n): one more than an item's decayed count (its strength), one over the root of
    that (its spread), its count among users of the same stage. `sums` (n, 7) are over the rows
    of the recent items: together over all and over the newest; transitions from the newest and
    from the last step; cosines, their sum and the highest; item-to-item weights. `after` (n,)
    is how often each was taken after searches like the user's newest, 0 where they never searched.
    """

    ids: NDArray[np.int32]
    sizes: Floats
    sums: Floats
    after: NDArray[np.float32]


def rows_of(signals: Signals, context: Context) -> Rows:
    """Look up the neighbour rows of recent items."""
    places, numbers, near_places, near_numbers = find_rows(
        signals.neighbours.row_of, signals.semantic.row_of, context.recent
    )
    reach = np.exp(context.back[places] / -_WEIGHT_REACH)
    reach /= math.sqrt(max(float(reach.dot(reach)), 1e-9))
    return Rows(places, numbers, near_places, near_numbers, reach)


def candidates_of(
    signals: Signals,
    context: Context,
    parts: Retrieval,
    watch: Watch | None = None,
    *,
    negatives: bool,
    least: int = 1,
) -> tuple[Candidates, Rows]:
    """Return the candidates of a user, the best few hundred by a cheap score, and the rows.

    `negatives` draws some more at random, keyed by the position. Where fewer than `least` are
    named and kept, the most popular of all others that the filters keep fill up.
    """
    rows, filters = rows_of(signals, context), parts.filters
    added = named_by(parts.added, context, watch) if parts.added else []
    listed = named_by(parts.sources, context, watch) + added
    if negatives:
        listed += named_by((parts.drawn,), context, watch)
    popularity, scales = signals.popularity, signals.popularity.scales(context.position)
    ids, sums = _gathered(signals, context, rows, listed, scales[TOTAL])
    if watch is not None:
        _note_gathered(signals, rows, listed, ids, watch)
    if filters:
        ids, sums = _kept(filters, ids, sums, context, watch)
    if len(ids) < least:
        listed.append(_reserve(signals, ids, context, filters))
        ids, sums = _gathered(signals, context, rows, listed, scales[TOTAL])
        if filters:
            ids, sums = _kept(filters, ids, sums, context, None)
        if watch is not None:
            watch.note("reserve", 0, len(listed[-1]))
    stage = stage_of(context.steps)
    sizes, rough = weigh(
        ids,
        sums,
        popularity.counts[TOTAL],
        scales[TOTAL],
        popularity.counts[stage],
        scales[stage],
    )
    after, named_so_far = _after(signals, ids, context), len(ids)
    kept = _shortlist(signals, context, ids, rough, after, added)
    if kept is not None:
        ids, sums, sizes = ids.take(kept), sums.take(kept, axis=0), sizes.take(kept, axis=1)
        after = after.take(kept)
    if watch is not None:
        watch.note("shortlist", named_so_far, len(ids))
    return Candidates(ids, sizes, sums, after), rows


def _kept(
    filters: tuple[Filter, ...],
    ids: NDArray[np.int32],
    sums: Floats,
    context: Context,
    watch: Watch | None,
) -> tuple[NDArray[np.int32], Floats]:
    """Return the items that the filters keep, with their sums."""
    places = kept_by(filters, ids, context, watch)
    return ids[places], sums[places]


def _note_gathered(
    signals: Signals,
    rows: Rows,
    listed: list[NDArray[np.int32]],
    ids: NDArray[np.int32],
    watch: Watch,
) -> None:
    """Count what went into the compiled loop, which is two sources and two filters in one.

    The first of them is given the time of all.
    """
    together = signals.neighbours.ids[rows.numbers].ravel()
    meaning = signals.semantic.near[rows.near_numbers].ravel()
    watch.note("together", 0, int(np.count_nonzero(together >= 0)))
    watch.note("meaning", 0, int(np.count_nonzero(meaning >= 0)))
    mentioned = np.unique(np.concatenate((together, meaning, *listed)))
    mentioned = mentioned[mentioned >= 0]
    there = int(np.count_nonzero(~signals.blocked[mentioned]))
    watch.note("gone", len(mentioned), there)
    watch.note("known", there, len(ids))
    watch.begin()


def _gathered(
    signals: Signals,
    context: Context,
    rows: Rows,
    listed: list[NDArray[np.int32]],
    scale: float,
) -> tuple[NDArray[np.int32], Floats]:
    """Return the distinct candidates (n,) and what the rows say of each (n, 7).

    `scale` is that of the counts of all time.
    """
    neighbours, semantic = signals.neighbours, signals.semantic
    return gather(
        neighbours.ids,
        neighbours.counts,
        float(neighbours.unit(context.position)),
        rows.places,
        rows.numbers,
        rows.reach,
        semantic.near,
        semantic.cosines,
        rows.near_places,
        rows.near_numbers,
        context.recent,
        context.back,
        np.concatenate(listed),
        signals.blocked,
        context.apart,
        signals.slot,
        signals.popularity.counts[TOTAL],
        scale,
    )


def _reserve(
    signals: Signals, ids: NDArray[np.int32], context: Context, filters: tuple[Filter, ...]
) -> NDArray[np.int32]:
    """Return what else may be shown, the most popular first."""
    rest = signals.items.in_order()
    rest = np.setdiff1d(rest, context.apart, assume_unique=True)
    rest = np.setdiff1d(rest, ids, assume_unique=True)
    if filters:
        rest = rest[kept_by(filters, rest.astype(np.int32), context, None)]
    counts = signals.popularity.read(TOTAL, rest, context.position)
    best = rest[np.lexsort((rest, -counts))][: signals.settings.candidates]
    return best.astype(np.int32)


def _shortlist(
    signals: Signals,
    context: Context,
    ids: NDArray[np.int32],
    rough: Floats,
    after: NDArray[np.float32],
    added: list[NDArray[np.int32]],
) -> NDArray[np.intp] | None:
    """Return the places of the best by a cheap score; None where there are few enough.

    What a language model named, and what each of the `added` signals named first, stays beside
    them, in nobody's place.
    """
    most, sure = signals.settings.candidates + len(context.generated.ids), None
    if added:
        sure = np.unique(_places(signals, ids, *(each[:SURE] for each in added)))
        most += len(sure)
    if len(ids) <= most:
        return None
    if context.repeats:
        rough += 2.0 * again(known_of(signals, ids, context), context)[2]
    if context.search is not None:
        search = context.search
        favour(rough, ids, search.near, after, _SEARCH, signals.slot)
        rough[_places(signals, ids, search.near[:_SURE], search.matched[:_SURE])] = np.inf
    if len(context.generated.ids):
        rough[named(signals, ids, context)[0] > 0.0] = np.inf
    if sure is not None:
        rough[sure] = np.inf
    kept = np.argpartition(-rough, most - 1)[:most]
    kept.sort()
    return kept


def _places(
    signals: Signals, ids: NDArray[np.int32], *wanted: NDArray[np.int32]
) -> NDArray[np.intp]:
    """Return the places of wanted items among `ids` (n,), less those that are not there."""
    slot = signals.slot
    slot[ids] = np.arange(len(ids))
    places = slot[np.concatenate(wanted)]
    slot[ids] = -1
    return places[places >= 0]


def _after(signals: Signals, ids: NDArray[np.int32], context: Context) -> NDArray[np.float32]:
    """Return how often items (n,) were taken after searches like the user's newest."""
    table = signals.searched
    row = -1 if context.search is None else table.row(context.search.hub)
    if row < 0:
        return np.zeros(len(ids), np.float32)
    unit = table.unit(context.position)
    return counts_after(ids, table.ids[row], table.counts[TOGETHER, row], unit, signals.slot)


def named(signals: Signals, ids: NDArray[np.int32], context: Context) -> NDArray[np.float32]:
    """Return the two figures (2, n) float32 of what a language model named; 0 for all else."""
    found = np.zeros((2, len(ids)), np.float32)
    offered, slot = context.generated, signals.slot
    slot[ids] = np.arange(len(ids))
    place = slot[offered.ids]
    slot[ids] = -1
    found[:, place[place >= 0]] = offered.rows[:, place >= 0]
    return found
