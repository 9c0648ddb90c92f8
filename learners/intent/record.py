"""What the learners of intent keep of one user, as one field of that user's record.

The session so far is kept as one vector, a decayed mean of the vectors of its events, beside what
is believed of it and the account of that. Sessions and beliefs are small frozen structs.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from learners.limited_settings import AboveZero, LimitedSettings, Share
from learners.types import Vector


class SessionSettings(LimitedSettings, frozen=True):
    """When a session ends, and how fast its earlier events fade.

    `gap` is seconds of silence after which a new session begins, where no session id
    says so. `decay` is what an event weighs after one more event, from 0 (only the
    newest counts) to 1 (all count alike). Raises ValueError for values outside.
    """

    gap: AboveZero = 1800.0
    decay: Share = 0.8


class SessionMean(msgspec.Struct, frozen=True):
    """What is kept of a user's session.

    `total` is the decayed sum `(dim,)` of its vectors, or None where no event had
    one; `weight` is the decayed number of those. `ts` is the time of its newest
    event, in seconds.
    """

    ts: float
    session_id: str | None = None
    total: Vector | None = None
    weight: float = 0.0


class Belief(msgspec.Struct, frozen=True):
    """The belief of one user's session, kept in their record.

    `shares` (n,) are by slot of the learner's labels, as of `edition` of their table;
    `prior` is what was believed before the newest event, and `trust` what it was read
    with. `labelled` is the slot of the newest label of the session, -1 while there is none,
    and `since` counts the events after it.
    """

    edition: int
    prior: NDArray[np.float32]
    shares: NDArray[np.float32]
    trust: float = 1.0
    labelled: int = -1
    since: int = 0


class TrailEvent(msgspec.Struct, frozen=True):
    """One event of a session: its text (cut), and need to gain for the best three.

    `gains` is None until the belief has taken the event in.
    """

    event_id: str
    text: str
    gains: dict[str, float] | None = None


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

    def view(
        self, dim: int, ts: float | None = None, session_id: str | None = None
    ) -> Vector | None:
        """Return the newest vector beside the mean of the session `(2 * dim,)`.

        It is as of an event at `ts`, by default the last one; None where nothing is known.
        """
        session = self.session
        if session is None or not dim:
            return None
        mean = mean_vector(session, session.ts if ts is None else ts, session_id)
        if mean is None:
            return None
        view = np.zeros(2 * dim, np.float32)
        if self.newest is not None:
            view[:dim] = self.newest
        view[dim:] = mean
        return view


DEFAULT = SessionSettings()


def is_over(
    mean: SessionMean, ts: float, session_id: str | None, settings: SessionSettings = DEFAULT
) -> bool:
    """Return whether an event at `ts` begins a new session.

    Two session ids decide where both are known; else the gap does. An event that
    comes late belongs to the session that is on.
    """
    if session_id is not None and mean.session_id is not None:
        return session_id != mean.session_id
    return ts - mean.ts > settings.gap


def mean_vector(
    mean: SessionMean | None,
    ts: float,
    session_id: str | None = None,
    settings: SessionSettings = DEFAULT,
) -> Vector | None:
    """Return the mean `(dim,)` of the session that an event at `ts` falls into, without that event.

    None where the session is new or has no vector yet. Its length is at most that of
    the longest vector: 1 for unit vectors.
    """
    if mean is None or mean.total is None or is_over(mean, ts, session_id, settings):
        return None
    return mean.total / np.float32(mean.weight)


def extended(
    mean: SessionMean | None,
    vector: Vector | None,
    ts: float,
    session_id: str | None = None,
    settings: SessionSettings = DEFAULT,
) -> SessionMean:
    """Return the session with one more event; `vector` is `(dim,)`, or None for "no text".

    A vector that holds NaN or infinity counts as None. A vector of another size than
    the session's (another encoder) begins the sum anew.
    """
    if mean is None or is_over(mean, ts, session_id, settings):
        mean = SessionMean(ts)
    total, weight = mean.total, mean.weight
    if vector is not None and np.isfinite(vector).all():
        if total is None or total.shape != vector.shape:
            total, weight = np.array(vector, np.float32), 1.0
        else:
            total = total * np.float32(settings.decay) + vector.astype(np.float32, copy=False)
            weight = weight * settings.decay + 1.0
    known_id = session_id if session_id is not None else mean.session_id
    return SessionMean(max(ts, mean.ts), known_id, total, weight)
