"""How much there is to encode, in tokens, and how fast that goes, as measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

FIRST_RATE = 1000.0
"""Tokens a second until something was encoded: low, so that the first texts are few."""
BYTES_PER_TOKEN = 4
AROUND = 2
"""Tokens that a model puts before and after each text."""
LONGEST = 2048
"""Bytes of a text beyond which most encoders read no further."""
KEPT = 0.7
"""How much of what was measured before still counts at each measurement."""


def estimated_tokens(text: str) -> int:
    """Return about how many tokens a text has: what it costs, without a tokenizer.

    By the bytes of UTF-8, not by characters: what an encoder has no words for, other
    scripts most of all, falls into pieces of few bytes.
    """
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return AROUND + min(size, LONGEST) // BYTES_PER_TOKEN


class EncodingPace:
    """How many estimated tokens an encoder does in a second, the newest calls counting most.

    Weighted by time, so that one slow call (the first one loads much) is soon made up for by
    the calls after it, and a few quick ones do not hide a slow one.
    """

    def __init__(self) -> None:
        self.tokens_per_second = FIRST_RATE
        self._tokens = self._seconds = 0.0

    def measured(self, tokens: int, seconds: float) -> None:
        """Take up a call of the encoder that did so many tokens in so many seconds."""
        self._tokens = KEPT * self._tokens + tokens
        self._seconds = KEPT * self._seconds + seconds
        if self._tokens > 0.0 and self._seconds > 0.0:
            self.tokens_per_second = self._tokens / self._seconds


@runtime_checkable
class Foresees(Protocol):
    """An encoder that can tell beforehand what a call would cost."""

    @property
    def pace(self) -> EncodingPace:
        """How fast it encodes what it does not know yet."""
        ...

    def tokens_ahead(self, texts: Sequence[str]) -> list[int]:
        """Return the estimated tokens of each text; 0 where no encoding is needed for it."""
        ...
