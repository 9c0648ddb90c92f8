"""The list: what one user is offered, and what is known of them at that moment."""

from __future__ import annotations

import msgspec


class IntentEvidence(msgspec.Struct, frozen=True):
    """Why a need is believed in: its words in the session, and (event id, text, gain)."""

    need: str
    words: tuple[str, ...]
    events: tuple[tuple[str, str, float], ...]


class Entry(msgspec.Struct, frozen=True):
    """One place of a list. `propensity` is the probability with which it was shown."""

    item_id: str
    score: float
    reasons: tuple[str, ...]
    propensity: float = 1.0


class Leaning(msgspec.Struct, frozen=True):
    """Long-term liking of a category: `liking` in [0, 1], `certainty` in [0, 1)."""

    category: str
    liking: float
    certainty: float


def likeliest_first(shares: dict[str, float]) -> list[tuple[str, float]]:
    """Return needs with their shares, the likeliest first, equal ones by name.

    The one order of needs: what is reported as the first, and what is noticed to have changed,
    must be the same also where two are equal.
    """
    return sorted(shares.items(), key=_place)


def likeliest(shares: dict[str, float]) -> str | None:
    """Return the first need of `likeliest_first`, None where there is none."""
    return min(shares.items(), key=_place, default=(None, 0.0))[0]


def _place(pair: tuple[str, float]) -> tuple[float, str]:
    return -pair[1], pair[0]


class RecommendationList(msgspec.Struct, frozen=True):
    """The top-k of one user, best first, with both learners' view of the user.

    `sequence` grows with every event of the user, so a consumer drops what is
    older than what it has. `position` is the shard position that it is as of
    (the last interaction learnt before it was made). `intent` is what the newest event
    says, `belief` what is believed of the session, `novelty` how little the event fits any
    known label (None: not known), `because` why needs are believed in; see
    `learners.intent.explanation`.
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
