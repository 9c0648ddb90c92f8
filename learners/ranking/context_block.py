"""The candidates of one user at one moment, with their feature rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class CandidateBatch(NamedTuple):
    """Candidates (n,) of one user at one moment with their scaled feature rows (n, f).

    `item_weights` (n,) is what the user's recent items add to the score of each; `sources` (r,)
    are those of them that have neighbours, `reach` (r,) what each counts for in it.
    """

    user_id: str
    before: float | None
    position: int
    ids: NDArray[np.int32]
    raw: NDArray[np.float32]
    scaled: NDArray[np.float32]
    item_weights: NDArray[np.float32]
    sources: NDArray[np.int32]
    reach: NDArray[np.float32]
