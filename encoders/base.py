"""What every encoder offers: texts in, unit rows out, under a version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class Encoder(Protocol):
    """Texts to vectors.

    An encoder never changes: other weights or settings are another object with
    another version. A swap is therefore the replacement of one reference, and
    whoever holds an encoder gets all its vectors from one version.
    """

    @property
    def version(self) -> str:
        """The fingerprint of backend, weights and settings, such as `hashing-256-1f3a90bc`.

        Vectors of different versions are not comparable, even at the same size.
        """
        ...

    @property
    def dim(self) -> int:
        """The length of a vector."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode texts, in order, as float32 `(n, dim)`; `(0, dim)` for no texts.

        Each row has length 1, or is all zeros where the encoder found nothing
        in the text that it knows. Safe to call from several threads. The same
        text gives the same row whatever its neighbours are, up to rounding
        (1e-5 in cosine).
        """
        ...


@runtime_checkable
class CountsCuts(Protocol):
    """An encoder that can only read so much of a text, and counts what it cut."""

    @property
    def cut(self) -> int:
        """The number of texts cut so far, each time they were encoded."""
        ...


def cut_texts(encoder: Encoder) -> int:
    """Return how many texts this encoder has cut so far; 0 for one that never cuts."""
    return encoder.cut if isinstance(encoder, CountsCuts) else 0
