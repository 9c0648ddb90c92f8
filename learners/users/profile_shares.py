"""What share of everybody's recent interactions each category has."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

_REBASE_AT = 1e100


class Shares:
    """Decayed weights per category over all users, at most `limit` categories.

    Instead of fading all weights at every event, new ones weigh more (forward decay:
    Cormode et al., 2009, "Forward decay: a practical time decay model for streaming
    systems"). `half_life` is a number of interactions. When there are too many
    categories, the lightest tenth goes.
    """

    def __init__(self, half_life: float, limit: int) -> None:
        self.half_life = half_life
        self.limit = limit
        self._growth = 2.0 ** (1.0 / half_life)
        self._unit = 1.0
        self._total = 0.0
        self._weights: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._weights)

    def learn(self, categories: Collection[str], weight: float) -> None:
        """Count one interaction with an item of these categories."""
        self._unit *= self._growth
        amount = weight * self._unit
        self._total += amount
        for category in categories:
            self._weights[category] = self._weights.get(category, 0.0) + amount
        if len(self._weights) > self.limit:
            self._drop_lightest()
        if self._unit > _REBASE_AT:
            self._rebase()

    def unlearn(self, categories: Collection[str], weight: float, ago: int) -> None:
        """Take back an interaction that was counted `ago` interactions ago."""
        amount = weight * self._unit * self._growth**-ago
        self._total = max(self._total - amount, 0.0)
        for category in categories:
            if category in self._weights:
                self._weights[category] = max(self._weights[category] - amount, 0.0)

    def share(self, category: str) -> float:
        """Return P(an interaction is with an item of this category), 0 for an unknown one."""
        return self.of((category,))[0]

    def of(self, categories: Iterable[str]) -> list[float]:
        """Return the share of each of these categories, in order."""
        total, weights = self._total or 1.0, self._weights
        # Rounding could carry a category that every item has a hair above 1.
        return [min(weights.get(category, 0.0) / total, 1.0) for category in categories]

    def state(self) -> dict[str, Any]:
        """Return all as plain values."""
        return {"unit": self._unit, "total": self._total, "weights": dict(self._weights)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore, bit for bit, what `state` returned."""
        self._unit, self._total = state["unit"], state["total"]
        self._weights = dict(state["weights"])

    def _drop_lightest(self) -> None:
        keep = max(1, self.limit - self.limit // 10)
        heaviest = sorted(self._weights.items(), key=lambda pair: -pair[1])[:keep]
        self._weights = dict(heaviest)

    def _rebase(self) -> None:
        self._total /= self._unit
        self._weights = {name: weight / self._unit for name, weight in self._weights.items()}
        self._unit = 1.0
