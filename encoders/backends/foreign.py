"""An encoder that another package brings, under a version that tells that package's apart.

What it gives is held to the contract of an encoder at every call: a learner takes vectors as they
are, and one row of the wrong length or size would be learnt for good.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint
from typing import Any, cast

import numpy as np

from encoders.base import Encoder, EncoderError, Vectors, cut_texts
from encoders.entry_points import failure, load, origin
from encoders.fingerprint import fingerprint

PAGE = "docs/how-to/plugins.md"
LARGEST_DIM = 65_536
UNIT_WITHIN = 1e-3
"""By how much the length of a row may differ from 1."""

_TRIAL = ("toy story", "jazz")


class ForeignEncoder:
    """The encoder of an entry point; `argument` is what stands behind the colon of its name.

    The `version` is `NAME-DIM-HASH` over the distribution, its version, the argument, and what
    the encoder says of itself: another release of the package is another encoder, and vectors of
    the two are never mixed. Raises EncoderError, in one line that names the distribution, where
    the package cannot be imported, or what it makes is no encoder; it is asked for two texts.
    """

    def __init__(self, entry: EntryPoint, argument: str | None = None) -> None:
        self._whose = f"the encoder {entry.name!r} of {origin(entry)}"
        self._inner = self._made(_loaded(entry), argument)
        self.dim = self._inner.dim
        told = {"of": origin(entry), "argument": argument, "own": self._inner.version}
        self.version = fingerprint(entry.name, self.dim, told, ())
        self.encode(_TRIAL)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode texts, in order, as unit rows. Raises EncoderError where the encoder fails."""
        try:
            rows = self._inner.encode(texts)
        except Exception as error:
            raise EncoderError(f"{self._whose} failed: {failure(error)}") from error
        if wrong := fault_of(rows, len(texts), self.dim):
            raise EncoderError(f"{self._whose} gave {wrong}; {PAGE} says what it must give")
        return rows

    @property
    def cut(self) -> int:
        """The number of texts that the encoder has cut, where it counts them."""
        return cut_texts(self._inner)

    def _made(self, brought: object, argument: str | None) -> Encoder:
        if not callable(brought):
            raise EncoderError(
                f"{self._whose} is {type(brought).__name__}, not a function or class that makes "
                f"one; {PAGE} says what is to be brought"
            )
        make = cast("Callable[..., Any]", brought)
        try:
            made = make() if argument is None else make(argument)
        except EncoderError:
            raise
        except Exception as error:
            given = "without an argument" if argument is None else f"with {argument!r}"
            raise EncoderError(
                f"{self._whose} cannot be made {given}: {failure(error)}; its own page says what "
                f"may stand behind the colon of its name"
            ) from error
        if lacking := lacks(made):
            raise EncoderError(f"{self._whose} is none: {lacking}; {PAGE} says what it must have")
        return cast("Encoder", made)


def lacks(made: Any) -> str:
    """Return what an object lacks of an encoder's `version`, `dim` and `encode`; "" for nothing."""
    version, dim = getattr(made, "version", None), getattr(made, "dim", None)
    if not isinstance(version, str) or not version:
        return f"its version is {version!r}, not a text"
    if not isinstance(dim, int) or isinstance(dim, bool) or not 1 <= dim <= LARGEST_DIM:
        return f"its dim is {dim!r}, not a whole number from 1 to {LARGEST_DIM}"
    if not callable(getattr(made, "encode", None)):
        return f"{type(made).__name__} has no encode(texts)"
    return ""


def fault_of(rows: Any, texts: int, dim: int) -> str:
    """Return what is wrong with the vectors of so many texts; "" for nothing."""
    if not isinstance(rows, np.ndarray):
        return f"{type(rows).__name__}, not an array"
    if rows.shape != (texts, dim) or rows.dtype != np.float32:
        wanted = f"float32 of shape {(texts, dim)}"
        return f"{rows.dtype} of shape {rows.shape} for {texts} texts, not {wanted}"
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    # Written so that NaN is wrong.
    odd = ~((np.abs(lengths - 1.0) < UNIT_WITHIN) | (lengths == 0.0))
    return f"a row of length {lengths[odd][0]:g}, not 1 or 0" if odd.any() else ""


def _loaded(entry: EntryPoint) -> object:
    try:
        return load(entry)
    except ValueError as error:
        raise EncoderError(f"the encoder {error}") from error
