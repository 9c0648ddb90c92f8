"""Orders of different kinds merged by their places alone, which asks for no scale that they share.

Reciprocal rank fusion (Cormack, Clarke and Buettcher, 2009, "Reciprocal rank fusion outperforms
Condorcet and individual rank learning methods"), with its constant of 60.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_CONSTANT = 60.0


def fused(orders: Iterable[Sequence[int]]) -> list[tuple[int, float]]:
    """Return the numbers of all orders, best first, with their scores; ties by number."""
    scores: dict[int, float] = {}
    for order in orders:
        for place, number in enumerate(order):
            scores[number] = scores.get(number, 0.0) + 1.0 / (_CONSTANT + place + 1)
    return sorted(scores.items(), key=lambda one: (-one[1], one[0]))
