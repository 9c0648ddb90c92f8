"""Words drawn at random, to hold the space of an encoder where the texts of a log do not reach.

A catalogue of films says nothing of shoes. Vectors of phrases made of the tokenizer's own words
are tied to their old places as well, so that what an encoder knew of words that no item has,
such as those of a query tomorrow, it still knows.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

_LONGEST = 5
_LEAST_LETTERS = 3
_MARKS = "\u2581\u0120"
"""What tokenizers put before a token that begins a word."""


def phrases(vocabulary: Iterable[str], count: int, rng: np.random.Generator) -> list[str]:
    """Make so many phrases of one to five words; none where the vocabulary has no whole words."""
    stripped = (token.lstrip(_MARKS) for token in vocabulary)
    words = sorted({word for word in stripped if len(word) >= _LEAST_LETTERS and word.isalpha()})
    if not words:
        return []
    lengths = rng.integers(1, _LONGEST + 1, count)
    drawn = iter(rng.integers(len(words), size=int(lengths.sum())).tolist())
    return [" ".join(words[next(drawn)] for _ in range(length)) for length in lengths.tolist()]
