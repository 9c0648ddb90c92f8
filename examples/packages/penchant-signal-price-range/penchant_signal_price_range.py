"""Items in the same price range: what a user pays tells what else they may want."""

from __future__ import annotations

import math
from bisect import insort
from typing import Any

import numpy as np

from learners.arrays import grown
from learners.signals.signal import Columns, Numbers, Signal, SignalContext, Taking

BANDS = 4  # in a factor of two
REACH = 3.0  # steps back


class PriceRange(Signal):
    """How near the price of an item is to those of what its user took last.

    A price is the `value` of an event. Counted are, for each item, how many prices it had and what
    their logarithms (of base 2) add up to; a band holds the items whose mean lies in it.
    """

    name = "price_range"
    columns = ("price_near", "price_above")

    def __init__(self) -> None:
        self.sums = np.zeros((0, 2))
        self.bands: dict[int, list[int]] = {}  # in order: what is restored must be as it was

    def make_room(self, items: int) -> None:
        self.sums = grown(self.sums, items)

    def count(self, taking: Taking) -> None:
        self._add(taking, 1.0)

    def uncount(self, taking: Taking) -> None:
        self._add(taking, -1.0)

    def forget(self, item: int) -> None:
        self._put(item, np.zeros(2))

    def candidates(self, context: SignalContext) -> Numbers:
        usual = self._usual(context)
        if usual is None:
            return np.zeros(0, np.int32)
        band = math.floor(usual * BANDS)
        near = [self.bands.get(band + at, []) for at in (-1, 0, 1)]
        items = np.array(near[0] + near[1] + near[2], np.int32)
        return items[np.argsort(-self._nearness(items, usual), kind="stable")]

    def features(self, ids: Numbers, context: SignalContext) -> Columns:
        usual, said = self._usual(context), np.zeros((2, len(ids)), np.float32)
        if usual is not None:
            known = self.sums[ids, 0] > 0.0
            said[0, known] = self._nearness(ids[known], usual)
            said[1, known] = np.clip(self._price(ids[known]) - usual, -3.0, 3.0)
        return said

    def explain(self, item: int, context: SignalContext) -> str | None:
        usual = self._usual(context)
        is_near = usual is not None and self.sums[item, 0] and self._nearness(item, usual) > 0.7
        return "costs about as much as recent choices" if is_near else None

    def item_state(self, item: int) -> Any:
        return self.sums[item].tolist() if self.sums[item, 0] else None

    def restore_item(self, item: int, state: Any) -> None:
        self._put(item, np.array(state))

    def _add(self, taking: Taking, sign: float) -> None:
        if taking.value is not None and taking.value > 0.0:
            price = sign * math.log2(taking.value)
            left = self.sums[taking.item] + (sign, price)
            self._put(taking.item, left if left[0] > 0.0 else np.zeros(2))

    def _put(self, item: int, sums: Any) -> None:
        if self.sums[item, 0]:
            self.bands[self._band(item)].remove(item)
        self.sums[item] = sums
        if self.sums[item, 0]:
            insort(self.bands.setdefault(self._band(item), []), item)

    def _band(self, item: int) -> int:
        return math.floor(self._price(item) * BANDS)

    def _price(self, items: Any) -> Any:
        return self.sums[items, 1] / self.sums[items, 0]

    def _nearness(self, items: Any, usual: float) -> Any:
        return np.exp(-BANDS * np.abs(self._price(items) - usual))

    def _usual(self, context: SignalContext) -> float | None:
        """Return the mean price (logarithm) of the newest items, None where none is known."""
        known = self.sums[context.recent, 0] > 0.0
        if not known.any():
            return None
        weights = np.exp(-context.back[known] / REACH)
        return float(weights @ self._price(context.recent[known]) / weights.sum())
