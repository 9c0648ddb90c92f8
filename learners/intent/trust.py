"""How far the evidence of a session's events is trusted, learnt from the labels that come.

Events of a session repeat one another (clicks do), so their evidence, multiplied, would be
believed too soon. It is raised to a power of at most 1 instead, the trust: that one of a few
values under which the labels were the least surprising.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learners.intent.record import Belief

Shares = NDArray[np.float64]

TRUSTS = (1.0, 0.6, 0.3, 0.15)
LEAST = 1e-12
"""The least share that a label counts with, so that no surprise is without bound."""
_FADING = 0.995


class Trust:
    """The exponent of the evidence that serves best, and what each of them has lost.

    `losses` (4,) are faded sums of log losses (nats), one for each of `TRUSTS`; `value` is the one
    with the least. Evidence is taken at its word until labels speak against it.
    """

    def __init__(self) -> None:
        self.losses = 2.0 * np.arange(len(TRUSTS))
        self.value = TRUSTS[0]

    def judge(self, belief: Belief, slot: int) -> None:
        """Ask how surprising a label was under each trust, from what the belief was made of."""
        prior = np.maximum(belief.prior.astype(np.float64), LEAST)
        shares = np.maximum(belief.shares.astype(np.float64), LEAST)
        ratio = shares / prior
        losses = [
            -np.log(_normal(prior * ratio ** (trust / belief.trust))[slot]) for trust in TRUSTS
        ]
        self.score(np.minimum(losses, -np.log(LEAST)))

    def score(self, losses: Shares) -> None:
        """Count one more log loss (nats) of each trust (4,)."""
        self.losses *= _FADING
        self.losses += losses
        self.value = TRUSTS[int(np.argmin(self.losses))]


def _normal(shares: Shares) -> Shares:
    """Scale shares to a sum of 1; equal ones where nothing is left."""
    total = shares.sum()
    return shares / total if total > 0 else np.full(len(shares), 1.0 / max(len(shares), 1))
