"""Pairs of texts for the sentence encoder: items that follow each other, and words and item.

An item's text is the one that its vector in the catalogue is made of. Words of a user (a
query) are paired with the item that they come to next. Each pair may have a hard negative: an
item much like the positive (of its categories, about as popular) that the user never met.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dataflows.config.examples import ExampleSettings
from dataflows.finetune.window.sequences import Visit, by_rarity, capped, drawn, sequences
from dataflows.finetune.window.window import WindowEvent, WindowItem
from dataflows.generation.prompts import MOST_CHARS, plain
from encoders.text import render_event, render_item

DRAWS = 8
"""How many items are drawn to find a hard negative among."""
TEXT_CHARS = 5 * MOST_CHARS
"""Characters of an item's text; an encoder reads no more."""


class Pair(NamedTuple):
    """Two texts that belong together; `weight` is 1 on average. `negative` is None if none."""

    anchor: str
    positive: str
    weight: float
    negative: str | None


class _Met(NamedTuple):
    user_id: str
    anchor: str
    item_id: str
    weight: float


def item_texts(items: Mapping[str, WindowItem]) -> dict[str, str]:
    """Return the text of each item that has one, as the catalogue's vectors are made of it."""
    texts: dict[str, str] = {}
    for item_id, item in items.items():
        text = plain(render_item(item.title, item.text, item.categories) or "", TEXT_CHARS)
        if text:
            texts[item_id] = text
    return texts


def item_pairs(
    events: Sequence[WindowEvent],
    items: Mapping[str, WindowItem],
    settings: ExampleSettings,
    seed: int,
    *,
    hard: bool = True,
) -> list[Pair]:
    """Return pairs from a window, `events` in the order of time; with `hard`, hard negatives."""
    rng = np.random.default_rng([seed, 3])
    texts = item_texts(items)
    steps = sequences(events, items)
    met = [*_following(steps, texts, settings), *_asked_for(events, steps, settings)]
    met = capped(met, lambda pair: pair.user_id, settings.most_of_user, rng)
    rarity = by_rarity([pair.item_id for pair in met], settings.popular_power)
    weights = rarity * np.array([pair.weight for pair in met], np.float64)
    chosen = drawn(met, weights, settings.most, rng)
    negatives = _Negatives(steps, items, texts, rng) if hard else None
    scale = weights[chosen].mean() if chosen else 1.0
    return [
        Pair(
            met[place].anchor,
            texts[met[place].item_id],
            float(weights[place] / scale),
            negatives.draw(met[place]) if negatives else None,
        )
        for place in chosen
    ]


def _following(
    steps: Mapping[str, list[Visit]], texts: Mapping[str, str], settings: ExampleSettings
) -> Iterator[_Met]:
    """Yield pairs of items up to `reach` steps apart; each step further counts less."""
    for own in steps.values():
        for place, step in enumerate(own):
            for back in range(1, min(settings.reach, place) + 1):
                before = own[place - back]
                if step.ts - before.ts > settings.gap_seconds:
                    break
                if before.item_id != step.item_id:
                    yield _Met(step.user_id, texts[before.item_id], step.item_id, 1.0 / back)


def _asked_for(
    events: Iterable[WindowEvent],
    steps: Mapping[str, list[Visit]],
    settings: ExampleSettings,
) -> Iterator[_Met]:
    """Yield pairs of the words of a user with the item that they came to next."""
    reached = dict.fromkeys(steps, 0)
    for event in events:
        own = steps.get(event.user_id)
        if own is None:
            continue
        place = reached[event.user_id]
        while place < len(own) and own[place].ts < event.ts:
            place += 1
        reached[event.user_id] = place
        if event.item_id is not None or event.text is None or place == len(own):
            continue
        words = plain(render_event(event.type, None, event.text) or "", TEXT_CHARS)
        if words and own[place].ts - event.ts <= settings.gap_seconds:
            yield _Met(event.user_id, words, own[place].item_id, 1.0)


class _Negatives:
    """Draws items like the positive that a user has not met."""

    def __init__(
        self,
        steps: Mapping[str, list[Visit]],
        items: Mapping[str, WindowItem],
        texts: Mapping[str, str],
        rng: np.random.Generator,
    ) -> None:
        self._rng = rng
        self._texts = texts
        self._items = items
        self._met = {user: {step.item_id for step in own} for user, own in steps.items()}
        self._counts = Counter(step.item_id for own in steps.values() for step in own)
        self._of_category: dict[str, list[str]] = {}
        for item_id in texts:
            for category in items[item_id].categories or ("",):
                self._of_category.setdefault(category, []).append(item_id)

    def draw(self, pair: _Met) -> str | None:
        """Return the text of an item of a category of the positive, about as popular; or None."""
        categories = self._items[pair.item_id].categories or ("",)
        wanted = categories[int(self._rng.integers(len(categories)))]
        candidates = self._of_category.get(wanted, [])
        if not candidates:
            return None
        met, own = self._met[pair.user_id], self._texts[pair.item_id]
        places: list[int] = self._rng.integers(len(candidates), size=DRAWS).tolist()
        fit = [
            item_id
            for item_id in (candidates[place] for place in places)
            if item_id not in met and self._texts[item_id] not in (own, pair.anchor)
        ]
        if not fit:
            return None
        popular = self._counts[pair.item_id]
        return self._texts[min(fit, key=lambda item_id: abs(self._counts[item_id] - popular))]
