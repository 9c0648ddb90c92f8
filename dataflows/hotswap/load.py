"""The encoder of a version, checked before anything serves with it, and the one that serves now."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from dataflows.engine.encoder_in_force import InForce
from dataflows.errors import ModelError
from dataflows.registry.history import BASE
from dataflows.registry.manifest import Manifest
from encoders.base import Encoder, EncoderError, one_line
from encoders.cache.cached import CachedEncoder
from encoders.load import load_encoder

_PROBES = ("a probe of the encoder", "x", "Toy Story (1995). Animation, Children's, Comedy")


class VersionSource(Protocol):
    """What is needed of the registry."""

    def get(self, version: str) -> Manifest:
        """Return the manifest of a version. Raises ModelError."""
        ...

    def fetch(self, version: str) -> Path:
        """Return a local folder with its files, verified. Raises ModelError."""
        ...


class Loader:
    """Loads encoders of the registry, and the base.

    `base` loads the configured encoder, whose fingerprint was `base_encoder` when the state
    was made; `dim` is the size of the vectors in it.
    """

    def __init__(
        self, registry: VersionSource, base: Callable[[], Encoder], base_encoder: str, dim: int
    ) -> None:
        self._registry = registry
        self._base = base
        self._base_encoder = base_encoder
        self._dim = dim

    def load(self, version: str) -> Encoder:
        """Load the encoder of an id of the registry, or "" for the base.

        Raises ModelError, one line with the reason, for one that is unknown, damaged, of
        another size, not the one that its manifest says, or gives what is no unit vector.
        """
        encoder = self._from_base() if version == BASE else self._from_registry(version)
        if encoder.dim != self._dim:
            raise _refused(
                version, f"its vectors have {encoder.dim} numbers, {self._dim} are stored"
            )
        _probe(encoder, version)
        return encoder

    def _from_base(self) -> Encoder:
        try:
            encoder = self._base()
        except EncoderError as error:
            raise _refused(BASE, str(error)) from error
        if encoder.version != self._base_encoder:
            raise _refused(
                BASE,
                f"it is {encoder.version}, and was {self._base_encoder} when the state was made",
            )
        return encoder

    def _from_registry(self, version: str) -> Encoder:
        manifest = self._registry.get(version)
        if manifest.kind != "encoder":
            raise _refused(version, f"it is of the kind {manifest.kind}, not an encoder")
        if manifest.dim not in (None, self._dim):
            raise _refused(
                version, f"its vectors have {manifest.dim} numbers, {self._dim} are stored"
            )
        folder = self._registry.fetch(version)
        try:
            encoder = load_encoder(str(folder))
        # Libraries raise what they like for files that they cannot read.
        except Exception as error:
            raise _refused(version, one_line(error)) from error
        if encoder.version != manifest.fingerprint:
            raise _refused(
                version, f"it loads as {encoder.version}, its manifest says {manifest.fingerprint}"
            )
        return encoder


def _probe(encoder: Encoder, version: str) -> None:
    """Refuse an encoder whose vectors are not finite unit rows."""
    rows = encoder.encode(_PROBES)
    lengths = np.linalg.norm(rows, axis=1)
    # Put this way round, false for NaN as well.
    if rows.shape != (len(_PROBES), encoder.dim) or not (np.abs(lengths - 1.0) < 1e-2).all():
        raise _refused(version, "what it gives for a plain text is no vector of length 1")


def _refused(version: str, reason: str) -> ModelError:
    name = f"encoder {version}" if version else "the configured encoder"
    return ModelError(f"{name} is refused: {reason}; the one in force goes on serving")


class Serving:
    """`encoder` and what is `in_force`; replaced together by the thread that swaps."""

    def __init__(self, encoder: CachedEncoder, in_force: InForce) -> None:
        self.encoder = encoder
        self.in_force = in_force

    def beside(self, encoder: Encoder) -> CachedEncoder:
        """Return a cached encoder for another version: the same file, a memory of its own."""
        return self.encoder.over(encoder, share_memory=False)

    def close(self) -> None:
        """Close the file of the cache."""
        self.encoder.close()
