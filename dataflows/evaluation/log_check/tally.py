"""Counts by name, of so many names at most."""

from __future__ import annotations

MOST_NAMES = 100
OTHERS = "(others)"


def tally(counts: dict[str, int], name: str) -> None:
    """Count a name; where there are too many different ones, count it under `OTHERS`."""
    if name not in counts and len(counts) >= MOST_NAMES:
        name = OTHERS
    counts[name] = counts.get(name, 0) + 1
