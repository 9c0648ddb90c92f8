"""An encoder that remembers: each text is encoded once per version."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np

from encoders.base import Encoder, EncoderError, Vectors, cut_texts
from encoders.cache.disk import VectorFile
from encoders.throughput import EncodingPace, estimated_tokens

KEY_BYTES = 16


class CacheCounts(NamedTuple):
    """What became of the texts asked for: hits + disk_hits + misses = texts.

    A text that stands twice in one call is a miss and a hit. `evictions` and
    `disk_evictions` are vectors dropped for want of room; `passed_over` counts
    calls that could not use the file (busy, full), `set_aside` damaged files.
    """

    hits: int = 0
    disk_hits: int = 0
    misses: int = 0
    evictions: int = 0
    disk_evictions: int = 0
    passed_over: int = 0
    set_aside: int = 0


class CachedEncoder:
    """An Encoder in front of another: same version, same vectors, each text encoded once.

    Keys are digests of version and text, so that nothing made by one version is
    ever given out as another's. `capacity` bounds the vectors in memory, the
    least recently used leave first. With `path` a copy is kept in a file of at
    most `disk_capacity` rows (default: ten times `capacity`), shared by several
    processes if need be. Safe across threads. Raises EncoderError where the
    file cannot be made, ValueError for a capacity below 1.
    """

    def __init__(
        self,
        encoder: Encoder,
        capacity: int,
        path: Path | None = None,
        disk_capacity: int | None = None,
    ) -> None:
        self._use(encoder)
        self._memory = VectorMemory(capacity, encoder.dim)
        rows = 10 * capacity if disk_capacity is None else disk_capacity
        self._file = None if path is None else VectorFile(path, rows, encoder.dim)

    def _use(self, encoder: Encoder) -> None:
        self.version = encoder.version
        self.dim = encoder.dim
        self._encoder = encoder
        self._digest = blake2b(digest_size=KEY_BYTES, key=_short(encoder.version))
        self.pace = EncodingPace()
        self._count_lock = threading.Lock()
        self._hits = self._disk_hits = self._misses = 0

    @property
    def behind(self) -> Encoder:
        """The encoder behind, which remembers nothing."""
        return self._encoder

    def over(self, encoder: Encoder, *, share_memory: bool = True) -> CachedEncoder:
        """Return a cached encoder for another version that shares this one's memory and file.

        With a memory of its own instead, this one's goes when this one does. To swap
        encoders under load, replace the reference that the callers read: a call under way
        ends with the version it began with. Raises EncoderError for an encoder of another
        size.
        """
        if encoder.dim != self.dim:
            raise EncoderError(
                f"cannot swap {self.version} for {encoder.version}: {self.dim} dimensions are "
                f"stored, it gives {encoder.dim}. Use an encoder of {self.dim} dimensions"
            )
        other = CachedEncoder.__new__(CachedEncoder)
        other._use(encoder)  # noqa: SLF001 (the same class)
        mine = self._memory
        other._memory = mine if share_memory else VectorMemory(mine.capacity, self.dim)  # noqa: SLF001
        other._file = self._file  # noqa: SLF001
        return other

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode texts, in order; the encoder behind is called once, for distinct new texts."""
        keys = self._keys(texts)
        out = np.empty((len(keys), self.dim), dtype=np.float32)
        missing = self._memory.read(keys, out)
        from_file = fresh = 0
        if missing:
            from_file, fresh = self._fill(texts, keys, missing, out)
        with self._count_lock:
            self._hits += len(keys) - from_file - fresh
            self._disk_hits += from_file
            self._misses += fresh
        return out

    def tokens_ahead(self, texts: Sequence[str]) -> list[int]:
        """Return the estimated tokens of each text that `encode` would pass on to the encoder.

        0 for what memory or file has, and for what stands earlier in `texts`.
        """
        keys = self._keys(texts)
        places: dict[bytes, int] = {}
        for place in self._memory.lacking(keys):
            places.setdefault(keys[place], place)
        held = self._file.holds(list(places)) if self._file is not None else set()
        tokens = [0] * len(keys)
        for key, place in places.items():
            if key not in held:
                tokens[place] = estimated_tokens(texts[place])
        return tokens

    @property
    def cut(self) -> int:
        """The number of texts that the encoder behind has cut."""
        return cut_texts(self._encoder)

    @property
    def room(self) -> tuple[int, int]:
        """How many vectors are in memory, and how many there may be."""
        return len(self._memory), self._memory.capacity

    @property
    def counts(self) -> CacheCounts:
        """This encoder's hits and misses, and its stores' losses."""
        file = self._file
        return CacheCounts(
            self._hits,
            self._disk_hits,
            self._misses,
            self._memory.evictions,
            file.evictions if file else 0,
            file.passed_over if file else 0,
            file.set_aside if file else 0,
        )

    def close(self) -> None:
        """Close the file, for all that share it. Encoding goes on without it."""
        if self._file is not None:
            self._file.close()

    def _keys(self, texts: Sequence[str]) -> list[bytes]:
        keys = []
        for text in texts:
            digest = self._digest.copy()
            digest.update(text.encode("utf-8", "surrogatepass"))
            keys.append(digest.digest())
        return keys

    def _fill(
        self, texts: Sequence[str], keys: list[bytes], missing: list[int], out: Vectors
    ) -> tuple[int, int]:
        """Fill the missing places of `out`; count the rows from the file and those encoded."""
        places: dict[bytes, int] = {}
        for place in missing:
            places.setdefault(keys[place], place)
        rows = {} if self._file is None else self._file.read(list(places))
        from_file = len(rows)
        fresh = [key for key in places if key not in rows]
        if fresh:
            words = [texts[places[key]] for key in fresh]
            began = time.perf_counter()
            vectors = self._encoder.encode(words)
            seconds = time.perf_counter() - began
            self.pace.measured(map(estimated_tokens, words), seconds)
            new = dict(zip(fresh, vectors, strict=True))
            if self._file is not None:
                self._file.write(new, self.version)
            rows |= new
        known = list(rows)
        self._memory.write(known, np.stack([rows[key] for key in known]))
        for place in missing:
            out[place] = rows[keys[place]]
        return from_file, len(fresh)


def _short(version: str) -> bytes:
    """Make a digest key of any version name; such a key is limited to 64 bytes."""
    return blake2b(version.encode(), digest_size=32).digest()


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
            slots = list(map(self._slots.get, keys))
            if None not in slots:
                for key in keys:
                    self._slots.move_to_end(key)
                # "clip" only spares a copy here: every slot is in range.
                np.take(self._rows, np.array(slots, np.intp), axis=0, out=out, mode="clip")
                return []
            found = [place for place, slot in enumerate(slots) if slot is not None]
            for place in found:
                self._slots.move_to_end(keys[place])
            out[found] = self._rows[[self._slots[keys[place]] for place in found]]
            return [place for place, slot in enumerate(slots) if slot is None]

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
