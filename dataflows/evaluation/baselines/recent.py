"""The newest wanted items of each user: what a baseline that knows no users by heart looks at."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


class Recent:
    """Up to `length` items of each user, the newest last."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._of: dict[int, deque[int]] = {}

    def of(self, user: int) -> Rows:
        """Return the items of a user, newest first, int64 `(n,)` with n up to `length`."""
        kept = self._of.get(user, ())
        return np.array(kept, dtype=np.int64)[::-1]

    def add(self, user: int, row: int) -> None:
        """Add the newest item of a user."""
        self._of.setdefault(user, deque(maxlen=self._length)).append(row)
