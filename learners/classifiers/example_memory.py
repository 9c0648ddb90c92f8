"""A memory of the newest examples of each label, and how near a vector is to them.

A label's score is the log of the mean of exp(sharpness * (cosine - 1)) over its kept
examples: a kernel density (Parzen, 1962), near the best cosine where one example is close,
and the mean where none is. Every label has a quota of its own, so that a common one does not push
out a rare one. Examples are kept in bytes: 384 numbers take 384 bytes, sums of products of
integers are exact in any order, and cosines are right to about 0.003.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.arrays import LabelRows, Slots, compiled

Floats = NDArray[np.float32]

FAINT = np.float32(1e-6)
"""Added to the mean, so that a label without any near example has a score too: -13.8."""
_HIGHEST = 127
_SHORTEST = 1e-15
_NEGLIGIBLE = -16.0


class Coded(NamedTuple):
    """A unit vector `(dim,)`: `codes`, int16 though each fits a byte, times `scale`.

    The wider type is what the processor multiplies without converting it anew for each row.
    """

    codes: NDArray[np.int16]
    scale: np.float32


class NearestMemory(LabelRows):
    """The newest `quota` examples `(dim,)` of each label, oldest overwritten first."""

    def __init__(self, dim: int, limit: int, quota: int) -> None:
        self.quota = quota
        super().__init__(Slots(limit, _blanks(dim, quota)))

    def scores(
        self, n: int, coded: Coded, sharpness: float, slots: NDArray[np.int64]
    ) -> tuple[Floats, Floats]:
        """Return the score and the best cosine of each label `(n,)`, looking at some slots only.

        The others get the lowest score of those looked at, and -1.
        """
        found = np.empty((2, n), np.float32)
        sharp = np.float32(sharpness)
        compare(self._codes, self._scales, self._kept, slots, *coded, sharp, found)
        return found[0], found[1]

    def add(self, slot: int, coded: Coded) -> None:
        """Keep one more example of a label."""
        place = int(self._met[slot]) % self.quota
        self._codes[slot, place], self._scales[slot, place] = coded
        self._met[slot] += 1
        self._kept[slot] = min(int(self._kept[slot]) + 1, self.quota)

    def kept(self, slot: int) -> int:
        """Return how many examples of a label are kept."""
        return int(self._kept[slot])

    def recall(self, slots: NDArray[np.int64], places: NDArray[np.int64]) -> Floats:
        """Return kept examples `(m, dim + 1)`: unit vectors, with a 1 behind each."""
        vectors = np.ones((len(slots), self._codes.shape[2] + 1), np.float32)
        decode(self._codes, self._scales, slots, places, vectors)
        return vectors

    def merge(self, gone: int, kept: int) -> None:
        """Move one label's examples to another: its newest first go in last."""
        more, have = self._oldest_first(gone), self._oldest_first(kept)
        # By turns, so that both have a part in what is kept.
        both = sorted([*enumerate(more[::-1]), *enumerate(have[::-1])], key=lambda pair: pair[0])
        self.clear(kept)
        for _, coded in both[: self.quota][::-1]:
            self.add(kept, coded)

    def widen(self, dim: int) -> None:
        """Make room for more features, which have been 0 so far."""
        missing = dim - self._codes.shape[2]
        arrays = {name: self._slots[name] for name in ("scales", "met", "kept")}
        arrays["codes"] = np.pad(self._codes, ((0, 0), (0, 0), (0, missing)))
        self._slots.replace(_blanks(dim, self.quota), arrays)
        self._take()

    def _oldest_first(self, slot: int) -> list[Coded]:
        count, met = int(self._kept[slot]), int(self._met[slot])
        places = [number % self.quota for number in range(met - count, met)]
        return [Coded(self._codes[slot, p].astype(np.int16), self._scales[slot, p]) for p in places]

    def _take(self) -> None:
        self._codes, self._scales = self._slots["codes"], self._slots["scales"]
        self._met, self._kept = self._slots["met"], self._slots["kept"]


def unit(vector: NDArray[np.floating[Any]]) -> Floats:
    """Scale a vector `(dim,)` to length 1; one shorter than 1e-15 has no direction: zeros."""
    length = np.sqrt(vector.dot(vector))
    if not length > _SHORTEST:
        return np.zeros(len(vector), np.float32)
    scaled: Floats = (vector / length).astype(np.float32, copy=False)
    return scaled


def coded(unit_vector: Floats) -> Coded:
    """Return a unit vector as bytes."""
    codes = np.empty(len(unit_vector), np.int16)
    return Coded(codes, encode(unit_vector, codes))


@compiled
def encode(vector: Floats, codes: NDArray[np.int16]) -> np.float32:
    """Write a vector as bytes; return the number to multiply them by, 0 for a vector of zeros."""
    peak = np.float32(0.0)
    for place in range(vector.size):
        peak = max(peak, abs(vector[place]))
    step = np.float32(_HIGHEST) / peak if peak > 0 else np.float32(0.0)
    for place in range(vector.size):
        codes[place] = np.int16(np.rint(vector[place] * step))
    return np.float32(peak / np.float32(_HIGHEST))


@compiled
def compare(
    codes: Any,
    scales: Any,
    kept: Any,
    slots: Any,
    asked: Any,
    scale: Any,
    sharpness: Any,
    found: Floats,
) -> None:
    """Write the score and the best cosine of each label (2, n) for an example in bytes."""
    scores, best = found[0], found[1]
    lowest = np.float32(0.0)
    scores[:] = np.float32(1.0)
    best[:] = np.float32(-1.0)
    for slot in slots:
        total, highest = np.float32(0.0), np.float32(-1.0)
        for place in range(kept[slot]):
            row, product = codes[slot, place], np.int32(0)
            for column in range(asked.size):
                # Cast at each step: sums of 64 bits would take three times as long.
                product = np.int32(product + np.int32(row[column]) * np.int32(asked[column]))
            cosine = np.float32(np.float32(product) * scales[slot, place] * scale)
            highest = max(highest, cosine)
            exponent = np.float32(sharpness * (cosine - np.float32(1.0)))
            if exponent > np.float32(_NEGLIGIBLE):
                total += np.exp(exponent)
        scores[slot] = np.log(total / np.float32(max(kept[slot], 1)) + FAINT)
        best[slot] = highest
        lowest = min(lowest, scores[slot])
    for slot in range(scores.size):
        if scores[slot] > np.float32(0.5):
            scores[slot] = lowest


@compiled
def decode(codes: Any, scales: Any, slots: Any, places: Any, vectors: Floats) -> None:
    """Write kept examples into the first columns of rows (m, dim + 1)."""
    for number in range(slots.size):
        row, scale = codes[slots[number], places[number]], scales[slots[number], places[number]]
        for column in range(row.size):
            vectors[number, column] = np.float32(row[column]) * scale


def _blanks(dim: int, quota: int) -> dict[str, NDArray[Any]]:
    return {
        "codes": np.zeros((quota, dim), np.int8),
        "scales": np.zeros(quota, np.float32),
        "met": np.array(0, np.int64),
        "kept": np.array(0, np.int32),
    }
