"""How true the highest chance of each distribution is that was told: bins of equal width.

The expected calibration error after Naeini, Cooper and Hauskrecht, 2015, "Obtaining well
calibrated probabilities using Bayesian binning".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dataflows.evaluation.metrics.calibration import wilson

BINS = 10


class TopCalibration:
    """Collects, told by told, its highest chance and whether that one came."""

    def __init__(self) -> None:
        self._told, self._came, self._count = np.zeros(BINS), np.zeros(BINS), np.zeros(BINS, int)

    def add(self, chance: float, *, came: bool) -> None:
        """Add the highest of what was told, from 0 to 1."""
        place = min(int(chance * BINS), BINS - 1)
        self._told[place] += chance
        self._came[place] += came
        self._count[place] += 1

    def figures(self) -> dict[str, Any]:
        """Return the bins that hold any, means over all, and the expected calibration error."""
        events, off = int(self._count.sum()), float(np.abs(self._told - self._came).sum())
        return {
            "events": events,
            "ece": off / events if events else None,
            "predicted": float(self._told.sum()) / events if events else None,
            "observed": float(self._came.sum()) / events if events else None,
            "bins": [self._bin(place) for place in np.flatnonzero(self._count).tolist()],
        }

    def _bin(self, place: int) -> dict[str, Any]:
        count, came = int(self._count[place]), float(self._came[place])
        return {
            "from": place / BINS,
            "to": (place + 1) / BINS,
            "events": count,
            "predicted": float(self._told[place]) / count,
            "observed": came / count,
            "interval": list(wilson(came, count)),
        }
