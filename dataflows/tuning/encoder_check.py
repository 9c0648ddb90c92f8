"""A fixed check set: whether the encoder still tells apart what people ask for.

Short requests under the need that each is about, the same for every log; an encoder that
forgets what words mean in order to know which items go together fails here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dataflows.shop_needs import NEEDS
from encoders.protocol import Encoder


def told_apart(encoder: Encoder) -> NDArray[np.float64]:
    """Give 1 or 0 (n,) for each request: whether the nearest need, itself left out, is its own.

    A need is the mean of the vectors of its requests.
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
    right: NDArray[np.float64] = (scores.argmax(axis=1) == owner).astype(np.float64)
    return right
