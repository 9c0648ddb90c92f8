"""JSON merge patches (RFC 7386)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merged(target: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object with a patch applied: null takes a field out, objects go into objects."""
    found = dict(target)
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        elif isinstance(value, dict):
            within = found.get(name)
            found[name] = merged(within if isinstance(within, dict) else {}, value)
        else:
            found[name] = value
    return found
