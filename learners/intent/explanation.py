"""What is reported of a user's intent: named shares, the likeliest first, and what carried them.

What carried a belief are the session's events and what each of them spoke for. The filter's own
account is kept, so nothing has to be worked out twice: an event's gain for a need is the log of
what it multiplied the need's odds by, in nats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from learners.arrays import compiled
from learners.classifiers.base import LabelLearner
from learners.intent.keywords import TypicalWords, words_of
from learners.intent.record import Belief, TrailEvent
from learners.types import LONGEST_TEXT, IntentEvidence, Vector

_LEAST_NAMED_SHARE = 1e-4
_STEPS = 8
_NEEDS = 3
_LEAST_GAIN = 0.1
_LEAST_EXPLAINED_SHARE = 0.1
_MOST_EVENTS = 3
_MOST_WORDS = 5


class IntentPrediction(NamedTuple):
    """What is thought of an event before its label is seen; arrays are by place in `labels`."""

    labels: list[str]
    posterior: NDArray[np.float64]
    belief: NDArray[np.float64]
    novelty: float


class IntentReport(msgspec.Struct, frozen=True):
    """What the newest event says (`intent`) and what is believed of the session (`belief`).

    Both are need to probability, the likeliest first; what is below 0.0001 is left out, so they
    add up to a little less than 1. `novelty` tells from 0 to 1 how little the event fits
    any known label, None where no label is known or it had no text. `because` says of the
    likeliest needs which events and words carried them.
    """

    intent: dict[str, float]
    belief: dict[str, float]
    novelty: float | None = None
    because: tuple[IntentEvidence, ...] = ()


def named(labels: Sequence[str], shares: NDArray[np.float64]) -> dict[str, float]:
    """Return the shares (n,) of labels that are worth telling, best first, rounded to 6 digits."""
    slots = np.flatnonzero(shares >= _LEAST_NAMED_SHARE)
    slots = slots[np.argsort(-shares[slots], kind="stable")]
    names = map(labels.__getitem__, slots.tolist())
    return dict(zip(names, shares[slots].round(6).tolist(), strict=True))


def likeliest_first(shares: Mapping[str, float]) -> dict[str, float]:
    """Return needs with their shares, the likeliest first, equal ones by name.

    The one order of needs: what is reported as the first, and what is noticed to have changed,
    must be the same also where two are equal.
    """
    return dict(sorted(sorted(shares.items()), key=itemgetter(1), reverse=True))


def blend(
    intent: Mapping[str, float], likely: Mapping[str, float], share: float
) -> dict[str, float]:
    """Return a part of each: `share` of what is likely next, the rest of `intent`."""
    mixed = {label: chance * (1.0 - share) for label, chance in intent.items()}
    for label, chance in likely.items():
        mixed[label] = mixed.get(label, 0.0) + chance * share
    return {label: round(mixed[label], 6) for label in sorted(mixed, key=lambda z: -mixed[z])}


def likely(sources: Sequence[tuple[LabelLearner, float]], view: Vector | None) -> dict[str, float]:
    """Return what learners say of a view, mixed by their weights, of which one is above 0."""
    total, mixed = sum(weight for _, weight in sources), dict[str, float]()
    for learner, weight in sources:
        if weight > 0:
            for label, chance in named(learner.labels, learner.predict(view)).items():
                mixed[label] = mixed.get(label, 0.0) + chance * weight / total
    return mixed


def with_step(trail: Sequence[TrailEvent], event_id: str, text: str | None) -> list[TrailEvent]:
    """Return a session's account with one more event; the newest eight are kept."""
    return [*trail[1 - _STEPS :], TrailEvent(event_id, (text or "")[:LONGEST_TEXT])]


def settled(trail: Sequence[TrailEvent], belief: Belief, labels: Sequence[str]) -> list[TrailEvent]:
    """Return the account with what its newest event did to `belief`, just stepped by it."""
    slots, gains = np.empty(_NEEDS, np.int64), np.empty(_NEEDS)
    found = best_gains(belief.prior, belief.shares, _LEAST_GAIN, slots, gains)
    gained = {}
    for slot, gain in zip(slots[:found].tolist(), gains[:found].tolist(), strict=True):
        gained[labels[slot]] = round(gain, 3)
    return [*trail[:-1], TrailEvent(trail[-1].event_id, trail[-1].text, gained)]


def evidence(
    trail: Sequence[TrailEvent], belief: Mapping[str, float], typical: TypicalWords
) -> tuple[IntentEvidence, ...]:
    """Return which events and words carried the likeliest needs (at most three)."""
    found = []
    for need, share in islice(belief.items(), _NEEDS):
        if share < _LEAST_EXPLAINED_SHARE:
            continue
        spoke = []
        for step in trail:
            gain = None if step.gains is None else step.gains.get(need)
            if gain is not None:
                spoke.append((step.event_id, step.text, gain))
        if spoke:
            spoke.sort(key=itemgetter(2), reverse=True)
            del spoke[_MOST_EVENTS:]
            words = _words(spoke, need, typical) if need in typical.by_label else ()
            found.append(IntentEvidence(need, words, tuple(spoke)))
    return tuple(found)


def _words(
    spoke: Sequence[tuple[str, str, float]], need: str, typical: TypicalWords
) -> tuple[str, ...]:
    """Return the words of these events' texts that tell most of the need."""
    weights: dict[str, float] = {}
    for _, text, _ in spoke:
        for word in words_of(text):
            weights[word] = weights.get(word, 0.0) + typical.weight(need, word)
    words = sorted((word for word in weights if weights[word] > 0), key=lambda w: -weights[w])
    return tuple(words[:_MOST_WORDS])


@compiled
def best_gains(prior: Any, shares: Any, least: float, slots: Any, gains: Any) -> int:
    """Write the largest log(shares / prior) above `least`, best first; return how many."""
    found = 0
    for need in range(shares.size):
        gain = np.log((shares[need] + 1e-9) / (prior[need] + 1e-9))
        place = found
        while place > 0 and gains[place - 1] < gain:
            place -= 1
        if gain <= least or place >= slots.size:
            continue
        found = min(found + 1, slots.size)
        for later in range(found - 1, place, -1):
            slots[later], gains[later] = slots[later - 1], gains[later - 1]
        slots[place], gains[place] = need, gain
    return found
