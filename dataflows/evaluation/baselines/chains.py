"""Many lists of numbers that only grow, in one pool, for compiled code to walk."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learners.arrays import grown

NONE = -1
"""Where a chain ends."""

Numbers = NDArray[np.int32]


class Chains:
    """Chains by number; each entry points at the one before it, so the newest comes first."""

    def __init__(self) -> None:
        self._heads = np.full(1024, NONE, dtype=np.int32)
        self._lengths = np.zeros(1024, dtype=np.int64)
        self._values = np.zeros(1024, dtype=np.int32)
        self._before = np.zeros(1024, dtype=np.int32)
        self._size = 0

    def arrays(self) -> tuple[Numbers, Numbers, Numbers]:
        """Return heads `(chains,)`, values and places before `(entries,)`; `NONE` ends a chain."""
        return self._heads, self._values, self._before

    def lengths(self, chains: int) -> NDArray[np.int64]:
        """Return how many entries each of the first chains has, int64 `(chains,)`."""
        self._make_room(chains)
        return self._lengths[:chains]

    def append(self, chain: int, value: int) -> None:
        """Add a value to the chain with this number."""
        self._make_room(chain + 1)
        self._values = grown(self._values, self._size + 1)
        self._before = grown(self._before, self._size + 1)
        self._values[self._size], self._before[self._size] = value, self._heads[chain]
        self._heads[chain] = self._size
        self._lengths[chain] += 1
        self._size += 1

    def _make_room(self, chains: int) -> None:
        self._heads = grown(self._heads, chains, NONE)
        self._lengths = grown(self._lengths, chains)
