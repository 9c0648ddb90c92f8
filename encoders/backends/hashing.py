"""An encoder without weights: signed feature hashing of words and pieces of words.

Each word, and each of its character n-grams, is sent to one coordinate with a
sign, both taken from a checksum of its letters (K. Weinberger et al., Feature
Hashing for Large Scale Multitask Learning, ICML 2009). The n-grams, with marks
at both ends of a word, let inflected and misspelt words meet (P. Bojanowski et
al., Enriching Word Vectors with Subword Information, TACL 2017).

It downloads nothing and starts at once, so tests and demonstrations use it. It
knows spelling, not meaning.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from math import sqrt
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from encoders.base import EncoderError, Vectors, unit_rows

SMALLEST_DIM, LARGEST_DIM = 8, 65_536
WORDS_REMEMBERED = 50_000
RECIPE = "nfkc casefold; word 1, n-grams 1 together; ascii 3-4, other 2-3; crc32"

_WORD = re.compile(r"\w+")
_Features = tuple[NDArray[np.uint32], NDArray[np.float64]]


class HashingEncoder:
    """Texts to `(n, dim)` by feature hashing; `dim` from 8 to 65,536 (default 256).

    The result depends on the text and `dim` alone: not on the process, the
    platform or PYTHONHASHSEED. Raises EncoderError for another `dim`.
    """

    def __init__(self, dim: int = 256) -> None:
        if not SMALLEST_DIM <= dim <= LARGEST_DIM:
            raise EncoderError(
                f"a hashing encoder cannot have {dim} dimensions: "
                f"choose {SMALLEST_DIM} to {LARGEST_DIM}, such as hashing-256"
            )
        self.dim = dim
        self.version = f"hashing-{dim}-{blake2b(RECIPE.encode(), digest_size=4).hexdigest()}"

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode texts, in order, as unit rows; a text without a letter hashes its signs."""
        rows = np.zeros((len(texts), self.dim))
        for row, text in zip(rows, texts, strict=True):
            parts = [_features(word) for word in _words(text)]
            if parts:
                hashes = np.concatenate([part[0] for part in parts])
                weights = np.concatenate([part[1] for part in parts])
                row[:] = np.bincount(hashes % self.dim, weights, minlength=self.dim)
        return unit_rows(rows)


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", text).casefold()
    return _WORD.findall(plain) or plain.split()


@lru_cache(maxsize=WORDS_REMEMBERED)
def _features(word: str) -> _Features:
    """Hash a word and its n-grams: coordinates before the modulus, and signed weights.

    The word weighs 1 and its n-grams 1 together (in length), so that a long
    word does not drown a short one.
    """
    marked = f"<{word}>"
    sizes = (3, 4) if word.isascii() else (2, 3)
    grams = [marked[i : i + n] for n in sizes for i in range(len(marked) - n + 1)]
    # The leading space keeps a whole word apart from an n-gram with the same letters.
    codes = np.array([_code(f" {word}"), *map(_code, grams)], dtype=np.uint32)
    weights = np.full(len(codes), 1.0 / sqrt(max(1, len(grams))))
    weights[0] = 1.0
    # The lowest bit is the sign, the others the coordinate: the two are independent.
    return codes >> np.uint32(1), np.where(codes & np.uint32(1), weights, -weights)


def _code(feature: str) -> int:
    return crc32(feature.encode("utf-8", "surrogatepass"))
