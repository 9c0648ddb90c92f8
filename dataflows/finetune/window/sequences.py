"""What each user did, one after another, cleaned for training, and balanced draws of it.

Left out: events that are not wanted (weight of 0 or below), items without a title, and a
user's further events on the item that they are at: viewing, taking and buying one thing is
one step, not three. `capped`, `drawn` and `by_rarity` see to it that no user, label or item is
all that is learnt; every draw is keyed by a seed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from dataflows.finetune.window.window import WindowEvent, WindowItem
from dataflows.generation.prompts import item_line, search_line

T = TypeVar("T")


class Visit(NamedTuple):
    """A user comes to an item, or searches (`item_id` is ""); `line` says so in words.

    `ts` is that of the first event there.
    """

    user_id: str
    item_id: str
    line: str
    ts: float


def sequences(
    events: Iterable[WindowEvent], items: Mapping[str, WindowItem], *, searches: bool = False
) -> dict[str, list[Visit]]:
    """Return the steps of each user, oldest first; `events` in the order of time.

    With `searches` those with words are steps too.
    """
    lines = {item_id: item_line(item.title, item.categories) for item_id, item in items.items()}
    steps: dict[str, list[Visit]] = {}
    at: dict[str, str] = {}
    for event in events:
        if event.weight <= 0:
            continue
        user_id, item_id = event.user_id, event.item_id
        if item_id is None:
            line = search_line(event.text or "") if searches else ""
        else:
            line = lines.get(item_id, "")
        if not line or (item_id is not None and at.get(user_id) == item_id):
            continue
        steps.setdefault(user_id, []).append(Visit(user_id, item_id or "", line, event.ts))
        if item_id is not None:
            at[user_id] = item_id
    return steps


def prompt_lines(steps: Sequence[Visit], most: int) -> list[str]:
    """Write the newest `most` steps in lines, oldest first; of searches the newest alone."""
    searched = [place for place, step in enumerate(steps) if not step.item_id]
    newest = searched[-1] if searched else -1
    lines = [step.line for place, step in enumerate(steps) if step.item_id or place == newest]
    return lines[-most:]


def capped(
    examples: Sequence[T],
    group: Callable[[T], Hashable],
    most: int,
    rng: np.random.Generator,
) -> list[T]:
    """Keep at most `most` of each group, drawn at random; those kept stay in their order."""
    places: dict[Hashable, list[int]] = {}
    for place, example in enumerate(examples):
        places.setdefault(group(example), []).append(place)
    kept: list[int] = []
    for own in places.values():
        kept += own if len(own) <= most else rng.choice(own, most, replace=False).tolist()
    return [examples[place] for place in sorted(kept)]


def drawn(
    examples: Sequence[T], weights: NDArray[np.float64], most: int, rng: np.random.Generator
) -> list[int]:
    """Draw the places of at most `most` examples without replacement, by their weights (n,).

    They come in ascending order. Keys of an exponential race (P. Efraimidis and P. Spirakis,
    2006, "Weighted random sampling with a reservoir").
    """
    if len(examples) <= most:
        return list(range(len(examples)))
    keys = rng.exponential(size=len(examples)) / weights
    places: list[int] = np.sort(np.argpartition(keys, most)[:most]).tolist()
    return places


def by_rarity(names: Sequence[Hashable], power: float) -> NDArray[np.float64]:
    """Return weights (n,): how frequent each name is, to minus `power`, scaled to a mean of 1."""
    counts = Counter(names)
    weights = np.array([counts[name] ** -power for name in names], np.float64)
    return weights / weights.mean() if len(weights) else weights
