"""What a user searched for: it says what they are after, until they search for something else.

A search is an event with words and without an item. The items nearest to it in meaning, and those
whose titles hold its words, become candidates; how near each candidate is, and how much of the
words it holds, are signals. So is what was taken after searches
with the same nearest item: what the words of a search do not say of an item, people who
searched before tell by what they took (clicks joined to searches, as in Craswell and Szummer,
2007, "Random walks on the click graph").
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from learners.arrays import compiled
from learners.signals.semantic import SemanticIndex
from learners.signals.title_words import TitleWords
from learners.signals.undo import hash32
from learners.types import LONGEST_TEXT, Interaction, Vector

_FADES = 0.5 ** (1 / 16)  # from one place among the nearest to the next
_AMID = 8  # of the nearest, those that a search of another space is amid of
_MATCHED = 64  # items that hold words of a search are remembered
_NOTHING = np.zeros(0, np.int32)


class Search(msgspec.Struct, frozen=True):
    """A user's newest search: the beginning of its `text`, and its unit vector (dim,).

    The vector is None where it belongs to the space of an earlier encoder, or there was no encoder:
    then the search lies amid the items that were nearest to it, and counts as like no other.

    `near` (n,) int32 are the numbers of the items nearest to it when it came, nearest first, and
    `matched` (m,) int32 those whose titles held most of its words; one of them has items. `at` is
    how many interactions the user had by then, `ts` its time (seconds), `event` and `type` are the
    hashes of its id and type (`learners.signals.undo`).
    """

    text: str
    vector: Vector | None
    near: NDArray[np.int32]
    at: int
    ts: float
    event: int = 0
    type: int = 0
    matched: NDArray[np.int32] = _NOTHING

    @property
    def hub(self) -> int:
        """The item nearest to it, -1 in another space: searches that share it count as the same."""
        return -1 if self.vector is None else int(self.near[0])

    def direction(self, semantic: SemanticIndex) -> Vector | None:
        """Return its unit vector (dim,), or that of the midst of what was nearest to it."""
        return semantic.middle(self.near[:_AMID]) if self.vector is None else self.vector


def newest(
    interaction: Interaction,
    known: Search | None,
    length: int,
    semantic: SemanticIndex,
    words: TitleWords | None = None,
) -> Search | None:
    """Return what a user of this length searched for last, after one more interaction.

    That is what was `known`, unless it is a search with words, and there is something to be
    found, by meaning or among the `words` of titles, and none that is later is known.
    """
    vector, text = interaction.vector, interaction.text
    if interaction.item_id is not None or not text or not interaction.weight > 0:
        return known
    if known is not None and known.ts > interaction.ts:
        return known
    text = _beginning(text)
    near = _NOTHING if vector is None else semantic.nearest(vector)
    matched = _NOTHING if words is None else _matched(text, vector, semantic, words)
    if not len(near) and not len(matched):
        return known
    marks = hash32(interaction.event_id), hash32(interaction.type)
    found = vector if len(near) else None
    return Search(text, found, near, length, interaction.ts, *marks, matched)


def _beginning(text: str) -> str:
    """Return what is kept of a text, without half a word at its end."""
    kept = text[:LONGEST_TEXT]
    is_cut = text[LONGEST_TEXT - 1 : LONGEST_TEXT + 1].isalnum() and len(text) > LONGEST_TEXT
    return kept.rpartition(" ")[0] or kept if is_cut else kept


def _matched(
    text: str, vector: Vector | None, semantic: SemanticIndex, words: TitleWords
) -> NDArray[np.int32]:
    """Return the items whose titles hold most of a text; of equals the nearer, then the older."""
    items, shares = words.best(text)
    if not len(items):
        return items
    near = np.zeros(len(items), np.float32)
    if vector is not None:
        near = semantic.nearness(items, vector)
    return items[np.lexsort((items, -near, -shares))[:_MATCHED]]


def as_of(search: Search | None, before: float | None) -> Search | None:
    """Return a search, None where it was not before this moment (None: now)."""
    return None if search is None or (before is not None and search.ts >= before) else search


def in_space(search: Search, found: Search | None) -> Search:
    """Return a search in another encoder's space, as it was `found` there; None: it was not.

    Then its vector is left behind, and the items that were nearest to it stand for it.
    """
    if found is None or (found.ts, found.text) != (search.ts, search.text):
        return msgspec.structs.replace(search, vector=None)
    return msgspec.structs.replace(search, vector=found.vector, near=found.near)


@compiled
def counts_after(
    ids: NDArray[np.int32],
    theirs: NDArray[np.int32],
    strength: NDArray[np.float32],
    unit: np.float32,
    slot: NDArray[np.intp],
) -> NDArray[np.float32]:
    """Return how often each of the items `ids` (n,) was taken after such searches, with decay.

    `theirs` (m,) are the items of the search's row, -1 where empty, and `strength` (m,) their
    counts in `unit`s. `slot` holds -1 everywhere, before and after.
    """
    counts = np.zeros(ids.size, np.float32)
    for place in range(ids.size):
        slot[ids[place]] = place
    for column in range(theirs.size):
        place = slot[theirs[column]]
        if place >= 0:
            counts[place] = strength[column] / unit
    for item in ids:
        slot[item] = -1
    return counts


@compiled
def favour(
    rough: NDArray[np.float64],
    ids: NDArray[np.int32],
    near: NDArray[np.int32],
    counts: NDArray[np.float32],
    most: float,
    slot: NDArray[np.intp],
) -> None:
    """Add what a search says to the cheap score `rough` (n,) of items: up to `most` by either sign.

    For being among the nearest, and for being taken after such searches. `slot` holds -1
    everywhere, before and after.
    """
    highest = np.float32(1e-9)
    for place in range(ids.size):
        slot[ids[place]] = place
        highest = max(highest, counts[place])
    for place in range(ids.size):
        rough[place] += most * counts[place] / highest
    nearness = most
    for item in near:
        place = slot[item]
        if place >= 0:
            rough[place] += nearness
        nearness *= _FADES
    for item in ids:
        slot[item] = -1
