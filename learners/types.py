"""What the learners see of the world: interactions and items, after cleaning."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]

LONGEST_TEXT = 100
"""Characters kept of the text of an event."""


class Interaction(msgspec.Struct, frozen=True):
    """One cleaned event.

    `position` is the number of this event in its shard (0, 1, 2, ...): it keys
    all randomness, so that a resumed run repeats itself. `ts` is seconds since
    the epoch. `weight` is how much the event type counts; it is > 0 for what
    is learnt as wanted. `vector` is the unit vector `(dim,)` of the event's own
    text, or None where it has none, and `text` that text. `intent` is an explicit
    label. `value` is what the event says with a number, such as a rating. `encoded`
    is what `vector` was made of, to be encoded again by another encoder.
    """

    position: int
    event_id: str
    user_id: str
    item_id: str | None
    type: str
    ts: float
    weight: float = 1.0
    vector: Vector | None = None
    intent: str | None = None
    session_id: str | None = None
    value: float | None = None
    text: str | None = None
    encoded: str | None = None


class Retraction(msgspec.Struct, frozen=True):
    """What takes an earlier event of its user back: the one of this id, or the newest of a kind.

    That is the newest event of `type` with the item `item_id`, or without an item where that
    is None.
    """

    user_id: str
    event_id: str | None = None
    type: str | None = None
    item_id: str | None = None


class Item(msgspec.Struct, frozen=True):
    """One thing that can be recommended; `vector` is `(dim,)` unit or None for "no text"."""

    item_id: str
    title: str
    categories: tuple[str, ...] = ()
    available: bool = True
    vector: Vector | None = None
