"""Intent in the recommender: what each user is after, from their session so far.

The classifier sees the newest event's vector beside the mean of the session. It
learns from explicit labels where events carry them, and otherwise from what the user
does next: the first category of the next item is what they were after.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learners.history import User
from learners.intent import IntentLearner
from learners.interaction import Interaction, Vector
from learners.items import ItemTable
from learners.session import extended, mean_vector, session_features

_SHOWN = 5


class Needs:
    """The intent learner with what it needs of a user's record; `dim` is that of event vectors."""

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.learner = IntentLearner(2 * dim)
        self._mapped: tuple[list[str], int] = ([], 0)
        self._categories = np.zeros(0, np.int32)

    def learn(self, interaction: Interaction, user: User, category: str | None) -> float | None:
        """Learn from one interaction and let the session follow; give the loss, if any.

        `category` is the first category of the interaction's item. The session in
        `user` is extended by the interaction in any case.
        """
        ts, session_id = interaction.ts, interaction.session_id
        loss = None
        if interaction.intent is None and category:
            loss = self.learner.learn(self.view(user, ts, session_id), category)
        user.session = extended(user.session, interaction.vector, ts, session_id)
        user.newest = interaction.vector
        if interaction.intent is not None:
            loss = self.learner.learn(self.view(user, ts, session_id), interaction.intent)
        return loss

    def is_usable(self, vector: Vector) -> bool:
        """Tell whether an event's vector is finite. Raises ValueError for one of another size."""
        if not self.dim:
            return False
        if vector.shape != (self.dim,):
            raise ValueError(f"the vector has shape {vector.shape}; ({self.dim},) is expected")
        return bool(np.isfinite(vector).all())

    def view(
        self, user: User, ts: float | None = None, session_id: str | None = None
    ) -> Vector | None:
        """Give what the classifier sees `(2 * dim,)` of a user, None where that is nothing."""
        session = user.session
        if session is None or not self.dim:
            return None
        mean = mean_vector(session, session.ts if ts is None else ts, session_id)
        if mean is None:
            return None
        return session_features(user.newest, mean, self.dim)

    def predict(self, user: User, ts: float | None = None) -> NDArray[np.float64]:
        """Give P(label) `(n_labels,)` for a user at a time, by default that of their last event."""
        return self.learner.predict(self.view(user, ts))

    def shown(self, chances: NDArray[np.float64]) -> dict[str, float]:
        """Give the most probable intents with their probabilities, best first."""
        top = self.learner.top(chances, _SHOWN)
        return {label: round(chance, 6) for label, chance in top}

    def per_category(self, chances: NDArray[np.float64], items: ItemTable) -> NDArray[np.float32]:
        """Give P(intent) by category number; 0 for categories that are no label."""
        # A category may get the name of a label that is known already.
        mapped = (self.learner.labels, len(items.category_names))
        if self._mapped != mapped:
            self._mapped = (list(self.learner.labels), len(items.category_names))
            known = [items.category_index.get(label, 0) for label in self.learner.labels]
            self._categories = np.array(known, np.int32)
        spread = np.zeros(len(items.category_names), np.float32)
        spread[self._categories] = chances
        spread[0] = 0.0
        return spread
