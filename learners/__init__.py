"""Online learners: interactions in, state, scores and lists out.

Nothing here knows of Bytewax, Kafka or files. Plain ids, numbers and NumPy
arrays cross the border. The names below are the library's face (docs/how-to/library.md); they are
imported when they are first asked for, so that a room of this package loads only what it needs.

>>> from learners import Event, Recommender
>>> recommender = Recommender()
>>> recommender.learn(Event("ada", "lamp", ts=1.0)).position
0
>>> [entry.item_id for entry in recommender.recommend("bo").entries]
['lamp']
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from learners.recommender import Recommender
    from learners.recommender.event import Event, LearntEvent
    from learners.recommender.explanation import Explanation
    from learners.recommender.similar import SimilarItem
    from learners.settings import LearnerSettings
    from learners.types import Item, RecommendationList

__all__ = [
    "Event",
    "Explanation",
    "Item",
    "LearnerSettings",
    "LearntEvent",
    "RecommendationList",
    "Recommender",
    "SimilarItem",
]

_WHERE = {
    "Event": "learners.recommender.event",
    "Explanation": "learners.recommender.explanation",
    "Item": "learners.types",
    "LearnerSettings": "learners.settings",
    "LearntEvent": "learners.recommender.event",
    "RecommendationList": "learners.types",
    "Recommender": "learners.recommender",
    "SimilarItem": "learners.recommender.similar",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
