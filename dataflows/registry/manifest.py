"""What the registry writes of its own: the manifest of a version, and promotions.

A version has an id, `encoder-0007-1f3a90bc`, and perhaps a name that somebody gave it. Both are
compared as a whole, never by how they begin: `encoder-0001` is not the beginning of
`encoder-00010`. Decisions of the gate, which the registry keeps too, are
`dataflows.registry.decisions.GateDecision`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from dataflows.config.events import Moment
from dataflows.errors import ModelError
from dataflows.messages.outgoing import MOST_PROMOTIONS

Kind = Literal["encoder", "language"]
KINDS: tuple[Kind, ...] = ("encoder", "language")

Form = Literal["sentence-transformers", "int8", "static", "adapter"]

Sequence = Annotated[int, Meta(ge=0, le=MOST_PROMOTIONS)]

PROMOTE = "promote"

_ID = re.compile(r"(encoder|language)-(\d{4,9})-([0-9a-f]{8})")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class FileFacts(msgspec.Struct, frozen=True):
    """What a file of a version must be, to the byte."""

    sha256: str
    bytes: Annotated[int, Meta(ge=0, le=2**62)]


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a maker says of a version; the registry adds id and files.

    `base`: what it was loaded from: "packaged", a folder, a hub name, or the id of a version.
    `parents`: ids of the versions it came from. `dim`: length of a vector, for an adapter the
    hidden size of its base. `fingerprint`: the version that vectors and lists carry
    (`Encoder.version`, `LanguageModel.version`). `made`: seconds since 1970. `data`: what it
    was trained on (`first_ts`, `last_ts`, `events`, ...). `figures`: what was measured of it.
    `gate`: `{"verdict": "promote" | "refuse", "reasons": [...], ...}`, or None if never judged.
    """

    base: str
    form: Form
    fingerprint: str
    made: Moment
    parents: tuple[str, ...] = ()
    dim: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    name: str = ""
    data: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    figures: dict[str, Any] = {}
    gate: dict[str, Any] | None = None


class Manifest(About, frozen=True, kw_only=True):
    """A version: what was said of it, and its files, by path within the version's folder."""

    format: int = 1
    kind: Kind
    id: str
    files: dict[str, FileFacts]

    @property
    def verdict(self) -> str | None:
        """What the gate said: "promote", "refuse", or None where it was never asked."""
        return None if self.gate is None else str(self.gate.get("verdict"))

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.bytes for file in self.files.values())


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """From now on, this version of the kind is in force.

    `version` and `previous` are ids, "" for the model that the configuration names. `time` is
    in seconds since 1970. Sequence numbers of one registry grow by one, over all kinds.
    """

    sequence: Sequence
    kind: Kind
    version: str
    previous: str
    action: Literal["promote", "rollback"]
    reason: str
    time: Moment


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
