"""Arrays that grow by doubling, so that adding a row costs constant time on average."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def grown(array: NDArray[Any], rows: int, fill: float = 0.0) -> NDArray[Any]:
    """Return `array`, or a copy with room for at least `rows` rows, new ones set to `fill`."""
    have = len(array)
    if rows <= have:
        return array
    wider = np.full((max(rows, 2 * have, 64), *array.shape[1:]), fill, array.dtype)
    wider[:have] = array
    return wider
