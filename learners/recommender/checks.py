"""What is handed to the library, held to its type and its limits before anything is learnt.

Each function returns the value as it is kept, or raises in one line: what it is of, its name, the
value, the limit, the remedy. TypeError for what is of another kind, ValueError for what lies
outside the limits.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_SHOWN = 60  # characters of a value in a message


def shown(value: object) -> str:
    """Return what a value is, in one short line, with its type where that says more."""
    written = " ".join(repr(value).split())
    written = written if len(written) <= _SHOWN else f"{written[: _SHOWN - 3]}..."
    return written if value is None else f"{written} ({type(value).__name__})"


def text(name: str, value: object) -> str:
    """Return a text, which may be empty."""
    if not isinstance(value, str):
        raise TypeError(f"{name} is {shown(value)}; it must be text: write str(...) around it")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name} is {shown(value)}, which no file can hold ({error.reason}): "
            "decode its bytes as what they are"
        ) from None
    return str(value)


def identifier(name: str, value: object) -> str:
    """Return an id: a text that is not blank."""
    found = text(name, value)
    if not found.strip():
        raise ValueError(f"{name} is {shown(value)}; it must be a text that is not blank")
    return found


def optional_identifier(name: str, value: object) -> str | None:
    """Return an id, None where there is none."""
    return None if value is None else identifier(name, value)


def optional_text(name: str, value: object) -> str | None:
    """Return a text, with its spaces in order; None where there is none, or it is blank."""
    return None if value is None else " ".join(text(name, value).split()) or None


def number(name: str, value: object, least: float, most: float, remedy: str) -> float:
    """Return a finite number from `least` to `most`; NumPy's are taken, booleans are none."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} is {shown(value)}; it must be a number: {remedy}")
    found = float(value)
    if not (math.isfinite(found) and least <= found <= most):
        raise ValueError(
            f"{name} is {shown(value)}; it must be from {least:,} to {most:,}: {remedy}"
        )
    return found


def whole(name: str, value: object, least: int, most: int, remedy: str) -> int:
    """Return a whole number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} is {shown(value)}; it must be a whole number: {remedy}")
    found = int(value)
    if not least <= found <= most:
        raise ValueError(f"{name} is {found}; it must be from {least} to {most}: {remedy}")
    return found


def names(name: str, value: object) -> tuple[str, ...]:
    """Return names as a tuple, from a tuple or a list of texts that are not blank."""
    if not isinstance(value, tuple | list):
        raise TypeError(f"{name} is {shown(value)}; it must be a tuple of texts: write (...,)")
    return tuple(identifier(f"{name}[{place}]", each) for place, each in enumerate(value))


def folder(name: str, value: object) -> Path:
    """Return the path of a folder, `~` read as the home."""
    if not isinstance(value, str | PathLike) or isinstance(os.fspath(value), bytes):
        raise TypeError(f"{name} is {shown(value)}; it must be a path: a text, or a Path")
    return Path(text(name, os.fspath(value)) or ".").expanduser()


def instance(name: str, value: object, wanted: type[T], remedy: str) -> T:
    """Return a value that is of this class."""
    if not isinstance(value, wanted):
        raise TypeError(f"{name} is {shown(value)}; it must be of {wanted.__name__}: {remedy}")
    return value


def several(name: str, values: Iterable[T], remedy: str) -> list[T]:
    """Return many as a list; one alone, and a text, are not many."""
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise TypeError(f"{name} is {shown(values)}; it must be many, in a list: {remedy}")
    return list(values)
