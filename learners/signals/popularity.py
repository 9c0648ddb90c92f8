"""Decayed popularity: over several spans, and by stage.

A *stage* is a range of numbers of steps taken: what people take first differs from what
they take later, and this carries the first lists of a new user. Counts decay
exponentially in shard positions. Instead of fading all counts at every event, new
ones weigh more (forward decay: Cormode et al., 2009, "Forward decay: a practical
time decay model for streaming systems"); a rebase keeps the numbers finite.

Counts take the weights of events (`learners.signals.undo`). What they hold beyond takings is
kept apart, for whoever must speak of takings (`takings`).

The best items of each channel are kept up to date at every count. That is exact:
fading keeps the order, so an item enters only when it is counted, or when one of the
best is counted less.
"""

from __future__ import annotations

import bisect
import math

import numpy as np
from numpy.typing import NDArray

STAGES = (0, 1, 2, 3, 5, 8, 12, 18, 27, 40, 60, 90, 140, 200)
LONG, SHORT, TOTAL, FIRST_STAGE = 0, 1, 2, 3
CHANNELS = FIRST_STAGE + len(STAGES)
BEYOND = (LONG, SHORT, TOTAL)  # the first ones
_REBASE_AFTER = 200.0  # half-lives; float64 reaches 2**1023
_LONGEST = 1_000.0  # half-lives without a count, after which all is as good as forgotten
TOP = 128
_NOTHING_LEFT = 1e-9  # of what was taken off a count: rounding, not a count


def stage_of(steps: int) -> int:
    """Return the channel of a user who took so many steps."""
    return FIRST_STAGE + bisect.bisect_right(STAGES, steps) - 1


class Popularity:
    """Decayed counts `(channels, items)` float64 and the best items of each channel.

    `beyond` (3, items) float64 is what the counts of no stage hold that is not one for each
    interaction; below 0 where weights are below 1.
    """

    def __init__(self, long: float, short: float, total: float, stage: float) -> None:
        self._half_lives = [long, short, total] + [stage] * len(STAGES)
        self._rebase_after = _REBASE_AFTER * min(self._half_lives)
        self.base = 0
        self.counts = np.zeros((CHANNELS, 0))
        self.beyond = np.zeros((len(BEYOND), 0))
        self._top = np.zeros((CHANNELS, TOP), np.int32)
        self._members: list[set[int]] = [set() for _ in range(CHANNELS)]
        self._least = [0.0] * CHANNELS
        self._scaled_at: tuple[int, int] | None = None
        self._scales: list[float] = []

    def make_room(self, items: int) -> None:
        """Make room for item numbers below `items`."""
        if items > self.counts.shape[1]:
            wider = np.zeros((CHANNELS, max(items, 2 * self.counts.shape[1])))
            wider[:, : self.counts.shape[1]] = self.counts
            self.counts = wider
            beyond = np.zeros((len(BEYOND), wider.shape[1]))
            beyond[:, : self.beyond.shape[1]] = self.beyond
            self.beyond = beyond

    def learn(self, item: int, steps: int, position: int, counted: float = 1.0) -> bool:
        """Count one interaction, as `counted`, of a user who took `steps` before it.

        True says that all counts were rebased, so that all of them changed.
        """
        is_due = position - self.base >= self._rebase_after
        if is_due:
            self._rebase(position)
        since = position - self.base
        for channel in (LONG, SHORT, TOTAL, stage_of(steps)):
            # As `_increment` has it; a call costs more than the rest.
            unit = math.exp2(min(since / self._half_lives[channel], _LONGEST))
            count = float(self.counts[channel, item]) + counted * unit
            self.counts[channel, item] = count
            # Counts of the best only grow until a rebase or `_leave`, so what was once the least is
            # a lower bound.
            if item not in self._members[channel] and count > self._least[channel]:
                self._enter(channel, item, count)
        if counted != 1.0:
            self._add_beyond(item, counted - 1.0, position)
        return is_due

    def unlearn(self, item: int, steps: int, position: int, counted: float = 1.0) -> None:
        """Take back what `learn` counted when it was called with the same."""
        for channel in (LONG, SHORT, TOTAL, stage_of(steps)):
            amount = counted * self._increment(channel, position)
            left = float(self.counts[channel, item]) - amount
            self.counts[channel, item] = left if left > _NOTHING_LEFT * amount else 0.0
            self._leave(channel, item)
        if counted != 1.0:
            self._add_beyond(item, 1.0 - counted, position)
            self.beyond[self.counts[: len(BEYOND), item] == 0.0, item] = 0.0  # no rounding is left

    def read(self, channel: int, items: NDArray[np.integer], position: int) -> NDArray[np.float64]:
        """Return the decayed counts `(n,)` of items as of `position`."""
        counts: NDArray[np.float64] = self.counts[channel].take(items)
        counts *= self.scale(channel, position)
        return counts

    def takings(
        self, channel: int, items: NDArray[np.integer], position: int
    ) -> NDArray[np.float64]:
        """Return as `read` does, but each interaction counted as 1, whatever it weighs."""
        counts = self.read(channel, items, position)
        if channel in BEYOND:
            counts -= self.beyond[channel].take(items) * self.scale(channel, position)
        return counts

    def most(self, channel: int, position: int) -> float:
        """Return what the takings of all items add up to if every event took one."""
        fades = -math.log(2.0) / self._half_lives[channel]
        return math.expm1(fades * (position + 1)) / math.expm1(fades)

    def last(self, item: int, position: int) -> float:
        """Return where in the shard an item's newest interaction was at the latest; 0 for none.

        There one interaction alone would have left so much of a count.
        """
        at = 0.0
        for channel in (TOTAL, LONG, SHORT):  # the shorter the span, the nearer to the truth
            count = float(self.takings(channel, np.array([item]), position)[0])
            if count > 0.0:
                at = position + min(self._half_lives[channel] * math.log2(count), 0.0)
        return at

    def scale(self, channel: int, position: int) -> float:
        """Return the factor that makes a stored count one as of `position`."""
        return self.scales(position)[channel]

    def scales(self, position: int) -> list[float]:
        """Return the factors of all channels; not to be changed."""
        if self._scaled_at != (position, self.base):
            self._scaled_at, since = (position, self.base), position - self.base
            self._scales = [
                1.0 / math.exp2(min(since / half_life, _LONGEST)) for half_life in self._half_lives
            ]
        return self._scales

    def forget(self, item: int) -> None:
        """Remove an item from all counts and best lists; the next best move up."""
        self.counts[:, item] = 0.0
        self.beyond[:, item] = 0.0
        for channel, members in enumerate(self._members):
            if item in members:
                self._refill(channel)

    def top(self, channel: int, _user: object = None) -> NDArray[np.int32]:
        """Return the best items of a channel `(at most TOP,)`, in no order: for any user alike."""
        return self._top[channel, : len(self._members[channel])]

    def restore_top(self, base: int, tops: list[NDArray[np.int32]]) -> None:
        """Put back the base and the best lists; the counts come with the items."""
        self.base = base
        for channel, top in enumerate(tops):
            self._set_top(channel, top)

    def _increment(self, channel: int, position: int) -> float:
        return math.exp2(min((position - self.base) / self._half_lives[channel], _LONGEST))

    def _add_beyond(self, item: int, more: float, position: int) -> None:
        for channel in BEYOND:
            self.beyond[channel, item] += more * self._increment(channel, position)

    def _enter(self, channel: int, item: int, count: float) -> None:
        """Enter an item that is not there, and has this count now, if it belongs among the best."""
        members, top = self._members[channel], self._top[channel]
        place = len(members)
        if place == TOP:
            counts = self.counts[channel].take(top)
            place = int(counts.argmin())
            self._least[channel] = float(counts[place])
            if count <= self._least[channel]:
                return
            members.discard(int(top[place]))
        top[place] = item
        members.add(item)

    def _leave(self, channel: int, item: int) -> None:
        """Replace an item whose count fell in the best list, if another one is better now."""
        counts, members = self.counts[channel], self._members[channel]
        if item not in members:
            return
        self._least[channel] = 0.0
        others = counts.copy()
        others[self.top(channel)] = 0.0
        if counts[item] <= others.max():
            self._refill(channel)

    def _refill(self, channel: int) -> None:
        counts = self.counts[channel]
        best = np.argsort(-counts, kind="stable")[:TOP]
        self._set_top(channel, best[counts[best] > 0])

    def _set_top(self, channel: int, top: NDArray[np.integer]) -> None:
        self._top[channel, : len(top)] = top
        self._members[channel] = set(top.tolist())
        self._least[channel] = 0.0

    def _rebase(self, position: int) -> None:
        for channel in range(CHANNELS):
            self.counts[channel] /= self._increment(channel, position)
        for channel in BEYOND:
            self.beyond[channel] /= self._increment(channel, position)
        self.base = position
        self._least = [0.0] * CHANNELS
