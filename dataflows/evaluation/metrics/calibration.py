"""How true the probabilities of the preference learner are, over the first k of each ranking.

The learner is trained to give the chosen candidate a high probability among all
(softmax over the scores). Calibrated, an item shown with 3 % is taken 3 times in 100.
Sums are kept in fine bins of the logarithm of the probability, so memory is bounded.
Measures after Guo et al., 2017, "On calibration of modern neural networks".
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataflows.evaluation.judging.ranks import ScoredCandidates

_PER_OCTAVE = 8
_OCTAVES = 20
_FINE = _PER_OCTAVE * _OCTAVES
_BINS = 12
_ALONE = 0.05
_Z = 1.959963984540054

Floats = NDArray[np.float64]


class Calibration:
    """Collects what was promised of the first `k` of each ranking, and what was taken.

    Each scored event counts once: its item may be one of the k, or none of them.
    """

    def __init__(self, k: int) -> None:
        self.events = 0
        self._promised = np.zeros(_FINE)
        self._taken = np.zeros(_FINE)
        self._count = np.zeros(_FINE)
        self._promised_at = np.zeros(k)
        self._taken_at = np.zeros(k)
        self._k = k
        self._ranking: ScoredCandidates | None = None
        self._top: list[str] = []
        self._chances: Floats = np.zeros(0)
        self._bins: NDArray[np.intp] = np.zeros(0, np.intp)

    def add(self, ranking: ScoredCandidates, item: str) -> None:
        """Add one scored event: what was ranked before its group, and its true item."""
        if ranking is not self._ranking:
            self._look(ranking)
        self.events += 1
        np.add.at(self._promised, self._bins, self._chances)
        np.add.at(self._count, self._bins, 1.0)
        self._promised_at[: len(self._chances)] += self._chances
        if item in self._top:
            place = self._top.index(item)
            self._taken[self._bins[place]] += 1.0
            self._taken_at[place] += 1.0

    def figures(self) -> dict[str, Any]:
        """Return bins, places and the expected calibration error, for the report."""
        bins = self._merged()
        places = sum(each["places"] for each in bins)
        off = sum(each["places"] * abs(each["predicted"] - each["observed"]) for each in bins)
        n = self.events
        return {
            "events": n,
            "ece": off / places if places else None,
            "predicted_hits": float(self._promised_at.sum()) / n if n else None,
            "observed_hits": float(self._taken_at.sum()) / n if n else None,
            "bins": bins,
            "by_place": {
                "predicted": (self._promised_at / n).tolist() if n else [],
                "observed": (self._taken_at / n).tolist() if n else [],
            },
        }

    def _look(self, ranking: ScoredCandidates) -> None:
        """Keep the first k of a ranking with their probabilities among all its candidates."""
        scores = np.where(np.isfinite(ranking.scores), ranking.scores, -np.inf)
        self._ranking = ranking
        best = np.argsort(-scores, kind="stable")[: self._k]
        best = best[scores[best] > -np.inf]
        shares = np.exp(scores - scores[best[0]]) if len(best) else scores
        self._chances = shares[best] / shares.sum()
        self._top = [ranking.ids[place] for place in best.tolist()]
        octaves = np.log2(np.maximum(self._chances, 2.0**-_OCTAVES)) + _OCTAVES
        self._bins = np.minimum(_PER_OCTAVE * octaves, _FINE - 1).astype(np.intp)

    def _merged(self) -> list[dict[str, Any]]:
        """Join fine bins to at most `_BINS` with about as many places in each.

        What is left over at the top goes to the last bin, unless it says something alone.
        """
        quota = self._count.sum() / _BINS
        edges, held = [0], 0.0
        for stop, count in enumerate(self._count.tolist(), 1):
            held += count
            if held and held >= quota:
                edges.append(stop)
                held = 0.0
        if held > _ALONE * quota:
            edges.append(_FINE)
        elif held:
            edges[-1] = _FINE
        return [self._bin(start, stop) for start, stop in pairwise(edges)]

    def _bin(self, start: int, stop: int) -> dict[str, Any]:
        count = float(self._count[start:stop].sum())
        taken = float(self._taken[start:stop].sum())
        return {
            "from": 0.0 if start == 0 else 2.0 ** (start / _PER_OCTAVE - _OCTAVES),
            "to": 2.0 ** (stop / _PER_OCTAVE - _OCTAVES),
            "places": int(count),
            "predicted": float(self._promised[start:stop].sum()) / count,
            "observed": taken / count,
            "interval": list(wilson(taken, count)),
        }


def wilson(hits: float, count: float) -> tuple[float, float]:
    """Return the 95 % interval of a share, after Wilson, 1927. `count` is above 0."""
    share, z2 = hits / count, _Z * _Z
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = _Z / (1 + z2 / count)
    half *= math.sqrt(share * (1 - share) / count + z2 / (4 * count * count))
    return max(0.0, middle - half), min(1.0, middle + half)
