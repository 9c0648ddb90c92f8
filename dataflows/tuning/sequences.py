"""What each user did, one after another, cleaned for training.

Left out: events that are not wanted (weight of 0 or below), items without a title, and a
user's further events on the item that they are at: viewing, taking and buying one thing is
one step, not three.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from dataflows.tuning.prompts import plain
from dataflows.tuning.window import WindowEvent, WindowItem


class Step(NamedTuple):
    """A user comes to an item; `title` is one plain line. `ts` is that of the first event there."""

    user_id: str
    item_id: str
    title: str
    ts: float


def sequences(
    events: Iterable[WindowEvent], items: Mapping[str, WindowItem]
) -> dict[str, list[Step]]:
    """Give the steps of each user, oldest first; `events` in the order of time."""
    titles = {item_id: plain(item.title) for item_id, item in items.items()}
    steps: dict[str, list[Step]] = {}
    for event in events:
        title = titles.get(event.item_id or "", "")
        if event.item_id is None or not title or event.weight <= 0:
            continue
        own = steps.setdefault(event.user_id, [])
        if not own or own[-1].item_id != event.item_id:
            own.append(Step(event.user_id, event.item_id, title, event.ts))
    return steps
