"""What the lists showed of the catalogue: how much of it, how evenly, how popular.

Places are counted over all lists that were sent, events over the whole stream. The Gini
coefficient is 0 where every item has as many, and nears 1 where one has all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataflows.evaluation.judging.prequential import Prequential
from dataflows.evaluation.judging.trace import NO_ITEM

_PARTS = 10
_STEPS = 50

Counts = NDArray[np.int64]


def exposure(shown: Mapping[str, int], judge: Prequential, known: int) -> dict[str, Any]:
    """Compare how often items stood in a list with how often they were chosen.

    `shown` counts places by item. `known` is how many items the stream or the catalogue has
    held; those in neither the stream nor a list count with 0 and 0.
    """
    places, events = _counts(shown, judge, known)
    n = len(places)
    order = np.lexsort((places, events))  # least chosen first; equal ones in one fixed way
    return {
        "items": n,
        "shown": int(np.count_nonzero(places)),
        "chosen": int(np.count_nonzero(events)),
        "places": int(places.sum()),
        "gini": {"shown": gini(places), "chosen": gini(events)},
        "popularity": {
            "shown": _standing(places, events),
            "chosen": _standing(events, events),
        },
        "curve": {
            "items": np.linspace(0.0, 1.0, _STEPS + 1).tolist(),
            "shown": _curve(places),
            "chosen": _curve(events),
        },
        "tenths": {
            "shown": _shares(places[order]),
            "chosen": _shares(events[order]),
        },
    }


def gini(counts: Counts) -> float | None:
    """Return the Gini coefficient of counts `(n,)`; None where there is nothing to share."""
    n, total = len(counts), counts.sum()
    if not total:
        return None
    ranks = np.arange(1, n + 1)
    return float((2 * ranks - n - 1) @ np.sort(counts) / (n * total))


def _counts(shown: Mapping[str, int], judge: Prequential, known: int) -> tuple[Counts, Counts]:
    """Return places and events per item, `(n,)` each: the stream's items, then all others."""
    rows = judge.trace.rows()
    met = list(judge.items)  # in the order of their rows
    other = [count for item, count in shown.items() if item not in judge.items]
    n = max(known, len(met) + len(other))
    places, events = np.zeros(n, np.int64), np.zeros(n, np.int64)
    places[: len(met)] = [shown.get(item, 0) for item in met]
    places[len(met) : len(met) + len(other)] = other
    events[: len(met)] = np.bincount(rows[rows != NO_ITEM], minlength=len(met))
    return places, events


def _standing(weights: Counts, events: Counts) -> float | None:
    """Return the mean share of the catalogue that is less popular, each item with its weight.

    Of items that are as popular, half counts. A catalogue drawn from evenly gives 0.5.
    """
    if not weights.sum():
        return None
    ordered = np.sort(events)
    below = np.searchsorted(ordered, events, "left")
    up_to = np.searchsorted(ordered, events, "right")
    return float(weights @ (below + up_to) / (2 * len(events) * weights.sum()))


def _curve(counts: Counts) -> list[float]:
    """Return the Lorenz curve at even steps: what the least so many items have of all."""
    total = counts.sum()
    if not total:
        return []
    sums = np.concatenate([[0], np.cumsum(np.sort(counts))]) / total
    at = np.linspace(0, len(counts), _STEPS + 1)
    curve: list[float] = np.interp(at, np.arange(len(sums)), sums).tolist()
    return curve


def _shares(counts: Counts) -> list[float]:
    total = counts.sum()
    if not total:
        return []
    return [float(part.sum() / total) for part in np.array_split(counts, _PARTS)]
