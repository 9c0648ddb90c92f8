"""Pairs of texts to learn from: checked, cleaned, numbered, and some of them kept out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from encoders.base import EncoderError
from encoders.text import repair

Numbers = NDArray[np.intp]
_MOST_CHECKED = 2_000
"""Pairs of a kind that are kept out at most: more would cost time and tell no more."""


class TextPairs(NamedTuple):
    """Texts that belong together, pair by pair; `weights` float32 (n,), above 0.

    A pair is drawn as often as it weighs. `negatives`, where given, has for each pair a text
    like the positive that does not belong to the anchor, "" for none.
    """

    anchors: Sequence[str]
    positives: Sequence[str]
    weights: NDArray[np.float32]
    negatives: Sequence[str] | None = None


class Numbered(NamedTuple):
    """Pairs over `texts`, by number; `weights` float64 (n,) sum to 1. `negatives`: -1 for none.

    `tied` (m,) are the texts whose vectors are to stay where they are.
    """

    texts: list[str]
    anchors: Numbers
    positives: Numbers
    negatives: Numbers
    weights: NDArray[np.float64]
    tied: Numbers


class PairSplit(NamedTuple):
    """Pairs to train on, and two sorts kept out: of texts met there, of texts met nowhere."""

    train: Numbered
    known: tuple[Numbers, Numbers]
    strange: tuple[Numbers, Numbers]


def numbered(pairs: TextPairs, tied: Sequence[str]) -> Numbered:
    """Clean pairs and number their texts; a pair with a blank text, or with itself, is left out.

    Raises EncoderError for lists of different lengths, a weight that is not finite or below 0,
    and where no pair is left.
    """
    _check(pairs)
    number: dict[str, int] = {}

    def numbers(texts: Sequence[str]) -> Numbers:
        whole = (repair(text).text for text in texts)
        return np.array(
            [number.setdefault(text, len(number)) if text else -1 for text in whole], np.intp
        )

    anchors, positives = numbers(pairs.anchors), numbers(pairs.positives)
    negatives = numbers(pairs.negatives or [""] * len(anchors))
    weights = np.asarray(pairs.weights, np.float64)
    good = (anchors >= 0) & (positives >= 0) & (anchors != positives) & (weights > 0)
    if not good.any():
        raise EncoderError(
            f"there is nothing to train on: of {len(good)} pairs none has two different texts and "
            "a weight above 0; give a longer window of events"
        )
    # What was never wanted is unknown, not unwanted: it must not be pushed away.
    negatives[~np.isin(negatives, positives[good])] = -1
    own = numbers(tied)
    return Numbered(
        list(number),
        anchors[good],
        positives[good],
        negatives[good],
        weights[good] / weights[good].sum(),
        np.unique(own[own >= 0]),
    )


def _check(pairs: TextPairs) -> None:
    lengths = {
        "anchors": len(pairs.anchors),
        "positives": len(pairs.positives),
        "weights": len(pairs.weights),
    }
    if pairs.negatives is not None:
        lengths["negatives"] = len(pairs.negatives)
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{count} {name}" for name, count in lengths.items())
        raise EncoderError(f"the pairs are uneven: {counts}; give one of each for every pair")
    weights = np.asarray(pairs.weights, np.float64)
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise EncoderError("a weight of a pair is not finite, or below 0; leave that pair out")


def parted(pairs: Numbered, share: float, rng: np.random.Generator) -> PairSplit:
    """Keep `share` of all texts out of the training, and as large a part of the other pairs.

    Nothing is kept out where the pairs left would be too few to train on.
    """
    met = np.unique(np.concatenate((pairs.anchors, pairs.positives)))
    strangers = rng.permutation(met)[: round(share * len(met))]
    is_strange = np.isin(pairs.positives, strangers)
    touched = is_strange | np.isin(pairs.anchors, strangers)
    is_kept = ~touched & (rng.random(len(touched)) < share)
    train = ~touched & ~is_kept
    if train.sum() < len(train) / 4 or not train.any():
        none = (np.zeros(0, np.intp), np.zeros(0, np.intp))
        return PairSplit(pairs, none, none)
    weights = pairs.weights[train]
    negatives = pairs.negatives[train]
    negatives[~np.isin(negatives, pairs.positives[train])] = -1
    return PairSplit(
        Numbered(
            pairs.texts,
            pairs.anchors[train],
            pairs.positives[train],
            negatives,
            weights / weights.sum(),
            pairs.tied[~np.isin(pairs.tied, strangers)],
        ),
        _some(pairs, is_kept, rng),
        _some(pairs, is_strange, rng),
    )


def _some(
    pairs: Numbered, chosen: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[Numbers, Numbers]:
    """Draw from the pairs chosen, at most so many; return their anchors and positives."""
    places = np.flatnonzero(chosen)
    places = np.sort(rng.permutation(places)[:_MOST_CHECKED])
    return pairs.anchors[places], pairs.positives[places]
