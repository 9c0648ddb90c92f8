"""Balance: no user, label or item is all that is learnt. Every draw is keyed by a seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


def capped(
    examples: Sequence[T],
    group: Callable[[T], Hashable],
    most: int,
    rng: np.random.Generator,
) -> list[T]:
    """Keep at most `most` of each group, drawn at random; those kept stay in their order."""
    places: dict[Hashable, list[int]] = {}
    for place, example in enumerate(examples):
        places.setdefault(group(example), []).append(place)
    kept: list[int] = []
    for own in places.values():
        kept += own if len(own) <= most else rng.choice(own, most, replace=False).tolist()
    return [examples[place] for place in sorted(kept)]


def drawn(
    examples: Sequence[T], weights: NDArray[np.float64], most: int, rng: np.random.Generator
) -> list[int]:
    """Draw the places of at most `most` examples without replacement, by their weights (n,).

    They come in ascending order. Keys of an exponential race (P. Efraimidis and P. Spirakis,
    2006, "Weighted random sampling with a reservoir").
    """
    if len(examples) <= most:
        return list(range(len(examples)))
    keys = rng.exponential(size=len(examples)) / weights
    places: list[int] = np.sort(np.argpartition(keys, most)[:most]).tolist()
    return places


def by_rarity(names: Sequence[Hashable], power: float) -> NDArray[np.float64]:
    """Return each place (n,) the frequency of its name to minus `power`, scaled to a mean of 1."""
    counts = Counter(names)
    weights = np.array([counts[name] ** -power for name in names], np.float64)
    return weights / weights.mean() if len(weights) else weights
