"""How state is read back by those who keep it: one record by its key, or all of a kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator

Load = Callable[[str, str], bytes | None]
"""Gives the blob of (kind, key), or None."""

Scan = Callable[[str], Iterator[tuple[str, bytes]]]
"""Gives all (key, blob) of a kind, in any order."""
