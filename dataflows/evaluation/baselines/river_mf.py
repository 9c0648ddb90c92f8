"""River's matrix factorisations, which learn one pair of user and item at a time.

`reco.FunkMF` (Funk, "Netflix update: try this at home", 2006) and `reco.BiasedMF` (Koren, Bell
and Volinsky, "Matrix factorization techniques for recommender systems", 2009). They are made
for ratings; a list needs to know what is wanted at all. So a wanted item is a 1, and some
drawn from those met, that the user has not, are each a 0. What River answers pair by pair is
worked out here for all items at once, from River's own numbers.
"""

from __future__ import annotations

import numpy as np
from river import optim, reco

from dataflows.evaluation.baselines.popularity import Fallback
from dataflows.evaluation.baselines.protocol import Scores
from dataflows.evaluation.judging.trace import Group
from learners.arrays import grown

FACTORS = 32
FUNK_RATE = 0.15
FUNK_L2 = 0.03
BIASED_RATE = 0.1
BIASED_BIAS_RATE = 0.01
BIASED_L2 = 0.02
NEGATIVES = 10
SPREAD = 0.1
"""Standard deviation of the first factors."""


Model = reco.FunkMF | reco.BiasedMF


class RiverMf:
    """A model of River's; a bias of each item where it has some.

    The user's own bias and the mean move all items alike, so they are left out of the scores.
    """

    def __init__(self, model: Model, seed: int) -> None:
        self._model = model
        self._rng = np.random.default_rng(seed)
        self._rows = np.zeros((0, FACTORS + 1))
        self._known = 0
        self._own: dict[int, set[int]] = {}
        self._fallback = Fallback()

    def scores(self, user: int, ts: float, items: int) -> Scores:  # noqa: ARG002
        """Score as the model predicts, less what is alike for all items."""
        if user not in self._own:
            return self._fallback.fill(np.zeros(items))
        self._rows = grown(self._rows, items)
        rows = self._rows[:items]
        scores: Scores = rows[:, :-1] @ self._model.u_latents[user] + rows[:, -1]
        return scores

    def learn(self, group: Group) -> None:
        """Learn each wanted item as a 1, and others as 0."""
        self._fallback.learn(group)
        self._known = max(self._known, int(group.items.max()) + 1)
        self._rows = grown(self._rows, self._known)
        own = self._own.setdefault(group.user, set()) if len(group.wanted) else set()
        for row in group.wanted.tolist():
            own.add(row)
            self._learn_pair(group.user, row, 1.0)
            for other in self._rng.integers(self._known, size=NEGATIVES).tolist():
                if other not in own:
                    self._learn_pair(group.user, other, 0.0)

    def _learn_pair(self, user: int, row: int, wanted: float) -> None:
        self._model.learn_one(user, row, wanted)  # type: ignore[no-untyped-call]
        self._rows[row, :-1] = self._model.i_latents[row]
        if isinstance(self._model, reco.BiasedMF):
            self._rows[row, -1] = self._model.i_biases[row]


def funk(seed: int) -> RiverMf:
    """Make a baseline of `reco.FunkMF`."""
    model = reco.FunkMF(
        n_factors=FACTORS,
        optimizer=optim.SGD(FUNK_RATE),
        l2=FUNK_L2,
        initializer=optim.initializers.Normal(sigma=SPREAD, seed=seed),
    )
    return RiverMf(model, seed)


def biased(seed: int) -> RiverMf:
    """Make a baseline of `reco.BiasedMF`."""
    model = reco.BiasedMF(
        n_factors=FACTORS,
        bias_optimizer=optim.SGD(BIASED_BIAS_RATE),
        latent_optimizer=optim.SGD(BIASED_RATE),
        l2_latent=BIASED_L2,
        latent_initializer=optim.initializers.Normal(sigma=SPREAD, seed=seed),
    )
    return RiverMf(model, seed)
