"""The tables that signals are read from: items, popularity, neighbours, the semantic index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from learners.settings import LearnerSettings
from learners.signals.added import AddedSignals
from learners.signals.after_search import AfterSearch
from learners.signals.items import ItemTable
from learners.signals.neighbour_kernels import NEW, learn_item_weights
from learners.signals.neighbours import Neighbours
from learners.signals.popularity import TOTAL, Popularity
from learners.signals.rests import Rests
from learners.signals.semantic import SemanticIndex
from learners.signals.signal import SignalMaker, Taking
from learners.signals.takers import Takers
from learners.signals.title_words import TitleWords
from learners.signals.undo import NO_RETURN, UndoRecord
from learners.signals.values import Values
from learners.signals.window import RecentWindow


class Signals:
    """All that is learnt per item, in arrays indexed by item number.

    `blocked` (room + 1,) bool marks what may not be recommended; its last place, index
    -1, stands for an empty slot of a row and is always marked. `slot` (room + 1,) is
    scratch space to find items again in an array; who uses it leaves it at -1.
    `searched` counts what was taken after searches, in the rows of the items nearest to them;
    `searching` says that there was a search, `returning` that items may come back, or could once.
    `added` are the signals of others, which `makers` make.
    """

    def __init__(self, settings: LearnerSettings, makers: Sequence[SignalMaker] = ()) -> None:
        self.settings = settings
        self.items = ItemTable()
        self.popularity = Popularity(
            settings.popularity_half_life,
            settings.trend_half_life,
            settings.count_half_life,
            settings.stage_half_life,
        )
        self.neighbours = Neighbours(settings.neighbours, settings.count_half_life)
        self.searched = AfterSearch(settings.count_half_life)
        self.semantic = SemanticIndex(settings.dim, settings.similar)
        self.values = Values()
        self.takers = Takers()
        self.words = TitleWords()
        self.rests = Rests(is_learnt=settings.rests == "learnt")
        self.added = AddedSignals(makers, self.items)
        self.fresh: list[int] = []
        self.searching = self.returning = False
        self.blocked = np.ones(1, bool)
        self.slot = np.full(1, -1, np.intp)

    def number(self, item_id: str, position: int) -> int:
        """Return an item's number; an item never heard of gets one, and may be recommended."""
        number = self.items.index.get(item_id)
        if number is None:
            number = self.items.number(item_id, position)
            self.make_room()
            self.blocked[number] = False
        return number

    def make_room(self) -> None:
        """Grow every array to hold all item numbers that the table has given out."""
        n = len(self.items)
        if n < len(self.blocked):
            return
        room = max(64, 2 * n)
        self.items.make_room(room)
        self.popularity.make_room(room)
        self.neighbours.make_room(room)
        self.searched.make_room(room)
        self.semantic.make_room(room)
        self.values.make_room(room)
        self.takers.make_room(room)
        self.rests.make_room(room)
        self.added.make_room(room)
        self.slot = np.full(room + 1, -1, np.intp)
        self.block_unavailable()

    def block_unavailable(self) -> None:
        """Mark the items that may not be recommended."""
        self.blocked = np.ones(len(self.slot), bool)
        n = len(self.items)
        self.blocked[:n] = ~self.items.available[:n]

    def set_available(self, item: int, available: bool) -> None:
        """Set whether an item may be recommended."""
        self.items.available[item] = available
        self.blocked[item] = not available

    def add_fresh(self, item: int) -> None:
        """Put a new catalogue item among the fresh ones; the oldest of those makes room."""
        if self.settings.fresh:
            self.fresh = [*self.fresh, item][-self.settings.fresh :]

    def count(self, item: int, recent: RecentWindow, undo: UndoRecord, says: int) -> set[int]:
        """Count one interaction as `undo` notes it; return the items whose records changed.

        `recent` is what the user took before; `says` tells whether they never took the item, and
        whether all that they took lies before (`NEW`, `IN_ORDER`).
        """
        steps, position = undo.steps, undo.position
        pairs = recent.items, recent.back, np.minimum(recent.counted, undo.counted)
        rebased = self.neighbours.learn(item, *pairs, position, says)
        rebased |= self.popularity.learn(item, steps, position, undo.counted)
        if says & NEW:
            self.takers.learn(item, steps, position)
        self.semantic.look_up(item)
        self.items.streamed[item] = True
        self.items.last[item] = position
        return set(range(len(self.items))) if rebased else {item, *recent.items.tolist()}

    def recount(self, taken: Taking, now: Taking | None) -> set[int]:
        """Recount an interaction that was counted as `taken` as it is `now`, None: not at all.

        Of our signals these are the counts of what it was taken together with; for the others see
        `uncount`. Returns the items whose records changed.
        """
        before, after = taken.recent, RecentWindow.nothing() if now is None else now.recent
        was, is_now = before.pairs_with(taken.counted), after.pairs_with(taken.counted)
        gone = [(other, *pair) for other, pair in was.items() if is_now.get(other) != pair]
        new = [(other, *pair) for other, pair in is_now.items() if was.get(other) != pair]
        at = taken.position, self.items.cleared
        if gone:
            self.neighbours.unlearn(taken.item, *_pairs(gone), *at)
        if new:
            self.neighbours.put_back(taken.item, *_pairs(new), *at)
        changed = {other for pair in (*gone, *new) for other in (taken.item, pair[0])}
        return changed | self.added.recount(taken, now)

    def uncount(self, item: int, undo: UndoRecord, position: int) -> None:
        """Uncount an interaction of an item, but for what it was counted together with."""
        popularity, items = self.popularity, self.items
        self.rests.untake(undo.type)
        self.return_otherwise(item, undo, NO_RETURN)
        if undo.position <= items.cleared[item]:
            return  # what it counted went with the item
        popularity.unlearn(item, undo.steps, undo.position, undo.counted)
        if not undo.again:
            self.takers.unlearn(item, undo.steps, undo.position)
        self.values.unlearn(item, undo.deviation)
        if items.last[item] == undo.position:
            items.last[item] = popularity.last(item, position)
        if items.cleared[item] < 0.0:  # else its counts do not tell whether anybody ever took it
            items.streamed[item] = popularity.counts[TOTAL, item] > 0.0

    def return_otherwise(self, item: int, undo: UndoRecord, returned: int) -> None:
        """Count an interaction as another return to its item than it was counted as."""
        known = item if undo.position > self.items.cleared[item] else -1
        self.rests.unlearn(known, undo.returned)
        self.rests.put_back(known, returned)

    def unsearch(self, item: int, undo: UndoRecord) -> set[int]:
        """Uncount an item taken after a search; return the items whose records changed."""
        if undo.hub < 0 or undo.position <= self.items.cleared[undo.hub]:
            return set()
        self.searched.unlearn_one_way(undo.hub, item, undo.position, undo.counted)
        return {undo.hub}

    def learn_searched(self, item: int, undo: UndoRecord, *, is_new: bool) -> set[int]:
        """Count an item as taken after a search, if any, as `undo` notes it.

        Return the items whose records changed. `is_new`: its user had not taken it before.
        """
        if undo.hub < 0:
            return set()
        rebased = self.searched.learn_one_way(
            undo.hub, item, undo.position, is_new=is_new, counted=undo.counted
        )
        return set(range(len(self.items))) if rebased else {undo.hub}

    def switch(self, semantic: SemanticIndex, hubs: Mapping[int, int]) -> set[int]:
        """Switch to another space; return the items whose records changed.

        `hubs` maps the items nearest to searches to those that are nearest there.
        """
        semantic.make_room(len(self.items.available))
        changed = {*self.semantic.fingerprints, *semantic.fingerprints, *self.searched.move(hubs)}
        self.semantic = semantic
        return changed | self.added.move(semantic)

    def learn_item_weights(
        self,
        sources: NDArray[np.int32],
        reach: NDArray[np.float32],
        ids: NDArray[np.int32],
        slope: NDArray[np.float32],
    ) -> set[int]:
        """Learn what recent items add to the scores of candidates; return the items changed.

        `sources` (r,) are recent items that have neighbours, `reach` (r,) what each weighs;
        `slope` (n,) is the gradient of the loss by the scores of the candidates `ids` (n,).
        """
        table = self.neighbours
        rows, rate = table.row_of[sources], self.settings.pull_rate
        learn_item_weights(table.ids, table.counts, rows, reach, ids, slope, rate, self.slot)
        return set(sources.tolist())

    def remove(self, item: int, position: int) -> list[int]:
        """Remove an item from every list and signal; return the items whose records changed."""
        self.set_available(item, False)
        self.items.cleared[item] = position
        self.words.put(item, self.items.titles[item], "")
        self.items.titles[item] = ""  # as after a restart: the catalogue has it no longer
        self.fresh = [other for other in self.fresh if other != item]
        self.neighbours.forget(item)
        self.searched.forget(item)
        self.popularity.forget(item)
        self.values.forget(item)
        self.takers.forget(item)
        self.rests.forget(item)
        self.added.forget(item)
        return [item, *self.semantic.put(item, None)]


def _pairs(
    pairs: Sequence[tuple[int, float, float]],
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
    """Return items, gaps, and what each pair counts as, in arrays."""
    items, gaps, counted = zip(*pairs, strict=True)
    return np.array(items, np.int32), np.array(gaps), np.array(counted)
