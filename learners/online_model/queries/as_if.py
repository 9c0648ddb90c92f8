"""A user as if something had just been: a copy, of which nothing is kept."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import NamedTuple

from learners.intent.record import extended
from learners.signals.searches import newest
from learners.signals.undo import UndoRecord
from learners.state.model import ModelState
from learners.types import Interaction, Vector
from learners.users.user import KEPT, User

_APART = 1.0  # seconds between two items of a context: each is a step of its own


class GivenSearch(NamedTuple):
    """A search that somebody would make: its text, and the unit vector (dim,) of that, if any."""

    text: str
    vector: Vector | None


def as_if(
    state: ModelState,
    user: User | None,
    numbers: Sequence[int],
    search: GivenSearch | None,
    now: float,
) -> User:
    """Return a user as if they had taken items, the newest last, and then searched.

    `now` (seconds since 1970) is when; a moment that is before the user's newest event is moved
    behind it. The session goes on by the meaning of the items; what is believed of it, and the
    profile, stay as they are. None: a user of whom nothing is known.
    """
    made = _copied(user) if user is not None else User(space=state.users.space)
    ts = max(now, made.newest_time() + _APART)
    semantic, of = state.signals.semantic, state.settings
    for number in numbers:
        undo = UndoRecord(position=state.position, steps=made.steps)
        made.add(number, ts, undo, of.recent, of.taken_limit)
        vector = semantic.vectors[number].copy() if semantic.has[number] else None
        made.intent.session = extended(made.intent.session, vector, ts)
        made.intent.newest = vector
        ts += _APART
    if search is not None:
        asked = Interaction(
            *(state.position + 1, "", "", None, "search", ts),
            vector=search.vector,
            text=search.text,
        )
        words = state.signals.words
        made.search = newest(asked, made.search, made.length, semantic, words)
    return made


def _copied(user: User) -> User:
    """Return a copy of a user of which all that `add` writes to is its own."""
    made = copy(user)
    for name in KEPT:
        setattr(made, name, getattr(user, name).copy())
    made.taken = None if user.taken is None else user.taken.copy()
    made.intent = copy(user.intent)
    return made
