"""Vectors that come from without: of an encoder that may be anybody's, or handed in.

What is kept has length 1 and belongs to nobody else. A vector that is nearly of that length is
kept as it is, so that one made by an encoder of ours is the same here and in the engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from learners.recommender.checks import shown
from learners.types import Vector

LARGEST_DIM = 65_536
_NEARLY = 1e-3
_NUMBERS = "fiu"  # kinds of dtype: floats and whole numbers


class TextEncoder(Protocol):
    """Texts to vectors: those of `encoders.load_encoder`, sentence-transformers, your own.

    `version` (a text) and `dim` (a whole number) are looked at where an encoder has them: by the
    version a saved recommender knows that it gets the same one again.
    """

    def encode(self, texts: list[str], /) -> Any:
        """Encode texts, in order, as rows (n, dim) of finite numbers; zeros: it knows none."""
        ...


def checked_encoder(encoder: TextEncoder | None) -> TextEncoder | None:
    """Return an encoder. Raises TypeError for what is none, such as the name of one."""
    # A text has a method of this name too: it makes bytes.
    if encoder is not None and (
        isinstance(encoder, str | type) or not callable(getattr(encoder, "encode", None))
    ):
        raise TypeError(
            f"encoder is {shown(encoder)}; it must be an object with encode(texts), such as "
            'load_encoder("packaged") of the package encoders'
        )
    return encoder


def version_of(encoder: TextEncoder | None) -> str | None:
    """Return what an encoder is known by: its version, else its class; None for none."""
    if encoder is None:
        return None
    version = getattr(encoder, "version", None)
    kind = type(encoder)
    return version if isinstance(version, str) else f"{kind.__module__}.{kind.__qualname__}"


def dim_of(encoder: TextEncoder | None) -> int:
    """Return the size that an encoder says its vectors have, 0 where it does not say."""
    dim = getattr(encoder, "dim", 0)
    return dim if isinstance(dim, int) and 0 < dim <= LARGEST_DIM else 0


def unit_vector(name: str, value: object, dim: int) -> Vector | None:
    """Return a vector (dim,) float32 of length 1, None for None; `dim` is any size where 0.

    Raises TypeError for what holds no numbers, ValueError for another size or shape, for NaN and
    infinity, and for zeros, which point nowhere.
    """
    if value is None:
        return None
    if not isinstance(value, np.ndarray | list | tuple):
        raise TypeError(f"{name} is {shown(value)}; it must be an array of numbers")
    found = _array(name, value)
    if found.ndim != 1 or not 0 < len(found) <= LARGEST_DIM or (dim and len(found) != dim):
        wanted = f"({dim},)" if dim else f"(n,) with n from 1 to {LARGEST_DIM}"
        raise ValueError(
            f"{name} has the shape {found.shape}; it must be {wanted}: all vectors of one "
            "recommender come from one encoder"
        )
    (row,) = _of_length_one(name, found[None])
    if row is None:
        raise ValueError(f"{name} is all zeros, and says nothing: leave it out")
    return row


def encode(encoder: TextEncoder, texts: Sequence[str | None], dim: int) -> list[Vector | None]:
    """Encode what is text, each text once; None for no text, and where the encoder knows nothing.

    Raises ValueError where the encoder gives what it must not (`TextEncoder`), or another size.
    """
    words = list(dict.fromkeys(text for text in texts if text is not None))
    if not words:
        return [None] * len(texts)
    name = f"what the encoder {version_of(encoder)} made of {len(words)} texts"
    rows = _array(name, encoder.encode(words))
    if rows.ndim != 2 or len(rows) != len(words) or not 0 < rows.shape[1] <= LARGEST_DIM:
        raise ValueError(f"{name} has the shape {rows.shape}; it must be ({len(words)}, dim)")
    if dim and rows.shape[1] != dim:
        raise ValueError(f"{name} has the shape {rows.shape}; it must be ({len(words)}, {dim})")
    vectors = dict(zip(words, _of_length_one(name, rows), strict=True))
    return [None if text is None else vectors[text] for text in texts]


def _array(name: str, value: object) -> NDArray[Any]:
    try:
        found = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} is no array: its rows differ in length") from error
    if found.dtype.kind not in _NUMBERS:
        raise TypeError(f"{name} is of {found.dtype}; it must be of numbers, such as float32")
    return found


def _of_length_one(name: str, rows: NDArray[Any]) -> list[Vector | None]:
    """Return rows (n, dim) scaled to length 1, None for zeros."""
    wide = rows.astype(np.float64)
    if not np.isfinite(wide).all():
        raise ValueError(f"{name} holds NaN or infinity; every number must be finite")
    peaks = np.abs(wide).max(axis=1)
    found: list[Vector | None] = []
    for row, kept, peak in zip(wide, rows, peaks.tolist(), strict=True):
        if peak == 0.0:
            found.append(None)
            continue
        # By the peak first, so that no square overflows.
        length = peak * float(np.linalg.norm(row / peak))
        is_unit = abs(length - 1.0) <= _NEARLY
        found.append((kept if is_unit else row / peak / (length / peak)).astype(np.float32))
    return found
