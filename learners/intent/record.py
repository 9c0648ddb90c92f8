"""What the learners of intent keep of one user, as part of that user's record."""

from __future__ import annotations

from typing import Protocol

from learners.belief import Belief
from learners.interaction import Vector
from learners.session import SessionMean
from learners.trail import TrailEvent


class IntentRecord(Protocol):
    """The part of a user's record that intent reads and writes; `learners.history.User` has it.

    `session` is the mean of the session's vectors, `newest` the vector (dim,) of the newest
    event, None where it had no text; `belief` is what is believed of the session, and `trail`
    its account, newest event last.
    """

    session: SessionMean | None
    newest: Vector | None
    belief: Belief | None
    trail: list[TrailEvent]
