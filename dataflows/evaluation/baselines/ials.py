"""Implicit ALS, refitted as the stream goes; a user is folded in from their newest items.

Hu, Koren and Volinsky, "Collaborative filtering for implicit feedback datasets" (2008), by
the library `implicit`. Between two fits, users are solved from their newest items, and items
that the model has not met are solved from the users who wanted them, as the paper solves
either side with the other one fixed.
"""

from __future__ import annotations

from array import array
from collections import deque

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from dataflows.evaluation.baselines.popularity import DECAYED_HALF_LIFE, PopularityBaseline
from dataflows.evaluation.baselines.protocol import Scores
from dataflows.evaluation.baselines.recent import Recent
from dataflows.evaluation.judging.trace import Group

Vectors = NDArray[np.float64]

FACTORS = 64
REGULARISATION = 30.0
CONFIDENCE = 10.0
"""What one wanted item weighs in a fit, where an absent one weighs 1."""

FOLD_IN = 20.0
"""What the newest item of a user who is folded in weighs beyond 1; older ones weigh less."""

FADES = 4.0
WINDOW = 50
"""Weights of a user's newest items: exp(-age / FADES), up to WINDOW items back."""

STRETCH = 50
"""So many events of a user make one row of the matrix: tastes change, and a whole history
as one row was less accurate."""

KEPT = 1_000_000
"""The newest events that a fit sees: a bound on memory and time."""

FIRST_SWEEPS = 5
TIE_BREAK = 1e-6


class Ials:
    """Refits with one sweep, from where it stood, each `every` events or each hundredth more."""

    def __init__(self, seed: int = 0, every: int = 1000) -> None:
        self._rng = np.random.default_rng(seed)
        self._every = every
        self._due = every
        self._learnt = 0
        self._rows = array("q")
        self._items = array("i")
        self._stretches: dict[int, tuple[int, int]] = {}
        self._recent = Recent(WINDOW)
        self._popularity = PopularityBaseline(DECAYED_HALF_LIFE)
        self._weights = FOLD_IN * np.exp(-np.arange(WINDOW) / FADES)
        self._fitted = 0
        self._item_vectors: Vectors = np.zeros((0, FACTORS))
        self._user_gram = self._item_gram = _gram(self._item_vectors)
        self._wanted_by: dict[int, deque[Vectors]] = {}
        with threadpool_limits(1):
            self._model = AlternatingLeastSquares(
                factors=FACTORS,
                regularization=REGULARISATION,
                alpha=CONFIDENCE,
                num_threads=1,
                random_state=seed,
            )

    def scores(self, user: int, ts: float, items: int) -> Scores:
        """Score by the user's vector; by popularity for who has none, and for items without."""
        vector = self._fold_in(user)
        if vector is None:
            return self._popularity.scores(user, ts, items)
        counts = self._popularity.scores(user, ts, items)
        scores: Scores = counts * (TIE_BREAK / max(counts.max(), 1.0))
        known = self._item_vectors[:items]
        scores[: len(known)] += known @ vector
        return scores

    def learn(self, group: Group) -> None:
        """Note each wanted item; solve those that are new; fit when it is time."""
        self._popularity.learn(group)
        for row in group.wanted.tolist():
            if row >= self._fitted:
                self._meet(group.user, row)
            self._rows.append(self._stretch(group.user))
            self._items.append(row)
            self._recent.add(group.user, row)
            self._learnt += 1
        if self._learnt >= self._due:
            self._fit()
            self._due = self._learnt + max(self._every, self._learnt // 100)

    def _stretch(self, user: int) -> int:
        """Return the number of the matrix row that a user's next event belongs to."""
        number, length = self._stretches.get(user, (0, STRETCH))
        if length == STRETCH:
            number, length = self._learnt, 0
        self._stretches[user] = number, length + 1
        return number

    def _fold_in(self, user: int) -> Vectors | None:
        """Solve a user's vector from their newest items, if there is a model of any of them."""
        recent = self._recent.of(user)
        weights = self._weights[: len(recent)]
        placed = recent < len(self._item_vectors)
        vectors = self._item_vectors[recent[placed]]
        known = vectors.any(axis=1)
        if not known.any():
            return None
        return _solve(self._item_gram, vectors[known], weights[placed][known])

    def _meet(self, user: int, row: int) -> None:
        """Solve an item that the last fit had not, from those who have wanted it since."""
        vector = self._fold_in(user)
        if vector is None:
            return
        wanted_by = self._wanted_by.setdefault(row, deque(maxlen=WINDOW))
        wanted_by.append(vector)
        if row >= len(self._item_vectors):
            more = np.zeros((row + 1 - len(self._item_vectors), FACTORS))
            self._item_vectors = np.vstack([self._item_vectors, more])
        weights = np.full(len(wanted_by), CONFIDENCE - 1.0)
        self._item_vectors[row] = _solve(self._user_gram, np.array(wanted_by), weights)

    def _fit(self) -> None:
        """Sweep once over the newest events, from the item vectors of the fit before."""
        del self._rows[:-KEPT], self._items[:-KEPT]
        rows = np.unique(np.array(self._rows), return_inverse=True)[1]
        items = np.array(self._items)
        users, known = int(rows.max()) + 1, max(self._fitted, int(items.max()) + 1)
        ones = np.ones(len(rows), dtype=np.float32)
        matrix = csr_matrix((ones, (rows, items)), shape=(users, known))
        matrix.data[:] = 1.0
        model = self._model
        model.iterations = 1 if self._fitted else FIRST_SWEEPS
        new = self._rng.random((known - self._fitted, FACTORS), dtype=np.float32) * 0.01
        model.item_factors = np.vstack([model.item_factors, new]) if self._fitted else new
        model.user_factors = self._rng.random((users, FACTORS), dtype=np.float32) * 0.01
        with threadpool_limits(1):
            model.fit(matrix, show_progress=False)
        self._take_over(model.user_factors.astype(float), model.item_factors.astype(float))

    def _take_over(self, users: Vectors, items: Vectors) -> None:
        """Answer with the vectors of a fit from now on."""
        self._item_vectors, self._fitted = items, len(items)
        self._item_gram, self._user_gram = _gram(items), _gram(users)
        self._wanted_by.clear()


def _gram(vectors: Vectors) -> Vectors:
    """Return the part of a normal equation that all rows have in common."""
    gram: Vectors = vectors.T @ vectors
    gram.flat[:: FACTORS + 1] += REGULARISATION
    return gram


def _solve(gram: Vectors, vectors: Vectors, weights: Vectors) -> Vectors:
    """Solve one row against `vectors` `(n, factors)`, each wanted with confidence 1 + weight."""
    heavier = gram + (vectors * weights[:, None]).T @ vectors
    return np.asarray(np.linalg.solve(heavier, vectors.T @ (1.0 + weights)), dtype=np.float64)
