"""What the learners of intent keep of one user, as part of that user's record."""

from __future__ import annotations

from typing import Protocol

from learners.intent.explanation import TrailEvent
from learners.intent.session import SessionMean
from learners.intent.session_belief import Belief
from learners.types import Vector


class IntentRecord(Protocol):
    """The part of a user's record that intent reads and writes; `learners.users.user.User` has it.

    `session` is the mean of the session's vectors, `newest` the vector (dim,) of the newest
    event, None where it had no text; `belief` is what is believed of the session, and `trail`
    its account, newest event last.
    """

    session: SessionMean | None
    newest: Vector | None
    belief: Belief | None
    trail: list[TrailEvent]
