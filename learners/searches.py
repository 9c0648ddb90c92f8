"""What a user searched for: it says what they are after, until they search for something else.

A search is an event with words and without an item. The items nearest to it in meaning become
candidates, and how near each candidate is is a signal. So is what was taken after searches
with the same nearest item: what the words of a search do not say of an item, people who
searched before tell by what they took (clicks joined to searches, as in Craswell and Szummer,
2007, "Random walks on the click graph").
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from learners.interaction import Interaction, Vector
from learners.meaning import Meanings
from learners.neighbours import TOGETHER, Neighbours

WIDTH = 128
"""Items that are remembered as taken after searches with the same nearest item."""
_HALVES_AFTER = 16.0  # places among the nearest
_AMID = 8  # of the nearest, those that a search of another space is amid of
_NOTHING = np.zeros(0, np.int32)


class Search(msgspec.Struct, frozen=True):
    """A user's newest search: its `text`, and its unit vector (dim,), None from an older space.

    `near` (n,) int32 are the numbers of the items nearest to it when it came, nearest first,
    at least one. `at` is how many interactions the user had by then, `ts` its time (seconds).
    """

    text: str
    vector: Vector | None
    near: NDArray[np.int32]
    at: int
    ts: float

    @property
    def hub(self) -> int:
        """The item nearest to it: searches that share it count as the same."""
        return int(self.near[0])


def newest(
    interaction: Interaction, known: Search | None, length: int, meanings: Meanings
) -> Search | None:
    """Give what a user of this length searched for last, after one more interaction.

    That is what was `known`, unless it is a search with words that can be understood, and
    there is something to be found, and none that is later is known.
    """
    vector, text = interaction.vector, interaction.text
    if interaction.item_id is not None or vector is None or not text or not interaction.weight > 0:
        return known
    if known is not None and known.ts > interaction.ts:
        return known
    near = meanings.nearest(vector)
    return Search(text, vector, near, length, interaction.ts) if len(near) else known


def as_of(search: Search | None, before: float | None, meanings: Meanings) -> Search | None:
    """Give a search with its vector, None where it was not before this moment (None: now).

    One of another space is taken to be amid the items that were nearest to it.
    """
    if search is None or (before is not None and search.ts >= before):
        return None
    if search.vector is None:
        return msgspec.structs.replace(search, vector=meanings.middle(search.near[:_AMID]))
    return search


def taken_after(table: Neighbours, hub: int) -> NDArray[np.int32]:
    """Give the items (n,) that were taken after searches with this nearest item."""
    row = table.row_of[hub]
    return _NOTHING if row < 0 else table.ids[row][table.ids[row] >= 0]


def counts_after(
    table: Neighbours, hub: int, ids: NDArray[np.int32], slot: NDArray[np.intp], position: int
) -> NDArray[np.float32]:
    """Give how often each of the items (n,) was taken after such searches, with decay.

    `slot` holds -1 everywhere, before and after.
    """
    counts, row = np.zeros(len(ids), np.float32), table.row_of[hub]
    if row >= 0:
        slot[ids] = np.arange(len(ids))
        place = slot[table.ids[row]]
        slot[ids] = -1
        known = place >= 0
        counts[place[known]] = table.counts[TOGETHER, row, known] / table.unit(position)
    return counts


def favoured(
    search: Search,
    ids: NDArray[np.int32],
    counts: NDArray[np.float32],
    slot: NDArray[np.intp],
) -> NDArray[np.float32]:
    """Give what a search adds to the cheap score of candidates (n,): of 0 to 1 by either sign.

    For being among the nearest, and for being taken after such searches. `slot` holds -1
    everywhere, before and after.
    """
    slot[ids] = np.arange(len(ids))
    place = slot[search.near]
    slot[ids] = -1
    favour = counts / max(float(counts.max(initial=0.0)), 1e-9)
    nearness = np.float32(0.5) ** (np.arange(len(place)) / np.float32(_HALVES_AFTER))
    favour[place[place >= 0]] += nearness[place >= 0]
    return favour
