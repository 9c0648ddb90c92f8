"""Two of our own columns, written once more as signals of others, to compare both ways by."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np

from learners.arrays import grown
from learners.signals.signal import Columns, Numbers, Signal, SignalContext, Taking


class Trending(Signal):
    """The count of each item that fades by half in 500 interactions, as a logarithm."""

    name = "trending_again"
    columns = ("trending_again",)
    HALF_LIFE = 500.0

    def __init__(self) -> None:
        self.counts = np.zeros(0)

    def make_room(self, items: int) -> None:
        self.counts = grown(self.counts, items)

    def count(self, taking: Taking) -> None:
        self.counts[taking.item] += taking.counted * self._unit(taking.position)

    def uncount(self, taking: Taking) -> None:
        left = self.counts[taking.item] - taking.counted * self._unit(taking.position)
        self.counts[taking.item] = left if left > 1e-9 else 0.0

    def forget(self, item: int) -> None:
        self.counts[item] = 0.0

    def features(self, ids: Numbers, context: SignalContext) -> Columns:
        counts = self.counts[ids] / self._unit(context.position) + 0.05
        return np.log(counts)[None].astype(np.float32)

    def item_state(self, item: int) -> Any:
        return float(self.counts[item]) or None

    def restore_item(self, item: int, state: Any) -> None:
        self.counts[item] = state

    def _unit(self, position: int) -> float:
        return math.exp2(position / self.HALF_LIFE)


class Together(Signal):
    """What was taken near the user's recent items, by users who took both: not less over time."""

    name = "together_again"
    columns = ("together_again",)
    looks_back = True

    def __init__(self, half_life: float = 200_000.0) -> None:
        self.half_life = half_life
        self.totals = np.zeros(0)
        self.rows: dict[int, dict[int, float]] = defaultdict(dict)

    def make_room(self, items: int) -> None:
        self.totals = grown(self.totals, items)

    def count(self, taking: Taking) -> set[int]:
        return self._add(taking, 1.0)

    def uncount(self, taking: Taking) -> set[int]:
        return self._add(taking, -1.0)

    def forget(self, item: int) -> None:
        self.totals[item] = 0.0
        self.rows.pop(item, None)

    def features(self, ids: Numbers, context: SignalContext) -> Columns:
        unit, sums = self._unit(context.position), np.zeros(len(ids))
        for item, back in zip(context.recent.tolist(), context.back.tolist(), strict=True):
            rooted = math.sqrt(self.totals[item] / unit + 1.0)
            row = dict(sorted(self.rows.get(item, {}).items()))
            counts = np.array([row.get(other, 0.0) for other in ids.tolist()])
            sums += math.exp(-back / 15.0) / (rooted * unit) * counts
        spread = 1.0 / np.sqrt(self.totals[ids] / unit + 1.0)
        return np.log(sums * spread + 1e-3)[None].astype(np.float32)

    def state(self) -> Mapping[str, Any]:
        return {"half_life": self.half_life}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.half_life = state["half_life"]

    def item_state(self, item: int) -> Any:
        row = self.rows.get(item, {})
        known = [float(self.totals[item]), list(row), list(row.values())]
        return known if any(known) else None

    def restore_item(self, item: int, state: Any) -> None:
        self.totals[item] = state[0]
        self.rows[item] = dict(zip(state[1], state[2], strict=True))

    def _add(self, taking: Taking, sign: float) -> set[int]:
        # A taking that is counted anew, since what came before it is another, is itself the same.
        self.totals[taking.item] += sign * taking.counted * self._unit(taking.position)
        recent = taking.recent
        worth = np.minimum(recent.counted, taking.counted) * np.exp(
            np.minimum(-recent.back, 0) / 10
        )
        worth *= sign * self._unit(taking.position)
        for other, more in zip(recent.items.tolist(), worth.tolist(), strict=True):
            for one, two in ((taking.item, other), (other, taking.item)):
                left = self.rows[one].get(two, 0.0) + more
                self.rows[one][two] = left
                if left <= 1e-9:  # rounding, not a count
                    del self.rows[one][two]
        return set(recent.items.tolist())

    def _unit(self, position: int) -> float:
        return math.exp2(position / self.half_life)
