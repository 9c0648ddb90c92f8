"""A fixed check set: whether the encoder still tells apart what people ask for.

Short requests under the need that each is about, the same for every log; an encoder that
forgets what words mean in order to know which items go together fails here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dataflows.datasets.shop.needs import NEEDS
from encoders.base import Encoder


def reciprocal_ranks(encoder: Encoder) -> NDArray[np.float64]:
    """Return 1 / rank (n,) of each request's own need among all needs; ties lose.

    A need is the mean of the vectors of its requests, the one asked about left out.
    """
    phrases = [(number, phrase) for number, need in enumerate(NEEDS) for phrase in need.phrases]
    owner = np.array([number for number, _ in phrases])
    rows = encoder.encode([phrase for _, phrase in phrases]).astype(np.float64)
    belongs = np.eye(len(NEEDS))[owner]
    sums, counts = belongs.T @ rows, belongs.sum(axis=0)
    scores = rows @ (sums / counts[:, None]).T
    places = np.arange(len(rows))
    own = (sums[owner] - rows) / (counts[owner] - 1)[:, None]
    scores[places, owner] = (rows * own).sum(axis=1)
    # Put this way round, a score that is no number stands before all others.
    ranks = np.count_nonzero(~(scores < scores[places, owner][:, None]), axis=1)
    reciprocal: NDArray[np.float64] = 1.0 / ranks
    return reciprocal
