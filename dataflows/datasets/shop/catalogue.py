"""The catalogue of the simulated shop: items with text, a price and a long tail of popularity."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec

from dataflows.datasets.shop.needs import NEEDS
from dataflows.datasets.shop.words import BRANDS, CATEGORIES, TIERS, Vocabulary

BRANDS_PER_CATEGORY = 7
COMPLEMENTS = 4


class ShopItem(msgspec.Struct):
    """One item. `arrives` and `leaves` are shares of the stream, in [0, 1]; 2.0 is never.

    `weight` is its popularity (unnormalised, > 0) and `complements` the indexes
    of items that are looked for after it, likeliest first.
    """

    index: int
    item_id: str
    title: str
    text: str
    category: str
    kind: str
    brand: str
    tier: str
    material: str
    price: float
    weight: float
    arrives: float
    leaves: float
    complements: tuple[int, ...] = ()

    def record(self) -> dict[str, Any]:
        """Return the item as a record of the topic `items`."""
        return {
            "item_id": self.item_id,
            "title": self.title,
            "text": self.text,
            "categories": [self.category],
            "attributes": {
                "kind": self.kind,
                "brand": self.brand,
                "material": self.material,
                "tier": self.tier,
                "price": self.price,
            },
            "available": True,
        }


def category_brands(category: str) -> tuple[str, ...]:
    """Return the brands that sell in a category; neighbouring categories share some."""
    first = list(CATEGORIES).index(category) * 5
    return tuple(BRANDS[(first + n) % len(BRANDS)] for n in range(BRANDS_PER_CATEGORY))


def make_items(rng: Random, count: int, arriving: float, leaving: float) -> list[ShopItem]:
    """Make `count` items with distinct titles, of which shares arrive late or leave early.

    The first item is always on sale, so that the shop is never empty.

    Only sums, products and quotients are used on floats, so that every machine
    makes the same catalogue.
    """
    categories = list(CATEGORIES)
    ranks = list(range(count))
    rng.shuffle(ranks)
    titles: set[str] = set()
    items = []
    for index in range(count):
        category = categories[index % len(categories)]
        item = _make_item(rng, index, category, titles)
        item.weight = 1.0 / (ranks[index] + 12)
        changes, moment = rng.random(), rng.random()
        if index > 0 and changes < arriving:
            item.arrives = 0.15 + 0.75 * moment
        elif index > 0 and changes < arriving + leaving:
            item.leaves = 0.25 + 0.7 * moment
        items.append(item)
    _join_complements(rng, items)
    return items


def _make_item(rng: Random, index: int, category: str, titles: set[str]) -> ShopItem:
    words = CATEGORIES[category]
    brands = category_brands(category)
    for attempt in range(1000):
        kind, brand = rng.choice(words.kinds), rng.choice(brands)
        style, material = rng.choice(words.styles), rng.choice(words.materials)
        detail = rng.choice(words.details)
        edition = f", edition {rng.randrange(2, 10_000)}" if attempt >= 20 else ""
        title = f"{brand} {style} {material} {kind}, {detail}{edition}"
        if title not in titles:
            break
    else:
        raise ValueError(f"no title is left for item {index} in {category}: ask for fewer items")
    titles.add(title)
    tier = rng.randrange(len(TIERS))
    cents = words.price * (60 + 55 * tier + rng.randrange(40))
    return ShopItem(
        index=index,
        item_id=f"i{index:05d}",
        title=title,
        text=_describe(rng, words, (brand, style, material, kind, detail, TIERS[tier])),
        category=category,
        kind=kind,
        brand=brand,
        tier=TIERS[tier],
        material=material,
        price=cents / 100,
        weight=0.0,
        arrives=0.0,
        leaves=2.0,
    )


_OPENINGS = (
    "{kind}, {style}, in {material}: made for {use}.",
    "{style} {kind} of {material}, at its best for {use}.",
    "Made with {use} in mind: {style} {kind}, {material}.",
)
_QUALITIES = {
    "budget": ("Simple and honest at a low price.", "The sensible choice when money matters."),
    "standard": ("Well made, and used every day by many.", "Good quality without fuss."),
    "premium": ("Finished by hand and made to last.", "The finest version that we sell."),
}


def _describe(rng: Random, words: Vocabulary, parts: tuple[str, ...]) -> str:
    brand, style, material, kind, detail, tier = parts
    opening = rng.choice(_OPENINGS).format(
        style=style, material=material, kind=kind, use=rng.choice(words.uses)
    )
    opening = opening[0].upper() + opening[1:]
    return f"{opening} {rng.choice(_QUALITIES[tier])} {brand}, {detail}."


def _partners() -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Return what is bought together: the kinds that serve the same need."""
    partners: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for need in NEEDS:
        wanted = [(cat, kind) for cat, (_, kinds) in need.wants.items() for kind in kinds]
        for this in wanted:
            partners.setdefault(this, []).extend(other for other in wanted if other != this)
    return partners


def _join_complements(rng: Random, items: list[ShopItem]) -> None:
    by_kind: dict[tuple[str, str], list[ShopItem]] = {}
    for item in items:
        by_kind.setdefault((item.category, item.kind), []).append(item)
    partners = _partners()
    for item in items:
        kinds = partners.get((item.category, item.kind), [])
        pools = [by_kind[kind] for kind in kinds if kind in by_kind]
        chosen: dict[int, None] = {}
        for _ in range(COMPLEMENTS if pools else 0):
            pool = rng.choice(pools)
            (other,) = rng.choices(pool, [candidate.weight for candidate in pool])
            chosen[other.index] = None
        item.complements = tuple(chosen)
