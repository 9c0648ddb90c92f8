"""A first look at the warm-up of a log: how many of its events are learnt, and how many repeat.

The look uses the same decoding and cleaning as the flow, and nothing behind the
warm-up except to see whether its last group goes on there.
"""

from __future__ import annotations

import math

import msgspec

from dataflows.config.clean import CleanSettings
from dataflows.config.events import EventSettings
from dataflows.engine.cleaning.cleaner import Cleaner
from dataflows.evaluation.log_order import LogOrder
from dataflows.messages.events import EventRecord, decode_event
from dataflows.messages.special_events import control_of, late_label

REPEATS_ABOVE = 0.05
"""Repeats are on, where that is left to the log, above this share of the warm-up."""


class Warmup(msgspec.Struct, frozen=True):
    """`learnt` events in the warm-up; `ranks_from` is the first of a group that goes on behind it.

    `repeat_share` is the share of them whose item their user already had.
    """

    learnt: int
    ranks_from: int
    repeat_share: float

    def repeats_on(self, wish: str) -> bool:
        """Decide whether items may come back, from "on", "off" or "auto"."""
        return wish == "on" or (wish == "auto" and self.repeat_share > REPEATS_ABOVE)


def look_at_warmup(
    order: LogOrder, share: float, events: EventSettings, clean: CleanSettings
) -> Warmup:
    """Look at the first `share` in [0, 1] of the events, in the order of the replay."""
    wanted = math.floor(share * order.events + 1e-9)
    cleaner = Cleaner(clean)
    group: tuple[str, float] | None = None
    met = learnt = began = repeats = 0
    had: set[tuple[str, str]] = set()
    for raw in order.records():
        event = decode_event(raw, events)
        if not isinstance(event, EventRecord):
            continue
        same = (event.user_id, event.ts) == group
        if met == wanted:
            return _warmup(learnt, began if same else learnt, repeats)
        met += 1
        # Learnt, but no interaction.
        if late_label(event) or control_of(event) or event.retracts is not None:
            continue
        group, began = (event.user_id, event.ts), began if same else learnt
        if cleaner.judge(event, raw).outcome != "learn":
            continue
        learnt += 1
        if event.item_id is not None:
            pair = (event.user_id, event.item_id)
            repeats += pair in had
            had.add(pair)
    return _warmup(learnt, learnt, repeats)


def _warmup(learnt: int, ranks_from: int, repeats: int) -> Warmup:
    return Warmup(learnt, ranks_from, repeats / learnt if learnt else 0.0)
