"""What the learners of intent keep of one user, as one field of that user's record."""

from __future__ import annotations

import msgspec

from learners.intent.explanation import TrailEvent
from learners.intent.session import SessionMean
from learners.intent.session_belief import Belief
from learners.types import Vector


class IntentRecord(msgspec.Struct):
    """All that intent knows of a user.

    `session` is the mean of the session's vectors, `newest` the vector (dim,) of the newest
    event, None where it had no text; `belief` is what is believed of the session, and `trail`
    its account, newest event last.
    """

    session: SessionMean | None = None
    newest: Vector | None = None
    belief: Belief | None = None
    trail: list[TrailEvent] = []

    def move(self, moved: IntentRecord | None) -> None:
        """Leave the vectors of another encoder behind; take those of `moved`, where it is given.

        The account stays: it holds none.
        """
        if moved is not None:
            self.session, self.newest, self.belief = moved.session, moved.newest, moved.belief
            return
        if self.session is not None:
            self.session = msgspec.structs.replace(self.session, total=None, weight=0.0)
        self.newest = self.belief = None
