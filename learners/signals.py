"""The tables that signals are read from: items, popularity, neighbours, meanings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from learners.items import ItemTable
from learners.meaning import Meanings
from learners.neighbours import Neighbours, pull
from learners.popularity import TOTAL, Popularity
from learners.receipt import Receipt
from learners.searched import Searched
from learners.searches import Search
from learners.settings import LearnerSettings
from learners.values import Values
from learners.walk import Walk


class Signals:
    """All that is learnt per item, in arrays indexed by item number.

    `blocked` (room + 1,) bool marks what may not be recommended; its last place, index
    -1, stands for an empty slot of a row and is always marked. `slot` (room + 1,) is
    scratch space for whoever needs to find items again in an array; they leave it at -1.
    `searched` counts what was taken after searches, in the rows of the items nearest to them;
    `searching` says that there was a search.
    """

    def __init__(self, settings: LearnerSettings) -> None:
        self.settings = settings
        self.items = ItemTable()
        self.popularity = Popularity(
            settings.popularity_half_life,
            settings.trend_half_life,
            settings.count_half_life,
            settings.stage_half_life,
        )
        self.neighbours = Neighbours(settings.neighbours, settings.count_half_life)
        self.searched = Searched(settings.count_half_life)
        self.meanings = Meanings(settings.dim, settings.similar)
        self.values = Values()
        self.fresh: list[int] = []
        self.searching = False
        self.blocked = np.ones(1, bool)
        self.slot = np.full(1, -1, np.intp)

    def number(self, item_id: str, position: int) -> int:
        """Give an item's number; an item never heard of gets one, and may be recommended."""
        known = len(self.items)
        number = self.items.number(item_id, position)
        if len(self.items) > known:
            self.make_room()
            self.blocked[number] = False
        return number

    def make_room(self) -> None:
        """Let every array hold all item numbers that the table has given out."""
        n = len(self.items)
        if n < len(self.blocked):
            return
        room = max(64, 2 * n)
        self.items.make_room(room)
        self.popularity.make_room(room)
        self.neighbours.make_room(room)
        self.searched.make_room(room)
        self.meanings.make_room(room)
        self.values.make_room(room)
        self.slot = np.full(room + 1, -1, np.intp)
        self.block_unavailable()

    def block_unavailable(self) -> None:
        """Mark the items that may not be recommended."""
        self.blocked = np.ones(len(self.slot), bool)
        n = len(self.items)
        self.blocked[:n] = ~self.items.available[:n]

    def set_available(self, item: int, available: bool) -> None:
        """Let an item be recommended, or no longer."""
        self.items.available[item] = available
        self.blocked[item] = not available

    def add_fresh(self, item: int) -> None:
        """Put a new catalogue item among the fresh ones; the oldest of those makes room."""
        if self.settings.fresh:
            self.fresh = [*self.fresh, item][-self.settings.fresh :]

    def count(self, item: int, walk: Walk, steps: int, position: int) -> set[int]:
        """Take one interaction in; give the items whose records changed.

        `walk` is what the user took before, in `steps` steps.
        """
        rebased = self.neighbours.learn(item, *walk, position)
        rebased |= self.popularity.learn(item, steps, position)
        self.meanings.look_up(item)
        self.items.streamed[item] = True
        self.items.last[item] = position
        return set(range(len(self.items))) if rebased else {item, *walk.items.tolist()}

    def recount(self, item: int, before: Walk, after: Walk, position: int) -> set[int]:
        """Let an interaction, counted as after `before`, count as after `after`.

        Gives the items whose records changed.
        """
        was, now = before.as_dict(), after.as_dict()
        gone = [(other, gap) for other, gap in was.items() if now.get(other) != gap]
        new = [(other, gap) for other, gap in now.items() if was.get(other) != gap]
        if gone:
            self.neighbours.unlearn(item, *_walk(gone), position, self.items.cleared)
        if new:
            self.neighbours.put_back(item, *_walk(new), position, self.items.cleared)
        return {other for pair in (*gone, *new) for other in (item, pair[0])}

    def uncount(self, item: int, receipt: Receipt, position: int) -> None:
        """Take an interaction of an item back, but for what it was counted together with."""
        popularity, items = self.popularity, self.items
        if receipt.position <= items.cleared[item]:
            return  # what it counted went with the item
        popularity.unlearn(item, receipt.steps, receipt.position)
        self.values.unlearn(item, receipt.deviation)
        if items.last[item] == receipt.position:
            items.last[item] = popularity.last(item, position)
        if items.cleared[item] < 0.0:  # else its counts do not tell whether anybody ever took it
            items.streamed[item] = popularity.counts[TOTAL, item] > 0.0

    def unsearch(self, item: int, receipt: Receipt) -> set[int]:
        """Take back that an item was taken after a search; give the items whose records changed."""
        if receipt.hub < 0 or receipt.position <= self.items.cleared[receipt.hub]:
            return set()
        self.searched.unlearn_one_way(receipt.hub, item, receipt.position)
        return {receipt.hub}

    def learn_searched(self, search: Search | None, item: int, position: int) -> set[int]:
        """Count an item as taken after a search, if any; give the items whose records changed."""
        if search is None or search.hub < 0:
            return set()
        rebased = self.searched.learn_one_way(search.hub, item, position)
        return set(range(len(self.items))) if rebased else {search.hub}

    def switch(self, meanings: Meanings, hubs: Mapping[int, int]) -> set[int]:
        """Go on in another space; give the items whose records changed.

        `hubs` maps the items nearest to searches to those that are nearest there.
        """
        meanings.make_room(len(self.items.available))
        changed = {*self.meanings.marks, *meanings.marks, *self.searched.move(hubs)}
        self.meanings = meanings
        return changed

    def pull(
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
        pull(table.ids, table.counts, rows, reach, ids, slope, rate, self.slot)
        return set(sources.tolist())

    def remove(self, item: int, position: int) -> list[int]:
        """Take an item out of every list and signal; give the items whose records changed."""
        self.set_available(item, False)
        self.items.cleared[item] = position
        self.items.titles[item] = ""  # as after a restart: the catalogue has it no longer
        self.fresh = [other for other in self.fresh if other != item]
        self.neighbours.forget(item)
        self.searched.forget(item)
        self.popularity.forget(item)
        self.values.forget(item)
        return [item, *self.meanings.put(item, None)]


def _walk(pairs: Sequence[tuple[int, float]]) -> Walk:
    """Give items and gaps as arrays."""
    items, gaps = zip(*pairs, strict=True)
    return Walk(np.array(items, np.int32), np.array(gaps))
