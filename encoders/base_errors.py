"""What can go wrong with an encoder, in one place.

EncoderError
    An encoder cannot be loaded or used: unknown name, missing folder, missing
    package, no network for a hub name, broken weights, another size than the
    stored vectors. Its message is one line: what, where, and the remedy.

A text that cannot be encoded is never an error: see `encoders.base_optional`. A
damaged cache file is never an error either: see `encoders.cache.disk`.
"""

from __future__ import annotations


class EncoderError(RuntimeError):
    """An encoder cannot be loaded or used; the message says what, where and the remedy."""


def one_line(error: Exception) -> str:
    """Return the text of a library's error, on one line and cut; its type where it is empty."""
    return " ".join(str(error).split())[:300] or type(error).__name__
