"""Encoding where some have no text: a marked state, not a vector compared with others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from encoders.base import Encoder
from encoders.text import repair
from encoders.throughput import Foresees

Vector = NDArray[np.float32]


def encode_optional(encoder: Encoder, texts: Sequence[str | None]) -> list[Vector | None]:
    """Encode what is text; None for the others. One answer each, in the same order.

    A vector is float32 `(dim,)` of length 1. None stands for: no text, blank or
    invisible text, a value that is not text (a number that slipped through),
    and a text in which the encoder knows nothing. One call of the encoder.
    """
    answers: list[Vector | None] = [None] * len(texts)
    places, words = _readable(texts)
    if words:
        vectors = encoder.encode(words)
        known = np.any(vectors != 0.0, axis=1).tolist()
        for place, vector, is_known in zip(places, vectors, known, strict=True):
            # A copy: a view would keep the whole batch in memory for as long as one row lives.
            answers[place] = vector.copy() if is_known else None
    return answers


def tokens_ahead(encoder: Encoder, texts: Sequence[str | None]) -> list[int]:
    """Return about how many tokens `encode_optional` would have to encode for each text.

    0 for what is no text, what stands earlier in `texts`, and what is remembered; 0 for all
    where the encoder does not foresee it.
    """
    tokens = [0] * len(texts)
    if isinstance(encoder, Foresees):
        places, words = _readable(texts)
        for place, count in zip(places, encoder.tokens_ahead(words), strict=True):
            tokens[place] = count
    return tokens


def _readable(texts: Sequence[str | None]) -> tuple[list[int], list[str]]:
    """Return the places of what is text, and the texts as they are encoded."""
    places, words = [], []
    for place, text in enumerate(texts):
        if isinstance(text, str) and (whole := repair(text).text):
            places.append(place)
            words.append(whole)
    return places, words
