"""How many different ids a stream held, in bounded memory.

The smallest hashes are kept. While all of them fit the count is exact; beyond,
it is estimated from how densely the smallest ones lie (k minimum values, Bar-Yossef
et al. 2002), with a relative standard error of 1 / sqrt(capacity).
"""

from __future__ import annotations

from array import array
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

_RANGE = 2.0**64


class Distinct:
    """Counts different strings. It keeps up to twice `capacity` hashes of 8 bytes."""

    def __init__(self, capacity: int = 50_000) -> None:
        if capacity < 2:
            raise ValueError(f"capacity is {capacity}; the least is 2")
        self._capacity = capacity
        self._hashes = array("Q")
        self._limit = 1 << 64  # hashes from here on tell nothing any more

    def add(self, word: str) -> None:
        """Count one string."""
        mark = int.from_bytes(blake2b(word.encode("utf-8", "replace"), digest_size=8).digest())
        if mark < self._limit:
            self._hashes.append(mark)
            if len(self._hashes) >= 2 * self._capacity:
                self._compress()

    @property
    def is_exact(self) -> bool:
        """Whether all different strings so far fit."""
        self._compress()
        return self._limit == 1 << 64

    def count(self) -> int:
        """Return the number of different strings; an estimate where `is_exact` is False."""
        if self.is_exact:
            return len(self._hashes)
        return round((self._capacity - 1) * _RANGE / self._hashes[-1])

    def _compress(self) -> None:
        """Keep each hash once, in order, and of those the smallest `capacity`."""
        once: NDArray[np.uint64] = np.unique(np.asarray(self._hashes, np.uint64))
        if len(once) > self._capacity:
            once = once[: self._capacity]
            self._limit = int(once[-1])
        self._hashes = array("Q", once.tobytes())
