"""Candidates for one user, and what the rows of their recent items say of each.

Candidates come from the signals: items seen together with the user's recent ones,
items that follow them, items close in meaning, popular ones (of all, of now, of the
user's stage), fresh ones, and a few drawn at random as plain negatives. A cheap score
keeps the best few hundred, so the cost does not grow with the catalogue.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.context import Context
from learners.neighbours import NEXT, TOGETHER
from learners.popularity import LONG, SHORT, TOTAL, stage_of
from learners.signals import Signals

Floats = NDArray[np.float64]

_OWN = 300  # of the user's own items, the newest so many are candidates where repeats are on
_LONG_REACH, _SHORT_REACH = 15.0, 3.0
_NEWEST = 10  # beyond so many steps the short reach adds nothing
_FLOOR = 1e-3
_MOST_STEPS = 1_000
_STEPS = np.arange(_MOST_STEPS)
_LONG_WEIGHTS = np.exp(-_STEPS / _LONG_REACH)
_SHORT_WEIGHTS = np.exp(-_STEPS / _SHORT_REACH)


class Rows(NamedTuple):
    """The neighbour rows of the recent items: `steps` (r,) says which of them has one."""

    steps: NDArray[np.intp]
    numbers: NDArray[np.int32]
    together: NDArray[np.int32]
    near_steps: NDArray[np.intp]
    near: NDArray[np.int32]
    cosines: NDArray[np.float32]


class Candidates(NamedTuple):
    """Distinct items (n,) that may be shown, with what speaks for each, all (n,) float64.

    `strength` is one more than an item's decayed count, `spread` one over its root,
    `at_stage` its count among users of the same stage. The rest are sums over the rows
    of the recent items: `together` over all, `together_now` over the newest, `follows`
    and `follows_last` of transitions from the newest and from the last one, `meaning`
    of cosines and `meaning_best` the highest of them.
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

    def at(self, places: NDArray[np.intp]) -> Candidates:
        """Keep these only."""
        return Candidates(
            self.ids[places],
            self.strength[places],
            self.spread[places],
            self.at_stage[places],
            self.together[places],
            self.together_now[places],
            self.follows[places],
            self.follows_last[places],
            self.meaning[places],
            self.meaning_best[places],
        )


def rows_of(signals: Signals, recent: NDArray[np.int32]) -> Rows:
    """Look up the neighbour rows of recent items."""
    row_of, near_of = signals.neighbours.row_of[recent], signals.meanings.row_of[recent]
    steps, near_steps = np.flatnonzero(row_of >= 0), np.flatnonzero(near_of >= 0)
    row_of, near_of = row_of[steps], near_of[near_steps]
    return Rows(
        steps,
        row_of,
        signals.neighbours.ids[row_of],
        near_steps,
        signals.meanings.near[near_of],
        signals.meanings.cosines[near_of],
    )


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
    named = np.concatenate((rows.together.ravel(), rows.near.ravel(), *listed)).astype(np.intp)
    order = np.arange(len(named))
    # The last place of an item among the named ones stands for all of its places.
    signals.slot[named] = order
    place = signals.slot.take(named)
    own = _allowed(signals, named, np.flatnonzero(place == order), context)
    if len(own) < least:
        rest = _rest(signals, named[own], context)
        own = np.concatenate((own, np.arange(len(named), len(named) + len(rest))))
        named = np.concatenate((named, rest))
    ids = named[own].astype(np.int32)
    strength = signals.popularity.read(TOTAL, ids, context.position) + 1.0
    candidates = Candidates(
        ids,
        strength,
        1.0 / np.sqrt(strength),
        signals.popularity.read(stage_of(context.length), ids, context.position),
        *_row_sums(signals, context, rows, place, own),
        *_near_sums(rows, place, own),
    )
    return _shortlist(signals, candidates, context), rows


def _listed(signals: Signals, context: Context) -> list[NDArray[np.int32]]:
    """Give the lists that name candidates whatever the recent items are."""
    channels = (stage_of(context.length), LONG, SHORT)
    listed = [signals.popularity.top(channel) for channel in channels]
    listed.append(np.array(signals.fresh, np.int32))
    if context.repeats:
        listed.append(context.taken[0, -_OWN:])
    return listed


def _allowed(
    signals: Signals, named: NDArray[np.intp], places: NDArray[np.intp], context: Context
) -> NDArray[np.intp]:
    """Keep the places of what may be recommended and, without repeats, is not had yet."""
    blocked = signals.blocked
    if context.repeats:
        return places[~blocked[named[places]]]
    had = context.taken[0]
    was = blocked[had]
    blocked[had] = True
    allowed = places[~blocked[named[places]]]
    blocked[had] = was
    return allowed


def _drawn(signals: Signals, position: int) -> NDArray[np.int32]:
    """Draw items of the stream evenly, keyed by seed and position.

    A Weyl sequence: multiples of the golden ratio, modulo 1, spread over all items.
    """
    n, draws = len(signals.items), signals.settings.sampled
    start = (position * draws + signals.settings.seed) & 0xFFFFFFFF
    turns = (start + np.arange(draws, dtype=np.uint64)) * _GOLDEN >> np.uint64(40)
    picked = (turns * np.uint64(n) >> np.uint64(24)).astype(np.int32)
    return picked[signals.items.streamed[picked]] if n else picked[:0]


def _rest(signals: Signals, ids: NDArray[np.intp], context: Context) -> NDArray[np.int32]:
    """Give what else may be shown, the most popular first."""
    rest = signals.items.in_order()
    if not context.repeats:
        rest = np.setdiff1d(rest, context.taken[0], assume_unique=True)
    rest = np.setdiff1d(rest, ids, assume_unique=True)
    counts = signals.popularity.read(TOTAL, rest, context.position)
    best = rest[np.lexsort((rest, -counts))][: signals.settings.candidates]
    return best.astype(np.int32)


def _row_sums(
    signals: Signals,
    context: Context,
    rows: Rows,
    place: NDArray[np.intp],
    own: NDArray[np.intp],
) -> tuple[Floats, Floats, Floats, Floats]:
    """Add up the counts of rows, `place` saying where each entry's item is told by `own`."""
    if not len(rows.steps) or not len(own):
        none = np.zeros(len(own))
        return none, none, none, none
    strength = signals.popularity.read(TOTAL, context.recent[rows.steps], context.position)
    unit = float(signals.neighbours.unit(context.position))
    damped = 1.0 / (np.sqrt(strength + 1.0) * unit)
    width, room = rows.together.shape[1], max(len(place), int(own[-1]) + 1)

    def add(channel: int, weight: Floats) -> Floats:
        weighted = signals.neighbours.counts[channel, rows.numbers[: len(weight)]]
        weighted *= weight.astype(np.float32)[:, None]
        sums = np.bincount(place[: width * len(weight)], weighted.ravel(), room)
        return sums.astype(np.float64, copy=False)[own]

    newest = int(np.searchsorted(rows.steps, _NEWEST))
    short = _SHORT_WEIGHTS[rows.steps[:newest]] * damped[:newest]
    last = int(rows.steps[0] == 0)
    return (
        add(TOGETHER, _LONG_WEIGHTS[rows.steps] * damped),
        add(TOGETHER, short),
        add(NEXT, short),
        add(NEXT, damped[:last] / np.sqrt(strength[:last] + 1.0)),
    )


def _near_sums(rows: Rows, place: NDArray[np.intp], own: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Add up the cosines of rows, and give the best; `place` and `own` as in `_row_sums`."""
    if not len(rows.near_steps) or not len(own):
        return np.zeros(len(own)), np.zeros(len(own))
    room = max(len(place), int(own[-1]) + 1)
    start = rows.together.size
    place = place[start : start + rows.near.size]
    weighted = rows.cosines * _SHORT_WEIGHTS[rows.near_steps].astype(np.float32)[:, None]
    total = np.bincount(place, weighted.ravel(), room).astype(np.float64, copy=False)
    best = np.zeros(room, np.float32)
    np.maximum.at(best, place, rows.cosines.ravel())
    return total[own], best[own].astype(np.float64)


def _shortlist(signals: Signals, candidates: Candidates, context: Context) -> Candidates:
    """Keep the best by a cheap score; all, where they are few enough."""
    most = signals.settings.candidates
    if len(candidates.ids) <= most:
        return candidates
    rough = candidates.at_stage / (candidates.at_stage.max() + _FLOOR)
    for part in (candidates.together, candidates.together_now, candidates.follows):
        spread = part * candidates.spread
        spread *= 2.0 / (spread.max() + _FLOOR)
        rough += spread
    rough += candidates.meaning * (0.3 / (candidates.meaning.max() + _FLOOR))
    if context.repeats:
        rough += 2.0 * again(signals, candidates.ids, context)[2]
    kept = np.argpartition(-rough, most - 1)[:most]
    kept.sort()
    return candidates.at(kept)


def again(signals: Signals, ids: NDArray[np.int32], context: Context) -> NDArray[np.float32]:
    """Give whether, how often and how lately (3, n) float32 the user took each item."""
    found = np.zeros((3, len(ids)), np.float32)
    taken, slot = context.taken, signals.slot
    slot[taken[0]] = len(ids)
    slot[ids] = np.arange(len(ids))
    place = slot[taken[0]]
    # What was taken at this very time is not to be seen yet.
    known = (place < len(ids)) & (taken[2] < context.length)
    place, often, at = place[known], taken[1, known], taken[2, known]
    found[0, place] = 1.0
    found[1, place] = np.log1p(often)
    found[2, place] = 1.0 / np.sqrt(context.length - at)
    return found


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
