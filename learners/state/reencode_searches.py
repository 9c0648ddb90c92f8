"""Where the words of searches lead in another encoder's space: the items nearest to them there."""

from __future__ import annotations

from typing import NamedTuple

from learners.signals.after_search import AfterSearch
from learners.signals.semantic import SemanticIndex
from learners.state.reencode_intent import Encode
from learners.types import Vector

_MARGIN = 1e-6  # of a cosine, which is worked out in two ways


class _Led(NamedTuple):
    """Words of this vector lead to an item, -1 for none, at this cosine."""

    vector: Vector
    item: int
    cosine: float


class SearchReencoding:
    """Finds the new hubs in `semantic`, the index of the new space, while searches go on."""

    def __init__(self, semantic: SemanticIndex) -> None:
        self._semantic = semantic
        self._words: dict[int, str] = {}
        self._to_do: dict[int, None] = {}
        self._led: dict[int, _Led] = {}

    def __len__(self) -> int:
        return len(self._to_do)

    @property
    def hubs(self) -> dict[int, int]:
        """Each item that words have led to, and the one that they lead to now."""
        return {hub: led.item for hub, led in self._led.items() if led.item >= 0}

    def follow(self, live: AfterSearch) -> None:
        """Note the words that are new; `live` must not change meanwhile."""
        for hub, words in live.words.items():
            if self._words.get(hub) != words:
                self._words[hub] = words
                self._to_do[hub] = None

    def item_put(self, item: int, vector: Vector | None) -> None:
        """Look again at words that led to an item with another vector now, or may lead to it."""
        for hub, led in self._led.items():
            is_nearer = vector is not None and float(led.vector @ vector) > led.cosine - _MARGIN
            if is_nearer or led.item == item:
                self._to_do[hub] = None

    def step(self, encode: Encode, most: int) -> int:
        """Find the hubs of at most so many words; return of how many."""
        chosen = list(self._to_do)[:most]
        vectors = encode([self._words[hub] for hub in chosen])
        for hub, vector in zip(chosen, vectors, strict=True):
            del self._to_do[hub]
            self._led.pop(hub, None)
            if vector is not None:
                near = self._semantic.nearest(vector)
                item = int(near[0]) if len(near) else -1
                cosine = float(self._semantic.vectors[item] @ vector) if len(near) else -2.0
                self._led[hub] = _Led(vector, item, cosine)
        return len(chosen)
