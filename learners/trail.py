"""What carried a belief: the session's events and what each of them spoke for.

The filter's own account is kept, so nothing has to be worked out twice: an event's gain for a
need is the log of what it multiplied the need's odds by, in nats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from learners.belief import Belief
from learners.words import TypicalWords

_STEPS = 8
_NEEDS = 3
_LONGEST = 100
_LEAST_GAIN = 0.1
_LEAST_SHARE = 0.05
_MOST_EVENTS = 3
_MOST_WORDS = 5
_TINY = 1e-9


class Step(msgspec.Struct, frozen=True):
    """One event of a session: its text (cut), its words, and need to gain for the best three."""

    event_id: str
    text: str
    words: tuple[str, ...]
    gains: dict[str, float]


class Carried(msgspec.Struct, frozen=True):
    """Why a need is believed in: its words in the session, and (event id, text, gain)."""

    need: str
    words: tuple[str, ...]
    events: tuple[tuple[str, str, float], ...]


def step_of(
    event_id: str, text: str | None, words: tuple[str, ...], belief: Belief, labels: Sequence[str]
) -> Step:
    """Give the account of an event that `belief` was just stepped by."""
    gain = np.log((belief.shares + _TINY) / (belief.prior + _TINY))
    gains: dict[str, float] = {}
    for _ in range(min(_NEEDS, len(gain))):
        slot = int(gain.argmax())
        if gain[slot] <= _LEAST_GAIN:
            break
        gains[labels[slot]] = round(float(gain[slot]), 3)
        gain[slot] = -np.inf
    return Step(event_id, (text or "")[:_LONGEST], words, gains)


def with_step(trail: Sequence[Step], step: Step) -> list[Step]:
    """Give a session's account with one more event; the newest eight are kept."""
    return [*trail, step][-_STEPS:]


def carried(
    trail: Sequence[Step], belief: Mapping[str, float], typical: TypicalWords
) -> tuple[Carried, ...]:
    """Say of the likeliest needs (at most three) which events and words carried them."""
    told = []
    for need, share in list(belief.items())[:_NEEDS]:
        steps = [step for step in trail if need in step.gains]
        if share < _LEAST_SHARE or not steps:
            continue
        steps = sorted(steps, key=lambda step: -step.gains[need])[:_MOST_EVENTS]
        weights: dict[str, float] = {}
        for step in steps:
            for word in step.words:
                weights[word] = weights.get(word, 0.0) + typical.weight(need, word)
        words = sorted((word for word in weights if weights[word] > 0), key=lambda w: -weights[w])
        told.append(
            Carried(
                need,
                tuple(words[:_MOST_WORDS]),
                tuple((step.event_id, step.text, step.gains[need]) for step in steps),
            )
        )
    return tuple(told)
