"""Candidates for one user, and what the rows of their recent items say of each.

Candidates come from the signals: items seen together with the user's recent ones,
items that follow them, items close in meaning, popular ones (of all, of now, of the
user's stage), fresh ones, and a few drawn at random as plain negatives. A cheap score
keeps the best few hundred, so the cost does not grow with the catalogue.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.compiled import compiled
from learners.context import Context
from learners.neighbours import PULL
from learners.popularity import LONG, SHORT, TOTAL, stage_of
from learners.signals import Signals

Floats = NDArray[np.float64]

_OWN = 300  # of the user's own items, the newest so many are candidates where repeats are on
_LONG_REACH, _SHORT_REACH = 15.0, 3.0
_NEWEST = 10  # beyond so many steps the short reach adds nothing
_SUMS = 7
_PULL_REACH = 10.0
_STEPS = np.arange(1_000)
_SHORT_WEIGHTS = np.exp(-_STEPS / _SHORT_REACH)
_REACHES = np.array(
    [np.exp(-_STEPS / _LONG_REACH), _SHORT_WEIGHTS * (_STEPS < _NEWEST), _STEPS == 0]
)
_PULL_WEIGHTS = np.exp(-_STEPS / _PULL_REACH)


class Rows(NamedTuple):
    """Which of the recent items (by their `steps`) have neighbour rows, and their numbers.

    `reach` is what each of them weighs in the pull on a candidate; the squares sum to 1.
    """

    steps: NDArray[np.intp]
    numbers: NDArray[np.int32]
    near_steps: NDArray[np.intp]
    near_numbers: NDArray[np.int32]
    reach: Floats


class Candidates(NamedTuple):
    """Distinct items (n,) that may be shown, with what speaks for each, all (n,) float64.

    `strength` is one more than an item's decayed count, `spread` one over its root,
    `at_stage` its count among users of the same stage. The rest are sums over the rows
    of the recent items: `together` over all, `together_now` over the newest, `follows`
    and `follows_last` of transitions from the newest and from the last one, `meaning`
    of cosines and `meaning_best` the highest of them, `pull` of learnt pulls.
    """

    ids: NDArray[np.int32]
    strength: Floats
    spread: Floats
    at_stage: Floats
    together: Floats
    together_now: Floats
    follows: Floats
    follows_last: Floats
    meaning: Floats
    meaning_best: Floats
    pull: Floats


def rows_of(signals: Signals, recent: NDArray[np.int32]) -> Rows:
    """Look up the neighbour rows of recent items."""
    row_of, near_of = signals.neighbours.row_of[recent], signals.meanings.row_of[recent]
    steps, near_steps = np.flatnonzero(row_of >= 0), np.flatnonzero(near_of >= 0)
    reach = _PULL_WEIGHTS[steps]
    reach /= math.sqrt(max(float(reach.dot(reach)), 1e-9))
    return Rows(steps, row_of[steps], near_steps, near_of[near_steps], reach)


def candidates_of(
    signals: Signals, context: Context, *, negatives: bool, least: int = 1
) -> tuple[Candidates, Rows]:
    """Give the candidates of a user, the best few hundred by a cheap score, and the rows.

    `negatives` draws some more at random, keyed by the position. Where the signals name
    fewer than `least`, the most popular of all others fill up.
    """
    rows = rows_of(signals, context.recent)
    listed = _listed(signals, context)
    if negatives:
        listed.append(_drawn(signals, context.position))
    ids, sums = _gathered(signals, context, rows, np.concatenate(listed))
    if len(ids) < least:
        rest = _rest(signals, ids, context)
        ids = np.concatenate((ids, rest))
        sums = np.concatenate((sums, np.zeros((len(rest), _SUMS))))
    popularity, stage = signals.popularity, stage_of(context.length)
    sizes, rough = weigh(
        ids,
        sums,
        popularity.counts[TOTAL],
        popularity.scale(TOTAL, context.position),
        popularity.counts[stage],
        popularity.scale(stage, context.position),
    )
    kept = _shortlist(signals, context, ids, rough)
    if kept is not None:
        ids, sums, sizes = ids[kept], sums[kept], sizes[:, kept]
    return Candidates(ids, *sizes, *np.ascontiguousarray(sums.T)), rows


def _gathered(
    signals: Signals, context: Context, rows: Rows, listed: NDArray[np.int32]
) -> tuple[NDArray[np.int32], Floats]:
    """Give the distinct candidates (n,) and what the rows say of each (n, 7)."""
    neighbours, meanings = signals.neighbours, signals.meanings
    strength = signals.popularity.read(TOTAL, context.recent[rows.steps], context.position)
    rooted = np.sqrt(strength + 1.0)
    weights = np.empty((4, len(rows.steps)))
    weights[:3] = 1.0 / (rooted * float(neighbours.unit(context.position)))
    weights[2] /= rooted
    weights[:3] *= _REACHES[:, rows.steps]
    weights[3] = rows.reach
    return gather(
        neighbours.ids,
        neighbours.counts,
        rows.numbers,
        weights,
        meanings.near,
        meanings.cosines,
        rows.near_numbers,
        _SHORT_WEIGHTS[rows.near_steps],
        listed,
        signals.blocked,
        context.taken[0, : 0 if context.repeats else None],
        signals.slot,
    )


@compiled
def gather(  # noqa: C901, PLR0913, PLR0917 - arrays cross into compiled code one by one
    ids: NDArray[np.int32],
    counts: NDArray[np.float32],
    numbers: NDArray[np.int32],
    weights: Floats,
    near: NDArray[np.int32],
    cosines: NDArray[np.float32],
    near_numbers: NDArray[np.int32],
    near_weights: Floats,
    listed: NDArray[np.int32],
    blocked: NDArray[np.bool_],
    had: NDArray[np.int32],
    slot: NDArray[np.intp],
) -> tuple[NDArray[np.int32], Floats]:
    """Collect what rows and lists name, each item once, in the order of first mention.

    `weights` (4, r) weigh the rows `numbers` (r,) of `ids` and `counts` for the first
    four sums and the last, `near_weights` the rows `near_numbers` for the two between.
    `slot` holds -1 everywhere, before and after; `blocked` is left as it was. Gives items
    (n,) and their sums (n, 7).
    """
    room = numbers.size * ids.shape[1] + near_numbers.size * near.shape[1] + listed.size
    found = np.empty(room, np.int32)
    sums = np.empty((room, _SUMS))
    n = 0
    was = blocked[had]
    blocked[had] = True
    for step in range(numbers.size):
        row = numbers[step]
        long, short, last = weights[0, step], weights[1, step], weights[2, step]
        reach = weights[3, step]
        for column in range(ids.shape[1]):
            item = ids[row, column]
            if blocked[item]:
                continue
            place = slot[item]
            if place < 0:
                place = slot[item] = n
                found[n] = item
                sums[n] = 0.0
                n += 1
            together, following = counts[0, row, column], counts[1, row, column]
            sums[place, 0] += long * together
            sums[place, 1] += short * together
            sums[place, 2] += short * following
            sums[place, 3] += last * following
            sums[place, 6] += reach * counts[PULL, row, column]
    for step in range(near_numbers.size):
        row, weight = near_numbers[step], near_weights[step]
        for column in range(near.shape[1]):
            item = near[row, column]
            if blocked[item]:
                continue
            place = slot[item]
            if place < 0:
                place = slot[item] = n
                found[n] = item
                sums[n] = 0.0
                n += 1
            cosine = cosines[row, column]
            sums[place, 4] += weight * cosine
            sums[place, 5] = max(sums[place, 5], cosine)
    for item in listed:
        if not blocked[item] and slot[item] < 0:
            slot[item] = n
            found[n] = item
            sums[n] = 0.0
            n += 1
    blocked[had] = was
    slot[found[:n]] = -1
    return found[:n].copy(), sums[:n].copy()


def _listed(signals: Signals, context: Context) -> list[NDArray[np.int32]]:
    """Give the lists that name candidates whatever the recent items are."""
    channels = (stage_of(context.length), LONG, SHORT)
    listed = [signals.popularity.top(channel) for channel in channels]
    listed.append(np.array(signals.fresh, np.int32))
    if context.repeats:
        listed.append(context.taken[0, -_OWN:])
    if len(context.generated.ids):
        listed.append(context.generated.ids)
    return listed


def _drawn(signals: Signals, position: int) -> NDArray[np.int32]:
    """Draw items of the stream evenly, keyed by seed and position.

    A Weyl sequence: multiples of the golden ratio, modulo 1, spread over all items.
    """
    n, draws = len(signals.items), signals.settings.sampled
    start = (position * draws + signals.settings.seed) & 0xFFFFFFFF
    turns = (start + np.arange(draws, dtype=np.uint64)) * _GOLDEN >> np.uint64(40)
    picked = (turns * np.uint64(n) >> np.uint64(24)).astype(np.int32)
    return picked[signals.items.streamed[picked]] if n else picked[:0]


def _rest(signals: Signals, ids: NDArray[np.int32], context: Context) -> NDArray[np.int32]:
    """Give what else may be shown, the most popular first."""
    rest = signals.items.in_order()
    if not context.repeats:
        rest = np.setdiff1d(rest, context.taken[0], assume_unique=True)
    rest = np.setdiff1d(rest, ids, assume_unique=True)
    counts = signals.popularity.read(TOTAL, rest, context.position)
    best = rest[np.lexsort((rest, -counts))][: signals.settings.candidates]
    return best.astype(np.int32)


@compiled
def weigh(
    ids: NDArray[np.int32],
    sums: Floats,
    total: Floats,
    total_scale: float,
    stage: Floats,
    stage_scale: float,
) -> tuple[Floats, Floats]:
    """Give strength, spread and count at the stage (3, n), and the cheap score (n,)."""
    n = ids.size
    sizes, rough = np.empty((3, n)), np.empty(n)
    most = np.full(5, 1e-3)
    for place in range(n):
        item = ids[place]
        sizes[0, place] = total[item] * total_scale + 1.0
        sizes[1, place] = 1.0 / np.sqrt(sizes[0, place])
        sizes[2, place] = stage[item] * stage_scale
        for part in range(3):
            most[part] = max(most[part], sums[place, part] * sizes[1, place])
        most[3] = max(most[3], sums[place, 4])
        most[4] = max(most[4], sizes[2, place])
    for place in range(n):
        seen = sums[place, 0] / most[0] + sums[place, 1] / most[1] + sums[place, 2] / most[2]
        rough[place] = 2.0 * seen * sizes[1, place]
        rough[place] += 0.3 * sums[place, 4] / most[3] + sizes[2, place] / most[4]
    return sizes, rough


def _shortlist(
    signals: Signals, context: Context, ids: NDArray[np.int32], rough: Floats
) -> NDArray[np.intp] | None:
    """Give the places of the best by a cheap score; None where there are few enough.

    What a language model named stays beside them, in nobody's place.
    """
    most = signals.settings.candidates + len(context.generated.ids)
    if len(ids) <= most:
        return None
    if context.repeats:
        rough += 2.0 * again(signals, ids, context)[2]
    if len(context.generated.ids):
        rough[named(signals, ids, context)[0] > 0.0] = np.inf
    kept = np.argpartition(-rough, most - 1)[:most]
    kept.sort()
    return kept


def again(signals: Signals, ids: NDArray[np.int32], context: Context) -> NDArray[np.float32]:
    """Give whether, how often and how lately (3, n) float32 the user took each item."""
    found = np.zeros((3, len(ids)), np.float32)
    taken, slot = context.taken, signals.slot
    slot[ids] = np.arange(len(ids))
    place = slot[taken[0]]
    slot[ids] = -1
    # What was taken at this very time is not to be seen yet.
    known = (place >= 0) & (taken[2] < context.length)
    place, often, at = place[known], taken[1, known], taken[2, known]
    found[0, place] = 1.0
    found[1, place] = np.log1p(often)
    found[2, place] = 1.0 / np.sqrt(context.length - at)
    return found


def named(signals: Signals, ids: NDArray[np.int32], context: Context) -> NDArray[np.float32]:
    """Give the two figures (2, n) float32 of what a language model named; 0 for all else."""
    found = np.zeros((2, len(ids)), np.float32)
    offered, slot = context.generated, signals.slot
    slot[ids] = np.arange(len(ids))
    place = slot[offered.ids]
    slot[ids] = -1
    found[:, place[place >= 0]] = offered.rows[:, place >= 0]
    return found


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
