"""Similarity in meaning: for an item, the items whose texts are closest to its own.

The nearest neighbours of an item are looked for once, when someone first interacts
with it, and kept; an item that is added or re-encoded later is put into the rows that
it belongs to. One that goes makes the rows that it was in shorter, but a row is always
the nearest so many, with none left out; the search is done again when half of it is
gone. So the cost of an event does not grow with the catalogue. In a large catalogue the
search runs in two steps: bit codes of random hyperplanes (Charikar, 2002, "Similarity
estimation techniques from rounding algorithms") choose several hundred, their exact
cosines order them.
"""

from __future__ import annotations

import math
import zlib

import numpy as np
from numpy.typing import NDArray

from learners.arrays import compiled, grown
from learners.types import Vector

_EXACT_BELOW = 4_096
_SHORTLIST = 512
_WORDS = 4  # 64-bit words of a code
_PLANES_SEED = 20_260
_ANY, _NONE = -8.0, 8.0  # below and above every cosine
_LONGEST_SQUARED = 4.0  # of a vector that is meant to be a unit


class SemanticIndex:
    """Unit vectors of items `(n, dim)` float32 and rows of the `width` nearest others.

    `near` (rows, width) int32, -1 where empty; `cosines` (rows, width) float32, in an
    empty place what a newcomer has to be above to get in: `_ANY` where the row holds all
    others that there are, `_NONE` where its owner has no text any more, else how close
    the nearest that it may have missed can be.
    `row_of[item]` is -1 until the item was looked up.
    """

    def __init__(self, dim: int, width: int) -> None:
        self.dim = dim
        self.width = width
        self.vectors = np.zeros((0, dim), np.float32)
        self.has = np.zeros(0, bool)
        # One array a word: the words of all items lie side by side, to be compared at once.
        self._codes = [np.zeros(0, np.uint64) for _ in range(_WORDS)]
        planes = np.random.default_rng(_PLANES_SEED).normal(size=(dim, 64 * _WORDS))
        self._planes = planes.astype(np.float32)
        self.fingerprints: dict[int, int] = {}
        self.row_of = np.full(0, -1, np.int32)
        self.owners: list[int] = []
        self.near = np.full((0, width), -1, np.int32)
        self.cosines = np.zeros((0, width), np.float32)

    def make_room(self, items: int) -> None:
        """Make room for item numbers below `items`."""
        self.vectors = grown(self.vectors, items)
        self.has = grown(self.has, items)
        self._codes = [grown(word, items) for word in self._codes]
        self.row_of = grown(self.row_of, items, -1)

    def put(self, item: int, vector: Vector | None) -> list[int]:
        """Set an item's vector, None for "no text"; return the items whose rows changed.

        A vector that is the same as before changes nothing. Raises ValueError as `check`.
        """
        if vector is not None:
            self.check(vector)
        fingerprint = 0 if vector is None else zlib.crc32(vector.tobytes()) or 1
        known = self.fingerprints.get(item, 0) == fingerprint
        if vector is not None:
            self._set(item, vector)
        self.fingerprints[item] = fingerprint
        if known:
            return []
        changed = self._drop(item)
        if vector is None:
            changed += self._empty(item)
            self.has[item] = False
            self.vectors[item] = 0.0  # as after a restart, which knows of no vector for it
            return changed
        return changed + self._insert(item)

    def check(self, vector: Vector) -> None:
        """Raise ValueError for a vector of another size, not finite, or far from unit length."""
        with np.errstate(over="ignore", invalid="ignore"):
            squared = float(vector @ vector) if vector.shape == (self.dim,) else math.nan
        if not squared <= _LONGEST_SQUARED:  # put this way round, true for NaN as well
            raise ValueError(
                f"a vector of shape {vector.shape} does not fit; it must be ({self.dim},), "
                "finite, of length 1"
            )

    def nearest(self, vector: Vector) -> NDArray[np.int32]:
        """Return the `width` items nearest to a unit vector (dim,), nearest first."""
        return self._nearest(vector, self._code(vector))[0].astype(np.int32)

    def nearness(self, items: NDArray[np.int32], vector: Vector) -> NDArray[np.float32]:
        """Return the cosines (n,) of items with a unit vector (dim,), 0 for one without text."""
        return dots(self.vectors, items, vector)

    def middle(self, items: NDArray[np.int32]) -> Vector | None:
        """Return the unit vector (dim,) in the midst of items, None where none of them has text."""
        total = self.vectors[items[self.has[items]]].sum(axis=0)
        length = math.sqrt(float(total @ total))
        return total / np.float32(length) if length > 0 else None

    def _set(self, item: int, vector: Vector) -> None:
        self.vectors[item] = vector
        self.has[item] = True
        for word, value in zip(self._codes, self._code(vector), strict=True):
            word[item] = value

    def _code(self, vector: Vector) -> NDArray[np.uint64]:
        return np.packbits(vector @ self._planes > 0).view(np.uint64)

    def look_up(self, item: int) -> bool:
        """Find the neighbours of an item unless they are known; True if that was done now."""
        row = int(self.row_of[item])
        if not self.has[item] or (row >= 0 and not self._is_short(row)):
            return False
        self._fill(self._new_row(item) if row < 0 else row, item)
        return True

    def _is_short(self, row: int) -> bool:
        """Return whether half of a row or more was lost, and there is more to find."""
        middle = self.width // 2
        return bool(self.near[row, middle] < 0 and self.cosines[row, -1] > _ANY)

    def row_out(self, item: int) -> tuple[NDArray[np.int32], NDArray[np.float32]] | None:
        """Return an item's neighbours and cosines, both `(width,)`; None before `look_up`."""
        row = int(self.row_of[item])
        return None if row < 0 else (self.near[row], self.cosines[row])

    def row_in(self, item: int, near: NDArray[np.int32], cosines: NDArray[np.float32]) -> None:
        """Put back what `row_out` gave."""
        row = self._new_row(item)
        self.near[row] = near
        self.cosines[row] = cosines

    def _new_row(self, item: int) -> int:
        row = len(self.owners)
        self.owners.append(item)
        self.near = grown(self.near, row + 1, -1)
        self.cosines = grown(self.cosines, row + 1)
        self.row_of[item] = row
        return row

    def _fill(self, row: int, item: int) -> None:
        code = np.array([word[item] for word in self._codes], np.uint64)
        best, cosines = self._nearest(self.vectors[item], code, but=item)
        self.near[row] = -1
        self.cosines[row] = _ANY
        self.near[row, : len(best)] = best
        self.cosines[row, : len(best)] = cosines

    def _nearest(
        self, vector: Vector, code: NDArray[np.uint64], but: int = -1
    ) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Return the `width` items nearest to a vector of this code, less one, with cosines."""
        among = self._shortlist(code)
        among = among[self.has[among] & (among != but)]
        if 2 * len(among) > len(self.vectors):  # then picking rows costs more than it saves
            cosines = _dots(self.vectors[: among[-1] + 1], vector)[among]
        else:
            cosines = _dots(self.vectors[among], vector)
        if len(among) > self.width:  # only what can be among the best is put in order
            least = np.partition(cosines, -self.width)[-self.width]
            near = cosines >= least
            among, cosines = among[near], cosines[near]
        best = np.lexsort((among, -cosines))[: self.width]
        return among[best], cosines[best]

    def _shortlist(self, code: NDArray[np.uint64]) -> NDArray[np.intp]:
        texts = np.flatnonzero(self.has)
        if len(texts) <= _EXACT_BELOW:
            return texts
        distance = np.zeros(len(self.has), np.uint16)
        for word, own in zip(self._codes, code, strict=True):
            distance += np.bitwise_count(word ^ own)
        distance[~self.has] = 64 * _WORDS + 1
        within = np.cumsum(np.bincount(distance, minlength=64 * _WORDS + 2))
        cut = int(np.searchsorted(within, _SHORTLIST + 1))
        return np.flatnonzero(distance <= cut)  # ties kept, so that the order of items is nothing

    def _insert(self, item: int) -> list[int]:
        """Put a new vector into the rows that it is close enough to; its own row is refilled."""
        changed = []
        if self.row_of[item] >= 0:
            self._fill(int(self.row_of[item]), item)
            changed.append(item)
        if not self.owners:
            return changed
        cosines = _dots(self.vectors[self.owners], self.vectors[item])
        for row in np.flatnonzero(cosines > self.cosines[: len(self.owners), -1]).tolist():
            if self.owners[row] != item:
                self._place(row, item, float(cosines[row]))
                changed.append(self.owners[row])
        return changed

    def _place(self, row: int, item: int, cosine: float) -> None:
        used = self.near[row] >= 0
        after = int((used & (self.cosines[row] >= cosine)).sum())
        if after < self.width:
            self.near[row, after + 1 :] = self.near[row, after:-1]
            self.cosines[row, after + 1 :] = self.cosines[row, after:-1]
            self.near[row, after] = item
            self.cosines[row, after] = cosine

    def _empty(self, item: int) -> list[int]:
        """Empty an item's own row, if it has one."""
        row = int(self.row_of[item])
        if row < 0:
            return []
        self.near[row], self.cosines[row] = -1, _NONE
        return [item]

    def _drop(self, item: int) -> list[int]:
        """Remove an item's old entries from all rows; the last cosine of a row stays as bound."""
        rows, slots = np.nonzero(self.near[: len(self.owners)] == item)
        for row, slot in zip(rows.tolist(), slots.tolist(), strict=True):
            self.near[row, slot:-1] = self.near[row, slot + 1 :]
            self.cosines[row, slot:-1] = self.cosines[row, slot + 1 :]
            self.near[row, -1] = -1
        return [self.owners[row] for row in rows.tolist()]


def _dots(rows: NDArray[np.float32], vector: Vector) -> NDArray[np.float32]:
    """Return the dot product of each row with a vector, the same bits wherever the row stands.

    A matrix product's last digits depend on the place of a row among the others, and
    that is another one after a restart.
    """
    dots: NDArray[np.float32] = np.einsum("ij,j->i", rows, vector)
    return dots


@compiled
def dots(
    vectors: NDArray[np.float32], rows: NDArray[np.int32], vector: Vector
) -> NDArray[np.float32]:
    """Return the dot product of some rows (n,) of vectors with another; rows are not copied."""
    found = np.empty(rows.size, np.float32)
    for place in range(rows.size):
        found[place] = np.dot(vectors[rows[place]], vector)
    return found
