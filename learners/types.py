"""What goes into the learners and what comes out: interactions, items, lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
    is learnt as wanted, < 0 for what speaks against its item, 0 for what does
    neither. `vector` is the unit vector `(dim,)` of the event's own text, or None
    where it has none, and `text` that text. `intent` is an explicit
    label. `value` is what the event says with a number, such as a rating. `encoded`
    is what `vector` was made of, to be encoded again by another encoder. `rest` is for how many
    seconds the item is not listed again for its user, where repeats are on; None: as is learnt.
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
    rest: float | None = None


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
    """One thing that can be recommended; `vector` is `(dim,)` unit or None for "no text".

    `text` describes it; `learners.recommender` encodes it where there is no vector, and
    `OnlineModel`, which takes vectors, does not look at it. `attributes` are for rules: nothing is
    learnt from them.
    """

    item_id: str
    title: str
    categories: tuple[str, ...] = ()
    available: bool = True
    vector: Vector | None = None
    text: str | None = None
    attributes: Mapping[str, Any] = {}


class IntentEvidence(msgspec.Struct, frozen=True):
    """Why a need is believed in: its words in the session, and (event id, text, gain)."""

    need: str
    words: tuple[str, ...]
    events: tuple[tuple[str, str, float], ...]


class Entry(msgspec.Struct, frozen=True):
    """One place of a list. `propensity` is the probability with which it was shown.

    `title` is what the item is called in the catalogue, its id where it has no title there.
    """

    item_id: str
    score: float
    reasons: tuple[str, ...]
    propensity: float = 1.0
    title: str = ""


class Leaning(msgspec.Struct, frozen=True):
    """Long-term liking of a category: `liking` in [0, 1], `certainty` in [0, 1)."""

    category: str
    liking: float
    certainty: float


class RecommendationList(msgspec.Struct, frozen=True):
    """The top-k of one user, best first, with both learners' view of the user.

    `sequence` grows with every event of the user, so a consumer drops what is
    older than what it has. `position` is the shard position that it is as of
    (the last interaction learnt before it was made). `intent` is what the newest event
    says, `belief` what is believed of the session, both likeliest first and equal ones by name;
    `novelty` how little the event fits any known label (None: not known), `because` why needs are
    believed in; see `learners.intent.explanation`. `held_back` counts the items that rest
    (`learners.signals.rests`), and could be listed else. `rules` are the names of those that
    changed the list (`learners.ranking.rules`).
    """

    user_id: str
    entries: tuple[Entry, ...]
    intent: dict[str, float]
    profile: tuple[Leaning, ...]
    sequence: int
    position: int
    belief: dict[str, float] = {}
    novelty: float | None = None
    because: tuple[IntentEvidence, ...] = ()
    held_back: int = 0
    rules: tuple[str, ...] = ()
