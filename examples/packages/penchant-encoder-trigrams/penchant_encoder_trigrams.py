"""Random indexing: each three letters have a random direction, a text is their sum.

P. Kanerva, J. Kristoferson and A. Holst, "Random indexing of text samples for latent semantic
analysis", 2000. Directions of different trigrams are nearly at right angles, so that few
dimensions do for many trigrams. They come from a digest of the letters: the same in every process.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import shake_128

import numpy as np
from numpy.typing import NDArray

from encoders.base import EncoderError, Vectors, unit_rows

SMALLEST, LARGEST = 8, 4096
RECIPE = "1"
"""To be raised with every change of what a text becomes."""


class TrigramEncoder:
    """Texts to `(n, dim)` float32; `dim` is what stands behind the colon of the name.

    Raises EncoderError for another `dim` than a multiple of 8 from 8 to 4,096.
    """

    def __init__(self, dim: str = "384") -> None:
        self.dim = int(dim) if dim.isdecimal() else 0
        if self.dim % 8 or not SMALLEST <= self.dim <= LARGEST:
            raise EncoderError(
                f"trigrams:{dim} is no encoder: give a multiple of 8 from {SMALLEST} to {LARGEST}"
            )
        self.version = f"trigrams-{self.dim}-{RECIPE}"

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode texts, in order, as unit rows."""
        rows = np.zeros((len(texts), self.dim))
        for number, text in enumerate(texts):
            for trigram in _trigrams(text):
                rows[number] += _direction(trigram, self.dim)
        return unit_rows(rows)


def _trigrams(text: str) -> list[str]:
    marked = f" {' '.join(text.casefold().split())} "
    return [marked[at : at + 3] for at in range(len(marked) - 2)]


@lru_cache(maxsize=50_000)
def _direction(trigram: str, dim: int) -> NDArray[np.float64]:
    """Return the direction of a trigram, each number 1 or -1."""
    digest = shake_128(trigram.encode("utf-8", "surrogatepass")).digest(dim // 8)
    return 2.0 * np.unpackbits(np.frombuffer(digest, np.uint8)).astype(np.float64) - 1.0
