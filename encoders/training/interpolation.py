"""How much of a change is taken over: chosen on pairs kept out of the training.

Some are of texts that it met, some of texts that it never met. The most that helps the first
and does not harm the second is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from encoders.base import Vectors
from encoders.training.pairs import Numbers, Parted

_MOST_TEXTS = 800
"""Texts that are encoded anew for each blend; of more, pairs are left out."""


class BlendChoice(NamedTuple):
    """The part of the change taken over, and its gain of mean -log2(rank) on pairs kept out.

    `known`: of texts that the training met; `strange`: of texts that it did not. NaN where no
    such pair was kept out.
    """

    blend: float
    known: float
    strange: float


class HeldOutPairs(NamedTuple):
    """Texts to rank among (numbers), and the pairs ranked, by places among those."""

    texts: Numbers
    known: tuple[Numbers, Numbers]
    strange: tuple[Numbers, Numbers]


def held(parts: Parted, rng: np.random.Generator) -> HeldOutPairs:
    """Pick the texts that pairs kept out are ranked among, those of the pairs first of all."""
    both = (parts.strange, parts.known)
    texts = np.unique(np.concatenate([side for pair in both for side in pair]))
    if len(texts) > _MOST_TEXTS:
        texts = np.sort(rng.permutation(texts)[:_MOST_TEXTS])
    known, strange = (_places(pair, texts) for pair in (parts.known, parts.strange))
    return HeldOutPairs(texts, known, strange)


def _places(pair: tuple[Numbers, Numbers], texts: Numbers) -> tuple[Numbers, Numbers]:
    is_here = np.isin(pair[0], texts) & np.isin(pair[1], texts)
    return np.searchsorted(texts, pair[0][is_here]), np.searchsorted(texts, pair[1][is_here])


def choose(
    blends: Sequence[float], among: HeldOutPairs, old: Vectors, encode: Callable[[float], Vectors]
) -> BlendChoice:
    """Return the best blend: the greatest gain on known texts among those that harm no strange one.

    Where all of them do, the one that does least harm. `old` and what `encode` gives are rows
    (t, dim) of `among.texts`. The first blend is taken unseen where there is nothing to choose
    by.
    """
    if not len(among.known[0]) and not len(among.strange[0]):
        return BlendChoice(blends[0], np.nan, np.nan)
    before = [_log_ranks(old, pair) for pair in (among.known, among.strange)]
    choices = []
    for blend in blends:
        rows = encode(blend)
        gains = [
            _mean(was - _log_ranks(rows, pair))
            for was, pair in zip(before, (among.known, among.strange), strict=True)
        ]
        choices.append(BlendChoice(blend, *gains))
    harmless = [choice for choice in choices if not choice.strange < 0.0]
    if harmless and not np.isnan(harmless[0].known):
        return max(harmless, key=lambda choice: choice.known)
    return max(harmless or choices, key=lambda choice: choice.strange)


def _log_ranks(rows: Vectors, pair: tuple[Numbers, Numbers]) -> NDArray[np.float64]:
    """Return log2(rank) (n,) of the second text of each pair for the first; ties lose."""
    anchors, positives = pair
    ranks = np.empty(len(anchors), np.int64)
    for start in range(0, len(anchors), 512):
        part = slice(start, start + 512)
        scores = rows[anchors[part]] @ rows.T
        places = np.arange(len(scores))
        wanted = scores[places, positives[part]].copy()
        scores[places, anchors[part]] = -np.inf
        # Put this way round, a score that is no number stands before all others.
        ranks[part] = np.count_nonzero(~(scores < wanted[:, None]), axis=1)
    return np.log2(np.maximum(ranks, 1))


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else np.nan
