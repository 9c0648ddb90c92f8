"""What is told of a user's intent: named shares, the likeliest first, and how new it looks."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from learners.trail import Carried

_LEAST_TOLD = 1e-4


class Told(msgspec.Struct, frozen=True):
    """What the newest event says (`intent`) and what is believed of the session (`belief`).

    Both are need to probability, the likeliest first; what is below 0.0001 is left out, so they
    add up to a little less than 1. `novelty` tells from 0 to 1 how little the event fits
    any known label, None where no label is known or it had no text. `because` says of the
    likeliest needs which events and words carried them.
    """

    intent: dict[str, float]
    belief: dict[str, float]
    novelty: float | None = None
    because: tuple[Carried, ...] = ()


def named(labels: Sequence[str], shares: NDArray[np.float64]) -> dict[str, float]:
    """Give the shares (n,) of labels that are worth telling, best first, rounded to 6 digits."""
    slots = np.flatnonzero(shares >= _LEAST_TOLD)
    slots = slots[np.argsort(-shares[slots], kind="stable")]
    told = shares[slots].round(6).tolist()
    return {labels[slot]: share for slot, share in zip(slots.tolist(), told, strict=True)}
