"""The fast half of the cache: vectors in one block of memory, least recently used out first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from encoders.base import Vectors


class VectorMemory:
    """Up to `capacity` rows of `dim` float32 under keys of bytes. Safe across threads.

    A key maps to a row of one array, so that a batch of hits is one gather. The
    array's pages are taken from the system as rows fill up: `capacity` times
    `dim` times 4 bytes at most.
    """

    def __init__(self, capacity: int, dim: int) -> None:
        if capacity < 1:
            raise ValueError(f"a cache cannot hold {capacity} vectors: the least is 1")
        self.capacity = capacity
        self.evictions = 0
        self._rows = np.empty((capacity, dim), dtype=np.float32)
        self._slots: OrderedDict[bytes, int] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._slots)

    def read(self, keys: Sequence[bytes], out: Vectors) -> list[int]:
        """Write the rows of known keys to their places in `out`; return the places of the others.

        `out` is `(len(keys), dim)`. The rows are copies.
        """
        with self._lock:
            find, touch = self._slots.get, self._slots.move_to_end
            slots = [find(key, -1) for key in keys]
            missing = [place for place, slot in enumerate(slots) if slot < 0]
            if not missing:
                for key in keys:
                    touch(key)
                # "clip" only spares a copy here: every slot is in range.
                np.take(self._rows, np.array(slots, np.intp), axis=0, out=out, mode="clip")
                return missing
            found = [place for place, slot in enumerate(slots) if slot >= 0]
            for place in found:
                touch(keys[place])
            out[found] = self._rows[[slots[place] for place in found]]
            return missing

    def lacking(self, keys: Sequence[bytes]) -> list[int]:
        """Return the places of the keys that are not known; none of them is any newer for it."""
        with self._lock:
            slots = self._slots
            return [place for place, key in enumerate(keys) if key not in slots]

    def write(self, keys: Sequence[bytes], rows: Vectors) -> None:
        """Keep `rows`, `(len(keys), dim)`, under distinct keys; the newest where not all fit."""
        keys, rows = keys[-self.capacity :], rows[-self.capacity :]
        with self._lock:
            slots = [self._slot_for(key) for key in keys]
            self._rows[slots] = rows

    def _slot_for(self, key: bytes) -> int:
        slot = self._slots.get(key)
        if slot is not None:
            self._slots.move_to_end(key)
            return slot
        if len(self._slots) < self.capacity:
            slot = len(self._slots)
        else:
            _, slot = self._slots.popitem(last=False)
            self.evictions += 1
        self._slots[key] = slot
        return slot
