"""How a simulated shopper picks the next item.

It is drawn from a mixture of three ways: a complement of the last item, any
popular item, or an item for the shopper's need.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from random import Random

import msgspec

from dataflows.datasets.shop.catalogue import ShopItem
from dataflows.datasets.shop.needs import NEEDS, Need
from dataflows.datasets.shop.words import BRANDS, CATEGORIES, TIERS

COMPLEMENT_SHARE = 0.3
POPULAR_SHARE = 0.08
LIKED_BRAND = 4.0
LIKED_TIER = 2.0
WANTED_KIND = 12.0
LIKED_CATEGORY = 2.5
TRIES = 200

Shelf = tuple[str, str]


class Shopper(msgspec.Struct):
    """One user: a long-term profile, and `need`, an index into `NEEDS` (now)."""

    index: int
    user_id: str
    categories: frozenset[str]
    brands: frozenset[str]
    tier: str
    needs: tuple[int, ...]
    arrives: float
    need: int = -1
    busy_until: int = 0
    seen: dict[int, None] = {}


def make_shoppers(rng: Random, count: int) -> list[Shopper]:
    """Make users; half are there from the start, the others arrive over the stream."""
    categories = list(CATEGORIES)
    shoppers = []
    for index in range(count):
        early = rng.random() < 0.5 or index == 0  # so that the shop is never without a user
        shoppers.append(
            Shopper(
                index=index,
                user_id=f"u{index:05d}",
                categories=frozenset(rng.sample(categories, 3)),
                brands=frozenset(rng.sample(BRANDS, 8)),
                tier=rng.choice(TIERS),
                needs=tuple(rng.sample(range(len(NEEDS)), 3)),
                arrives=0.0 if early else 0.9 * rng.random(),
                seen={},
            )
        )
    return shoppers


class Shelves:
    """Items by (category, kind), each shelf with its cumulative popularity."""

    def __init__(self, items: Sequence[ShopItem]) -> None:
        self.items = items
        self.on: dict[Shelf, list[int]] = {}
        for item in items:
            self.on.setdefault((item.category, item.kind), []).append(item.index)
        self.sums = {
            shelf: list(accumulate(items[n].weight for n in on)) for shelf, on in self.on.items()
        }
        self.all_sums = list(accumulate(item.weight for item in items))


class Chooser:
    """Draws the next item of a shopper, `now` being the share of the stream that is past."""

    def __init__(self, items: Sequence[ShopItem]) -> None:
        self.items = items
        self.shelves = Shelves(items)

    def draw(self, rng: Random, shopper: Shopper, last: int | None, now: float) -> int:
        """Return the index of an item on sale, one that the shopper has not seen where possible."""
        way = rng.random()
        item = None
        if last is not None and way < COMPLEMENT_SHARE:
            item = self._complement(rng, shopper, last, now)
        elif way >= 1.0 - POPULAR_SHARE:
            item = self._popular(rng, shopper, now)
        if item is None:
            item = self._wanted(rng, shopper, now)
        return self._anything(now) if item is None else item

    def shelf_weights(self, shopper: Shopper) -> dict[Shelf, float]:
        """Return how much each shelf attracts the shopper in their need (unnormalised, > 0)."""
        need = NEEDS[shopper.need]
        weights = {}
        for category, (weight, _) in need.wants.items():
            liking = LIKED_CATEGORY if category in shopper.categories else 1.0
            kinds = {
                kind: self._kind_weight(need, category, kind)
                for kind in CATEGORIES[category].kinds
                if (category, kind) in self.shelves.on
            }
            total = sum(kinds.values())
            for kind, share in kinds.items():
                weights[category, kind] = weight * liking * share / total
        return weights

    @staticmethod
    def _kind_weight(need: Need, category: str, kind: str) -> float:
        return WANTED_KIND if kind in need.wants[category][1] else 1.0

    @staticmethod
    def _liking(shopper: Shopper, item: ShopItem) -> float:
        brand = LIKED_BRAND if item.brand in shopper.brands else 1.0
        return brand * (LIKED_TIER if item.tier == shopper.tier else 1.0)

    def _open(self, shopper: Shopper, index: int, now: float) -> bool:
        item = self.items[index]
        return item.arrives <= now < item.leaves and index not in shopper.seen

    def _complement(self, rng: Random, shopper: Shopper, last: int, now: float) -> int | None:
        after = [n for n in self.items[last].complements if self._open(shopper, n, now)]
        return rng.choices(after, _descending(after))[0] if after else None

    def _popular(self, rng: Random, shopper: Shopper, now: float) -> int | None:
        sums = self.shelves.all_sums
        for _ in range(TRIES):
            index = min(bisect_right(sums, rng.random() * sums[-1]), len(sums) - 1)
            if self._open(shopper, index, now):
                return index
        return None

    def _anything(self, now: float) -> int:
        """Return the most popular item on sale, seen or not: for one who has seen nearly all."""
        on_sale = (item for item in self.items if item.arrives <= now < item.leaves)
        return max(on_sale, key=lambda item: item.weight).index

    def _wanted(self, rng: Random, shopper: Shopper, now: float) -> int | None:
        shelves = self.shelf_weights(shopper)
        if not shelves:
            return None
        (shelf,) = rng.choices(list(shelves), list(shelves.values()))
        on, sums = self.shelves.on[shelf], self.shelves.sums[shelf]
        for _ in range(TRIES):
            index = on[min(bisect_right(sums, rng.random() * sums[-1]), len(on) - 1)]
            liking = self._liking(shopper, self.items[index]) / (LIKED_BRAND * LIKED_TIER)
            if self._open(shopper, index, now) and rng.random() < liking:
                return index
        return None


def _descending(after: Sequence[int]) -> range:
    """Return weights n, n-1, ..., 1: the first complement is the likeliest."""
    return range(len(after), 0, -1)
