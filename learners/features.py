"""Candidates for one user and their signals, as one matrix.

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

from learners.items import ItemTable
from learners.meaning import Meanings
from learners.neighbours import NEXT, TOGETHER, Neighbours
from learners.popularity import LONG, SHORT, TOTAL, Popularity, stage_of
from learners.settings import LearnerSettings

FEATURES = (
    "popular",
    "trending",
    "popular_at_stage",
    "count",
    "age_since_last",
    "together",
    "together_now",
    "follows",
    "together_raw",
    "follows_last",
    "together_share",
    "meaning",
    "meaning_best",
    "liking",
    "intent",
    "again",
    "again_often",
    "again_lately",
    "history",
    "has_history",
)
_OWN = 300  # of the user's own items, the newest so many are candidates where repeats are on
_LONG_REACH, _SHORT_REACH = 15.0, 3.0
_NEWEST = 10  # beyond so many steps the short reach adds nothing
_FLOOR = 1e-3
_LOGS = 10  # so many features, the first, are logarithms


class Context(NamedTuple):
    """A user at one moment: `recent` (m,) distinct items, newest first, and the rest.

    `taken` (3, m) is as in `learners.history.User`; where `repeats` is off, its items
    are no candidates. `liking` and `intent` are per category number (c,), empty where unknown.
    """

    recent: NDArray[np.int32]
    length: int
    taken: NDArray[np.int32]
    repeats: bool
    position: int
    liking: NDArray[np.float32]
    intent: NDArray[np.float32]


class Signals:
    """All per-item signals, and how they become candidates and feature rows."""

    def __init__(self, settings: LearnerSettings) -> None:
        self.settings = settings
        self.items = ItemTable()
        self.popularity = Popularity(
            settings.popularity_half_life,
            settings.trend_half_life,
            settings.count_half_life,
            settings.stage_half_life,
        )
        self.neighbours = Neighbours(
            settings.neighbours, settings.window, settings.count_half_life
        )
        self.meanings = Meanings(settings.dim, settings.similar)
        self.fresh: list[int] = []
        self._blocked = np.ones(1, bool)
        self._slot = np.zeros(1, np.int32)
        steps = np.arange(settings.recent)
        self._long = np.exp(-steps / _LONG_REACH)
        self._short = np.exp(-steps / _SHORT_REACH)
        self._near = np.exp(-steps / _SHORT_REACH).astype(np.float32)

    def number(self, item_id: str, position: int) -> int:
        """Give an item's number; an item never heard of gets one, and may be recommended."""
        known = len(self.items)
        number = self.items.number(item_id, position)
        if len(self.items) > known:
            self.make_room()
            self._blocked[number] = False
        return number

    def make_room(self) -> None:
        """Let every array hold all item numbers that the table has given out."""
        n = len(self.items)
        if n < len(self._blocked):
            return
        room = max(64, 2 * n)
        self.items.make_room(room)
        self.popularity.make_room(room)
        self.neighbours.make_room(room)
        self.meanings.make_room(room)
        # One more than needed: index -1, an empty slot of a row, is always blocked.
        self._slot = np.zeros(room + 1, np.int32)
        self.block_unavailable()

    def block_unavailable(self) -> None:
        """Mark the items that may not be recommended."""
        self._blocked = np.ones(len(self._slot), bool)
        n = len(self.items)
        self._blocked[:n] = ~self.items.available[:n]

    def set_available(self, item: int, available: bool) -> None:
        """Let an item be recommended, or no longer."""
        self.items.available[item] = available
        self._blocked[item] = not available

    def add_fresh(self, item: int) -> None:
        """Put a new catalogue item among the fresh ones; the oldest of those makes room."""
        if self.settings.fresh:
            self.fresh = [*self.fresh, item][-self.settings.fresh :]

    def remove(self, item: int) -> list[int]:
        """Take an item out of every list and signal; give the items whose records changed."""
        self.set_available(item, False)
        self.fresh = [other for other in self.fresh if other != item]
        self.neighbours.forget(item)
        self.popularity.forget(item)
        return [item, *self.meanings.put(item, None)]

    def candidates(self, context: Context, negatives: bool) -> tuple[NDArray[np.int32], Rows]:
        """Give candidate numbers (n,), distinct and allowed, and the rows that named them."""
        rows = self.rows(context)
        own = context.taken[0]
        parts = [rows.together.ravel(), rows.near.ravel(), np.array(self.fresh, np.int32)]
        parts += [self.popularity.top(c) for c in (stage_of(context.length), LONG, SHORT)]
        if negatives:
            parts.append(self._drawn(context.position))
        if context.repeats:
            parts.append(own[-_OWN:])
        named = self._distinct(np.concatenate(parts))
        return self._allowed(named, own[:0] if context.repeats else own), rows

    def rows(self, context: Context) -> Rows:
        """Look up the neighbour rows of the recent items."""
        recent = context.recent
        row_of, near_of = self.neighbours.row_of[recent], self.meanings.row_of[recent]
        steps, near_steps = np.flatnonzero(row_of >= 0), np.flatnonzero(near_of >= 0)
        row_of, near_of = row_of[steps], near_of[near_steps]
        return Rows(
            steps,
            row_of,
            self.neighbours.ids[row_of],
            near_steps,
            self.meanings.near[near_of],
            self.meanings.cosines[near_of],
        )

    def _distinct(self, named: NDArray[np.int32]) -> NDArray[np.int32]:
        """Give each number once, without sorting: the last place of each is its own."""
        order = np.arange(len(named), dtype=np.int32)
        self._slot[named] = order
        return named[self._slot[named] == order]

    def _allowed(self, ids: NDArray[np.int32], had: NDArray[np.int32]) -> NDArray[np.int32]:
        """Keep what may be recommended (-1 may not) and is not among `had`."""
        blocked = self._blocked
        was = blocked[had]
        blocked[had] = True
        allowed = ids[~blocked[ids]]
        blocked[had] = was
        return allowed

    def _drawn(self, position: int) -> NDArray[np.int32]:
        """Draw items of the stream at random, keyed by seed and position (SplitMix64)."""
        n = len(self.items)
        if not n or not self.settings.sampled:
            return np.zeros(0, np.int32)
        start = (position * self.settings.sampled) & 0x7FFFFFFF
        state = (start + _DRAWS[: self.settings.sampled]) * _GOLDEN + np.uint64(self.settings.seed)
        state = (state ^ (state >> np.uint64(30))) * _MIX_1
        state = (state ^ (state >> np.uint64(27))) * _MIX_2
        drawn = (state ^ (state >> np.uint64(31))) % np.uint64(n)
        picked = drawn.astype(np.int32)
        return picked[self.items.streamed[picked]]

    def sums(self, ids: NDArray[np.int32], rows: Rows, context: Context) -> Sums:
        """Add up, for each candidate, what the rows of the recent items say of it."""
        n = len(ids)
        self._slot[rows.together] = n
        self._slot[rows.near] = n
        self._slot[ids] = np.arange(n, dtype=np.int32)
        return Sums(*self._row_sums(rows, context, n), *self._near_sums(rows, n))

    def _row_sums(self, rows: Rows, context: Context, n: int) -> list[NDArray[np.float64]]:
        if not len(rows.numbers) or not n:
            return [np.zeros(n)] * 4
        place = self._slot[rows.together].astype(np.intp)
        strength = self.popularity.read(TOTAL, context.recent[rows.steps], context.position)
        damped = 1.0 / (np.sqrt(strength + 1.0) * float(self.neighbours.unit(context.position)))
        newest = int(np.searchsorted(rows.steps, _NEWEST))

        def add(channel: int, weight: NDArray[np.float64]) -> NDArray[np.float64]:
            m = len(weight)
            weighted = self.neighbours.counts[channel, rows.numbers[:m]]
            weighted *= weight.astype(np.float32)[:, None]
            return np.bincount(place[:m].ravel(), weighted.ravel(), n + 1)[:n]

        short = self._short[rows.steps[:newest]] * damped[:newest]
        last = int(rows.steps[0] == 0)
        return [
            add(TOGETHER, self._long[rows.steps] * damped),
            add(TOGETHER, short),
            add(NEXT, short),
            add(NEXT, damped[:last] / np.sqrt(strength[:last] + 1.0)),
        ]

    def _near_sums(
        self, rows: Rows, n: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if not len(rows.near_steps) or not n:
            return np.zeros(n), np.zeros(n)
        place = self._slot[rows.near].astype(np.intp).ravel()
        weighted = rows.cosines * self._near[rows.near_steps][:, None]
        total = np.bincount(place, weighted.ravel(), n + 1)[:n]
        best = np.zeros(n + 1, np.float32)
        np.maximum.at(best, place, rows.cosines.ravel())
        return total, best[:n].astype(np.float64)

    def sizes(self, ids: NDArray[np.int32], context: Context) -> Sizes:
        """Give how popular each candidate is, by several measures."""
        position, read = context.position, self.popularity.read
        strength = read(TOTAL, ids, position) + 1.0
        return Sizes(
            strength, 1.0 / np.sqrt(strength), read(stage_of(context.length), ids, position)
        )

    def shortlist(
        self, ids: NDArray[np.int32], sums: Sums, sizes: Sizes, context: Context
    ) -> NDArray[np.intp] | None:
        """Give the places of the best few hundred by a cheap score; None where all fit."""
        most = self.settings.candidates
        if len(ids) <= most:
            return None
        rough = sizes.at_stage / (sizes.at_stage.max() + _FLOOR)
        for part in (sums.together, sums.together_now, sums.follows):
            spread = part * sizes.spread
            spread *= 2.0 / (spread.max() + _FLOOR)
            rough += spread
        if len(sums.meaning):
            rough += sums.meaning * (0.3 / (sums.meaning.max() + _FLOOR))
        if context.repeats:
            rough += 2.0 * self._again(ids, context)[2]
        kept = np.argpartition(-rough, most - 1)[:most]
        kept.sort()
        return kept

    def pointers(
        self, ids: NDArray[np.int32], rows: Rows, recent: NDArray[np.int32]
    ) -> dict[str, NDArray[np.int32]]:
        """Give, for each of a few items, the recent item that points to it most strongly.

        Arrays (n,) of item numbers by kind of signal, -1 where none points to it.
        """
        together, following = self.neighbours.counts[:, rows.numbers]
        return {
            "together": self._strongest(ids, rows.together, together, recent[rows.steps]),
            "follows": self._strongest(ids, rows.together, following, recent[rows.steps]),
            "meaning": self._strongest(ids, rows.near, rows.cosines, recent[rows.near_steps]),
        }

    def _strongest(
        self,
        ids: NDArray[np.int32],
        named: NDArray[np.int32],
        strength: NDArray[np.float32],
        sources: NDArray[np.int32],
    ) -> NDArray[np.int32]:
        n = len(ids)
        self._slot[named] = n
        self._slot[ids] = np.arange(n, dtype=np.int32)
        place = self._slot[named]
        step, slot = np.nonzero(place < n)
        best = np.full((n, len(sources) + 1), 0.0, np.float32)
        best[place[step, slot], step] = strength[step, slot]
        found = best.argmax(axis=1)
        named_by = np.append(sources, np.int32(-1))[found]
        return np.where(best.max(axis=1) > 0, named_by, -1)

    def _again(self, ids: NDArray[np.int32], context: Context) -> NDArray[np.float32]:
        """Give whether, how often and how lately (3, n) the user took each item."""
        again = np.zeros((3, len(ids)), np.float32)
        taken = context.taken
        if len(taken[0]):
            self._slot[taken[0]] = len(ids)
            self._slot[ids] = np.arange(len(ids), dtype=np.int32)
            place = self._slot[taken[0]]
            # What was taken at this very time is not to be seen yet.
            known = (place < len(ids)) & (taken[2] < context.length)
            place, often, at = place[known], taken[1, known], taken[2, known]
            again[0, place] = 1.0
            again[1, place] = np.log1p(often)
            again[2, place] = 1.0 / np.sqrt(context.length - at)
        return again

    def matrix(
        self, ids: NDArray[np.int32], sums: Sums, sizes: Sizes, context: Context
    ) -> NDArray[np.float32]:
        """Give the raw feature rows `(n, len(FEATURES))` float32 of candidates."""
        position, read = context.position, self.popularity.read
        together = sums.together * sizes.spread
        rows = np.empty((len(FEATURES), len(ids)), np.float32)
        rows[0] = read(LONG, ids, position) + 0.05
        rows[1] = read(SHORT, ids, position) + 0.05
        rows[2] = sizes.at_stage + 0.02
        rows[3] = sizes.strength
        rows[4] = position - self.items.last[ids] + 1.0
        rows[5] = together + _FLOOR
        rows[6] = sums.together_now * sizes.spread + _FLOOR
        rows[7] = sums.follows * sizes.spread + _FLOOR
        rows[8] = sums.together * np.sqrt(sizes.spread) + _FLOOR
        rows[9] = sums.follows_last + _FLOOR
        np.log(rows[:_LOGS], out=rows[:_LOGS])
        rows[10] = together * (1.0 / (together.max(initial=0.0) + 1e-9))
        rows[11], rows[12] = sums.meaning, sums.meaning_best
        categories = self.items.categories[ids]
        rows[13] = context.liking[categories].max(axis=1)
        rows[14] = context.intent[categories].max(axis=1)
        rows[15:18] = self._again(ids, context) if context.repeats else 0.0
        rows[18] = math.log1p(context.length)
        rows[19] = float(context.length > 0)
        return np.ascontiguousarray(rows.T)


class Sizes(NamedTuple):
    """How popular each candidate is, all (n,) float64.

    `strength` is one more than its count, `spread` one over its root.
    """

    strength: NDArray[np.float64]
    spread: NDArray[np.float64]
    at_stage: NDArray[np.float64]

    def at(self, places: NDArray[np.intp]) -> Sizes:
        """Keep these candidates only."""
        return Sizes(*(part[places] for part in self))


class Rows(NamedTuple):
    """The neighbour rows of the recent items: `steps` (r,) says which of them has one."""

    steps: NDArray[np.intp]
    numbers: NDArray[np.int32]
    together: NDArray[np.int32]
    near_steps: NDArray[np.intp]
    near: NDArray[np.int32]
    cosines: NDArray[np.float32]


class Sums(NamedTuple):
    """What the rows say of each candidate, all (n,) float64."""

    together: NDArray[np.float64]
    together_now: NDArray[np.float64]
    follows: NDArray[np.float64]
    follows_last: NDArray[np.float64]
    meaning: NDArray[np.float64]
    meaning_best: NDArray[np.float64]

    def at(self, places: NDArray[np.intp]) -> Sums:
        """Keep these candidates only."""
        return Sums(*(part[places] for part in self))


_DRAWS = np.arange(1, 1025, dtype=np.uint64)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)

