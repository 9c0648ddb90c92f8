"""The encoder that serves now, in one place, so that nobody else keeps an old one alive."""

from __future__ import annotations

from dataflows.engine.encoder_in_force import InForce
from encoders.base import Encoder
from encoders.cache.cached import CachedEncoder


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
