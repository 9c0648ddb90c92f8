"""Encoders: text in, unit vectors out. Nothing here knows of users or streams.

The names below are the library's face (docs/how-to/library.md); they are imported when they are
first asked for, so that a room of this package loads only what it needs.

>>> from encoders import load_encoder
>>> load_encoder("hashing-64").encode(["a red lamp", "a blue lamp"]).shape
(2, 64)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from encoders.base import Encoder, EncoderError
    from encoders.cache.cached import CachedEncoder
    from encoders.load import load_encoder

__all__ = ["CachedEncoder", "Encoder", "EncoderError", "load_encoder"]

_WHERE = {
    "CachedEncoder": "encoders.cache.cached",
    "Encoder": "encoders.base",
    "EncoderError": "encoders.base",
    "load_encoder": "encoders.load",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
