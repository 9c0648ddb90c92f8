"""What everyone who keeps state says and hears: records of (kind, key, blob)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

Record = tuple[str, str, bytes | None]
"""(kind, key, blob) to write; None deletes the record."""

Load = Callable[[str, str], bytes | None]
"""Gives the blob of (kind, key), or None."""

Scan = Callable[[str], Iterator[tuple[str, bytes]]]
"""Gives all (key, blob) of a kind, in any order."""
