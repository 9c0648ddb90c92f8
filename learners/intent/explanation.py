"""What is reported of a user's intent: named shares, the likeliest first, and how new it looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from learners.types_lists import IntentEvidence

_LEAST_SHARE = 1e-4


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
    slots = np.flatnonzero(shares >= _LEAST_SHARE)
    slots = slots[np.argsort(-shares[slots], kind="stable")]
    rounded = shares[slots].round(6).tolist()
    return {labels[slot]: share for slot, share in zip(slots.tolist(), rounded, strict=True)}


def blend(
    intent: Mapping[str, float], likely: Mapping[str, float], share: float
) -> dict[str, float]:
    """Return a part of each: `share` of what is likely next, the rest of `intent`."""
    mixed = {label: chance * (1.0 - share) for label, chance in intent.items()}
    for label, chance in likely.items():
        mixed[label] = mixed.get(label, 0.0) + chance * share
    return {label: round(mixed[label], 6) for label in sorted(mixed, key=lambda z: -mixed[z])}
