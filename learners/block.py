"""The candidates of one user at one moment, with their feature rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Block(NamedTuple):
    """Candidates (n,) of one user at one moment with their scaled feature rows (n, f)."""

    user_id: str
    before: float | None
    position: int
    ids: NDArray[np.int32]
    raw: NDArray[np.float32]
    scaled: NDArray[np.float32]
