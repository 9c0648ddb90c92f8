"""Whether the values of a type of event are stars, and what a scale to begin with would be.

A guess by the name of the type and by the values: nothing is learnt by it.
"""

from __future__ import annotations

import re

from dataflows.config.values import ValueScale

FEWEST = 10
"""So many values at least are looked at before anything is said of them."""

_MOST_TYPES = 100
_MOST_VALUES = 20  # ten stars in halves
_STEP, _LEAST = 0.5, 0.5
_SCALES = (
    (5.0, ValueScale(dislike_below=3, like_above=3)),
    (10.0, ValueScale(dislike_below=5, like_above=6)),
)
"""The most stars of a scale, and what they say: the middle is neutral."""

_RATINGS = """
rating ratings rate rates rated review reviews reviewed star stars score scores scored
bewertung bewertungen bewertet rezension note notes noté évaluation avis critique
valoración valoracion calificación calificacion reseña resena avaliação avaliacao nota
recensione valutazione voto voti оценка рейтинг отзыв تقييم
"""
_WORDS = frozenset(_RATINGS.split())
_PARTS = ("评分", "評分", "评价", "評價", "打分", "評価", "レビュー", "평점", "별점", "리뷰")
"""Words of scripts without blanks, which may stand anywhere."""

_WORD = re.compile(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+")


class StarCounts:
    """Looks at the values of events by type; memory is bounded, whatever their number."""

    def __init__(self) -> None:
        self._values: dict[str, set[float]] = {}
        self._counts: dict[str, int] = {}

    def note(self, kind: str, value: float | None) -> None:
        """Note the value of an event of a type."""
        if value is None or not (kind in self._values or self._begins(kind)):
            return
        self._counts[kind] += 1
        if len(self._values[kind]) <= _MOST_VALUES:
            self._values[kind].add(value)

    def scales(self) -> dict[str, ValueScale]:
        """Return the types whose values look like stars, each with a scale to begin with."""
        found = {kind: _scale(values) for kind, values in self._values.items()}
        return {
            kind: scale
            for kind, scale in found.items()
            if scale is not None and self._counts[kind] >= FEWEST
        }

    def most(self, kind: str) -> float:
        """Return the highest value of a type of `scales`."""
        return max(self._values[kind])

    def _begins(self, kind: str) -> bool:
        if len(self._values) >= _MOST_TYPES or not sounds_like_rating(kind):
            return False
        self._values[kind], self._counts[kind] = set(), 0
        return True


def sounds_like_rating(kind: str) -> bool:
    """Return whether a type of event is called as ratings are."""
    words = {word.casefold() for word in _WORD.findall(kind)}
    return not words.isdisjoint(_WORDS) or any(part in kind for part in _PARTS)


def written(scale: ValueScale) -> dict[str, float]:
    """Return a scale as it is written in a configuration: whole numbers without a point."""
    numbers = {"dislike_below": scale.dislike_below, "like_above": scale.like_above}
    return {name: int(of) if of == int(of) else of for name, of in numbers.items()}


def _scale(values: set[float]) -> ValueScale | None:
    """Return the scale that values stand on, None where they are no stars."""
    if not 1 < len(values) <= _MOST_VALUES:
        return None
    if min(values) < _LEAST or any(value % _STEP for value in values):
        return None
    most = max(values)
    scale = next((of for top, of in _SCALES if most <= top), None)
    return scale if scale is not None and most > scale.like_above else None
