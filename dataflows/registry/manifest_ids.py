"""Ids of versions, `encoder-0007-1f3a90bc`, and the names that people give to them.

An id or a name is compared as a whole, never by how it begins: `encoder-0001` is not the
beginning of `encoder-00010`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256

from dataflows.errors import ModelError
from dataflows.registry.manifest import KINDS, FileFacts, Kind

_ID = re.compile(r"(encoder|language)-(\d{4,9})-([0-9a-f]{8})")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def make_id(kind: Kind, number: int, files: Mapping[str, FileFacts]) -> str:
    """Return the id of a version: its kind, its number, a hash of what it holds."""
    digest = sha256()
    for name, file in sorted(files.items()):
        digest.update(f"{name}\0{file.sha256}\0".encode())
    return f"{kind}-{number:04d}-{digest.hexdigest()[:8]}"


def kind_of(version: str) -> Kind | None:
    """Return the kind that an id tells; None for what is no id."""
    match = _ID.fullmatch(version)
    return next((kind for kind in KINDS if match and match[1] == kind), None)


def number_of(version: str) -> int:
    """Return the number of an id; -1 for what is no id."""
    match = _ID.fullmatch(version)
    return int(match[2]) if match else -1


def check_name(name: str) -> None:
    """Refuse a given name that could be taken for an id, or is hard to type."""
    if not _NAME.fullmatch(name) or name == "base" or name.partition("-")[0] in KINDS:
        raise ModelError(
            f"a version cannot be called {name!r}: use up to 64 of a-z, 0-9, '.', '_' and '-', "
            f"first a letter or digit, not {' nor '.join(KINDS)} before a '-', and not 'base'"
        )
