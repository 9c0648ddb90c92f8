"""What every encoder keeps to: its protocol, its errors, unit rows.

A text that cannot be encoded is never an error: see `encoders.text.encode_optional`. A
damaged cache file is never an error either: see `encoders.cache.disk`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
Vectors = NDArray[np.float32]
"""One row `(dim,)`, and rows `(n, dim)`."""
SMALLEST = 1e-12


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


class EncoderError(RuntimeError):
    """An encoder cannot be loaded or used.

    Unknown name, missing folder, missing package, no network for a hub name, broken weights,
    another size than the stored vectors. Its message is one line: what, where, and the remedy.
    """


def one_line(error: Exception) -> str:
    """Return the text of a library's error, on one line and cut; its type where it is empty."""
    return " ".join(str(error).split())[:300] or type(error).__name__


def unit_rows(rows: NDArray[np.floating[Any]]) -> Vectors:
    """Scale each row of `(n, dim)` to length 1, as a new float32 array.

    A row that holds NaN or infinity, or is shorter than 1e-12, becomes all
    zeros: it says nothing of the text, and one NaN must not reach a learner.
    """
    wide = np.asarray(rows, dtype=np.float64)
    peak = np.max(np.abs(wide), axis=1, keepdims=True, initial=0.0)
    usable = np.isfinite(peak) & (peak > SMALLEST)
    # Division by the peak first, so that squares of huge values do not overflow.
    scaled = np.where(usable, wide, 0.0) / np.where(usable, peak, 1.0)
    norms = np.sqrt(np.einsum("ij,ij->i", scaled, scaled))[:, None]
    return (scaled / np.where(norms > 0.0, norms, 1.0)).astype(np.float32)


class TrainingProgress(NamedTuple):
    """`step` of at most `steps`, the mean loss of its targets, and seconds since the beginning."""

    step: int
    steps: int
    loss: float
    seconds: float
