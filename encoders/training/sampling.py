"""What is read in each step: pairs drawn by weight, texts drawn evenly, phrases made up.

The negatives of a pair are the other texts of the batch: positives of other pairs, come as
often as they are wanted, hard ones, and texts drawn evenly from all that are ever wanted (mixed
negative sampling: Yang and others, 2020, "Mixed negative sampling for learning two-tower neural
networks in recommendations"). `expected` is how often a text is met in a batch; its logarithm
taken off a score makes up for that (Bengio and Senecal, 2008, "Adaptive importance sampling to
accelerate training of a neural probabilistic language model").

Phrases of words drawn at random hold the space of an encoder where the texts of a log do not
reach: a catalogue of films says nothing of shoes. Their words are the tokenizer's own, and their
vectors are tied to their old places as well, so that what an encoder knew of words that no item
has, such as those of a query tomorrow, it still knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from encoders.training.pairs import Numbered, Numbers
from encoders.training.settings import EncoderTuning

_TIED = 16
"""Texts of a batch that are drawn only to be kept where they are."""
_LEAST = 1e-12
_LONGEST = 5  # words of a phrase
_LEAST_LETTERS = 3  # of each of its words
_MARKS = "\u2581\u0120"
"""What tokenizers put before a token that begins a word."""


class Draw(NamedTuple):
    """One step: distinct `texts` (t,) by number, and places among them.

    `tied` (k,) are those drawn only to be kept; `anchors` (b,); `candidates` (c,); `wanted` (b,)
    places among the candidates; `offsets` float32 (c,) are taken off the candidates' scores;
    `barred` (b, c) are no candidates of a pair: its own anchor.
    """

    texts: Numbers
    tied: Numbers
    anchors: Numbers
    candidates: Numbers
    wanted: Numbers
    offsets: NDArray[np.float32]
    barred: NDArray[np.bool_]


class Draws:
    """Draws steps; the same seed gives the same ones, in whatever order they are asked for."""

    def __init__(self, pairs: Numbered, batch_size: int, settings: EncoderTuning) -> None:
        self._pairs = pairs
        self._size = batch_size
        self._hard = min(settings.hard, batch_size)
        self._seed = settings.seed
        count = len(pairs.texts)
        self._wanted = np.unique(pairs.positives)
        self._others = min(settings.others, len(self._wanted))
        frequency = _share(pairs.positives, pairs.weights, count)
        expected = batch_size * frequency
        expected[self._wanted] += self._others / len(self._wanted)
        has = pairs.negatives >= 0
        expected += self._hard * _share(pairs.negatives[has], pairs.weights[has], count)
        self._offsets = np.log(np.maximum(expected, _LEAST)) - (1.0 - settings.popularity) * np.log(
            np.maximum(frequency, _LEAST)
        )

    def draw(self, step: int) -> Draw:
        """Draw a step."""
        rng = np.random.default_rng([self._seed, 7, step])
        pairs = self._pairs
        places = rng.choice(len(pairs.weights), self._size, p=pairs.weights)
        anchors, positives = pairs.anchors[places], pairs.positives[places]
        hard = pairs.negatives[places[: self._hard]]
        others = rng.choice(self._wanted, self._others, replace=False)
        candidates = np.unique(np.concatenate((positives, others, hard[hard >= 0])))
        tied = rng.choice(pairs.tied, min(_TIED, len(pairs.tied)), replace=False)
        texts, at = np.unique(np.concatenate((anchors, candidates, tied)), return_inverse=True)
        return Draw(
            texts,
            at[len(anchors) + len(candidates) :],
            at[: len(anchors)],
            at[len(anchors) : len(anchors) + len(candidates)],
            np.searchsorted(candidates, positives),
            self._offsets[candidates].astype(np.float32),
            candidates[None, :] == anchors[:, None],
        )


def _share(texts: Numbers, weights: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return how much of the weight is that of each text (count,)."""
    return np.bincount(texts, weights, count).astype(np.float64)


def phrases(vocabulary: Iterable[str], count: int, rng: np.random.Generator) -> list[str]:
    """Make so many phrases of one to five words; none where the vocabulary has no whole words."""
    stripped = (token.lstrip(_MARKS) for token in vocabulary)
    words = sorted({word for word in stripped if len(word) >= _LEAST_LETTERS and word.isalpha()})
    if not words:
        return []
    lengths = rng.integers(1, _LONGEST + 1, count)
    drawn = iter(rng.integers(len(words), size=int(lengths.sum())).tolist())
    return [" ".join(words[next(drawn)] for _ in range(length)) for length in lengths.tolist()]
