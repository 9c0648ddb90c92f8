"""What nobody but the simulated shop itself knows: the chance of each item, and the best list."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

import msgspec

from dataflows.datasets.shop.choice import COMPLEMENT_SHARE, POPULAR_SHARE, Chooser, Shopper
from dataflows.datasets.shop.shop import Shop


def best_list(shop: Shop, event_id: str, k: int = 10) -> list[str] | None:
    """Return the k items likeliest to be this event's, best first; None if none was chosen.

    It knows all that the simulation knows, so no recommender can do better
    on average. An event that goes on with an item (cart, purchase, rating)
    or searches has none.
    """
    truth = shop.truth(event_id)
    if truth.seen is None:
        return None
    shopper = msgspec.structs.replace(shop._visitors.all[truth.shopper], need=truth.need)
    seen = set(list(shopper.seen)[: truth.seen])
    found = chances(shop.chooser, shopper, truth.last, truth.now, seen)
    best = sorted(found, key=lambda index: (-found[index], index))
    return [shop.catalogue[index].item_id for index in best[:k]]


def chances(
    chooser: Chooser, shopper: Shopper, last: int | None, now: float, seen: AbstractSet[int]
) -> dict[int, float]:
    """Return item index -> chance to be drawn next; what is off sale or seen is left out.

    Exact but for the second try that a draw makes when a way leads nowhere.
    """
    items = chooser.items
    open_ = {i.index for i in items if i.arrives <= now < i.leaves} - seen
    found = _by_shelf(chooser, shopper, open_)
    total = sum(items[n].weight for n in open_)
    for index in open_:
        found[index] = found.get(index, 0.0) + POPULAR_SHARE * items[index].weight / total
    after = [n for n in items[last].complements if n in open_] if last is not None else []
    weights = range(len(after), 0, -1)
    for index, weight in zip(after, weights, strict=True):
        found[index] = found.get(index, 0.0) + COMPLEMENT_SHARE * weight / sum(weights)
    return found


def _by_shelf(chooser: Chooser, shopper: Shopper, open_: AbstractSet[int]) -> dict[int, float]:
    shelves = chooser.shelf_weights(shopper)
    total = sum(shelves.values())
    rest = 1.0 - POPULAR_SHARE - COMPLEMENT_SHARE
    found: dict[int, float] = {}
    for shelf, weight in shelves.items():
        on = [n for n in chooser.shelves.on[shelf] if n in open_]
        mass = sum(_weight(chooser, shopper, n) for n in on)
        for index in on:
            chance = rest * weight / total * _weight(chooser, shopper, index) / mass
            found[index] = found.get(index, 0.0) + chance
    return found


def _weight(chooser: Chooser, shopper: Shopper, index: int) -> float:
    item = chooser.items[index]
    return item.weight * chooser._liking(shopper, item)
