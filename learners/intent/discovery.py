"""Needs that nobody has named yet: events that fit no label, gathered into clusters online.

Leader clustering (Hartigan, 1975, "Clustering algorithms") by average linkage, with decaying
weights: an event joins the cluster with whose events its cosine is highest on average, if
that is high enough, else it founds one. "High enough" is higher than that of two events
usually is, by `far` standard deviations; so it holds for any encoder. Two clusters whose
events have come as near to each other become one. A cluster that has grown to `grown` events
is proposed, with its typical words and examples; it becomes a label when somebody names it.
The lightest makes room, so memory is bounded; each cluster is a record of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from learners.codec import pack, unpack_as
from learners.limited_settings import LARGEST, Count, FromOne, LimitedSettings
from learners.types import Vector

KIND = "learner:emerging"
_VERSION = 1
_EXAMPLES = 5
_VECTORS = 8
_WORDS = 60
_FIRST_PAIRS = 30

Changed = Iterator[tuple[str, str, bytes | None]]


class DiscoverySettings(LimitedSettings, frozen=True):
    """Settings of the clusters. Raises ValueError with the value and the limit.

    `most` clusters are kept; one's weight halves in `half_life` new-looking events that are
    not its own. `far` and `grown` are explained at the top of this file.
    """

    most: Count = 64
    half_life: FromOne = 1_000.0
    far: Annotated[float, Meta(ge=-LARGEST, le=LARGEST)] = 2.0
    grown: FromOne = 12.0


class ClusterExample(msgspec.Struct, frozen=True):
    """One event of a cluster, its text cut."""

    event_id: str
    text: str


class Cluster(msgspec.Struct):
    """Events alike that fit no label.

    `slot` is its row among the means. `total` (dim,) is the decayed sum of their vectors,
    `weight` their decayed number as of `clock`; `vectors` are some of them, for a label to be
    learnt from. `words` are counted.
    """

    number: int
    slot: int
    total: NDArray[np.float32]
    weight: float
    clock: int
    count: int = 0
    words: dict[str, float] = {}
    examples: list[ClusterExample] = []
    vectors: list[NDArray[np.float16]] = []

    def mean(self) -> Vector:
        """Return the mean (dim,): its product with a vector is the mean cosine with the events."""
        return self.total / np.float32(max(self.weight, 1e-9))


class IntentDiscovery:
    """All clusters of a shard."""

    def __init__(self, settings: DiscoverySettings | None = None) -> None:
        self.settings = settings or DiscoverySettings()
        self.clusters: dict[int, Cluster] = {}
        self.next_number = 1
        self.clock = 0
        self._pairs, self._mean, self._square = 0, 0.0, 0.0
        self._last: Vector | None = None
        # One row a cluster, of one shape always, so that a restart gives the same last digits.
        self._means = np.zeros((self.settings.most, 0), np.float32)
        self._slots: list[int | None] = [None] * self.settings.most
        self._dirty: set[int] = set()
        self._gone: set[int] = set()

    def watch(self, vector: Vector) -> None:
        """Learn from any event's unit vector (dim,) how near two events usually are."""
        if self._last is not None and self._last.shape == vector.shape:
            cosine = float(vector @ self._last)
            self._pairs += 1
            rate = max(1.0 / self._pairs, 0.002)
            self._mean += rate * (cosine - self._mean)
            self._square += rate * (cosine * cosine - self._square)
        self._last = vector

    @property
    def near(self) -> float:
        """The least cosine at which two are alike."""
        spread = math.sqrt(max(self._square - self._mean**2, 1e-6))
        return min(self._mean + self.settings.far * spread, 0.95)

    def add(
        self, event_id: str, text: str, words: tuple[str, ...], vector: Vector
    ) -> Cluster | None:
        """Add an event that fits no label; return its cluster if that is now proposed."""
        if self._pairs < _FIRST_PAIRS:
            return None
        self.clock += 1
        found = self._nearest(vector)
        if found is None:
            found = self._found(vector)
        was = self._weight(found)
        self._join(found, event_id, text, words, vector)
        self._unite(found)
        return found if was < self.settings.grown <= found.weight else None

    def proposed(self) -> list[Cluster]:
        """Return the clusters that have grown, the heaviest first."""
        grown = [c for c in self.clusters.values() if self._weight(c) >= self.settings.grown]
        return sorted(grown, key=lambda cluster: (-self._weight(cluster), cluster.number))

    def drop(self, number: int) -> Cluster | None:
        """Remove a cluster that is named or not wanted; None where there is none."""
        found = self.clusters.pop(number, None)
        if found is not None:
            self._slots[found.slot] = None
            self._dirty.discard(number)
            self._gone.add(number)
        return found

    def succeed(self, before: IntentDiscovery) -> None:
        """Take the place of another encoder's clusters; numbers go on, so that none comes twice."""
        known = sorted(self.clusters.values(), key=lambda cluster: cluster.number)
        self.clusters = {}
        for number, cluster in enumerate(known, before.next_number):
            cluster.number = self._slots[cluster.slot] = number
            self.clusters[number] = cluster
        self.next_number = before.next_number + len(known)
        self._dirty = set(self.clusters)
        self._gone = before._gone | set(before.clusters)

    def changed(self) -> Changed:
        """Yield the records changed since the last call."""
        for number in sorted(self._gone):
            yield KIND, str(number), None
        for number in sorted(self._dirty):
            yield KIND, str(number), pack(KIND, _VERSION, self.clusters[number])
        self._dirty, self._gone = set(), set()

    def state(self) -> dict[str, object]:
        """Return what is not in the clusters' own records, as plain values."""
        return {
            "settings": msgspec.to_builtins(self.settings),
            "next": self.next_number,
            "clock": self.clock,
            "pairs": (self._pairs, self._mean, self._square),
            "last": self._last,
        }

    @classmethod
    def from_state(
        cls, state: Mapping[str, Any], records: Iterator[tuple[str, bytes]]
    ) -> IntentDiscovery:
        """Restore, bit for bit, from `state` and the clusters' records."""
        made = cls(msgspec.convert(state["settings"], DiscoverySettings))
        made.next_number, made.clock = state["next"], state["clock"]
        made._pairs, made._mean, made._square = state["pairs"]
        made._last = state["last"]
        for _, blob in sorted(records, key=lambda record: int(record[0])):
            made._place(unpack_as(blob, KIND, _VERSION, Cluster))
        return made

    def _nearest(self, vector: Vector, but: int = 0) -> Cluster | None:
        """Return the cluster that a vector is near enough to, None where there is none."""
        if self._means.shape[1] != len(vector):
            return None
        cosines, best, highest = (self._means @ vector).tolist(), None, self.near
        for number, cosine in zip(self._slots, cosines, strict=True):
            if number is not None and number != but and cosine >= highest:
                best, highest = number, cosine
        return None if best is None else self.clusters[best]

    def _place(self, cluster: Cluster) -> None:
        """Write a cluster's mean into its row. Vectors of another size begin anew."""
        if self._means.shape[1] != len(cluster.total):
            for number in [*self.clusters]:
                self.drop(number)
            self._means = np.zeros((self.settings.most, len(cluster.total)), np.float32)
        self.clusters[cluster.number] = cluster
        self._slots[cluster.slot] = cluster.number
        self._means[cluster.slot] = cluster.mean()

    def _found(self, vector: Vector) -> Cluster:
        if len(self.clusters) >= self.settings.most:
            lightest = min(self.clusters.values(), key=lambda c: (self._weight(c), c.number))
            self.drop(lightest.number)
        slot, nothing = self._slots.index(None), np.zeros(len(vector), np.float32)
        self.next_number += 1
        return Cluster(self.next_number - 1, slot, nothing, 0.0, self.clock)

    def _join(
        self, cluster: Cluster, event_id: str, text: str, words: tuple[str, ...], vector: Vector
    ) -> None:
        fading = self._fading(cluster)
        cluster.total = cluster.total * np.float32(fading) + vector
        cluster.weight = cluster.weight * fading + 1.0
        cluster.clock = self.clock
        counts = dict(cluster.words)
        for word in words:
            counts[word] = counts.get(word, 0.0) + 1.0
        if len(counts) > _WORDS:
            kept = sorted(counts, key=lambda word: -counts[word])[: _WORDS // 2]
            counts = {word: counts[word] for word in kept}
        cluster.words = counts
        cluster.examples = [*cluster.examples, ClusterExample(event_id, text)][-_EXAMPLES:]
        cluster.vectors = [*cluster.vectors, vector.astype(np.float16)][-_VECTORS:]
        cluster.count += 1
        self._place(cluster)
        self._dirty.add(cluster.number)

    def _unite(self, cluster: Cluster) -> None:
        """Merge a cluster with the one that it has come near to."""
        other = self._nearest(cluster.mean(), cluster.number)
        if other is None:
            return
        cluster.total = cluster.total + other.total * np.float32(self._fading(other))
        cluster.weight += self._weight(other)
        cluster.count += other.count
        cluster.words = {
            word: cluster.words.get(word, 0.0) + other.words.get(word, 0.0)
            for word in dict.fromkeys([*cluster.words, *other.words])
        }
        cluster.examples = [*other.examples, *cluster.examples][-_EXAMPLES:]
        cluster.vectors = [*other.vectors, *cluster.vectors][-_VECTORS:]
        self.drop(other.number)
        self._place(cluster)

    def _fading(self, cluster: Cluster) -> float:
        """Return what a cluster's weight is multiplied by, for the time since its last event."""
        return float(0.5 ** ((self.clock - cluster.clock) / self.settings.half_life))

    def _weight(self, cluster: Cluster) -> float:
        return cluster.weight * self._fading(cluster)
