"""What one interaction is counted as, by the weight of its type.

An item that is bought once tells more than one that is looked at once, so counts take the weight.
But a count is shared by all: one event of a huge weight would drown what everybody else did, and
one of next to none would not be counted at all. So the weight is cut at both ends.
"""

from __future__ import annotations

LEAST, MOST = 0.1, 10.0
"""One event counts at least, and at most, as so many of weight 1."""


def counted_as(weight: float) -> float:
    """Return what an interaction of this weight, above 0, adds to a count: 1 for 1."""
    return min(max(weight, LEAST), MOST)
