"""Settings that are numbers, held within their limits."""

from __future__ import annotations

from collections.abc import Mapping

Limits = Mapping[str, tuple[float, float]]
"""The least and the most, by the name of a setting."""


def hold(settings: object, limits: Limits) -> None:
    """Raise ValueError (value, limit) for a setting that is outside; NaN is outside of all."""
    for name, (low, high) in limits.items():
        value = getattr(settings, name)
        if not low <= value <= high:
            raise ValueError(f"{name} is {value}; it must be from {low:g} to {high:g}")
