"""Rows of length one, or marked as empty: nothing else leaves an encoder."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from encoders.base import Vectors

SMALLEST = 1e-12


def unit_rows(rows: NDArray[np.floating[Any]]) -> Vectors:
    """Scale each row of `(n, dim)` to length 1, as a new float32 array.

    A row that holds NaN or infinity, or is shorter than 1e-12, becomes all
    zeros: it says nothing of the text, and one NaN must not reach a learner.
    """
    wide = np.asarray(rows, dtype=np.float64)
    peak = np.max(np.abs(wide), axis=1, keepdims=True, initial=0.0)
    usable = np.isfinite(peak) & (peak > SMALLEST)
    # Division by the peak first, so that squares of huge values do not overflow.
    scaled = np.where(usable, wide, 0.0) / np.where(usable, peak, 1.0)
    norms = np.sqrt(np.einsum("ij,ij->i", scaled, scaled))[:, None]
    return (scaled / np.where(norms > 0.0, norms, 1.0)).astype(np.float32)
