"""How much there is to encode, in tokens, and how fast that goes, as measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

FIRST_RATE = 1000.0
"""Tokens a second until something was encoded: low, so that the first texts are few."""
BYTES_PER_TOKEN = 4
AROUND = 2
"""Tokens that a model puts before and after each text."""
LONGEST = 2048
"""Bytes of a text beyond which most encoders read no further."""
AT_ONCE = 32
"""Texts that a model takes in one pass, each made as long as the longest of them."""
KEPT = 0.7
"""How much of what was measured before still counts at each measurement."""


def estimated_tokens(text: str) -> int:
    """Return about how many tokens a text has: what it costs, without a tokenizer.

    By the bytes of UTF-8, not by characters: what an encoder has no words for, other
    scripts most of all, falls into pieces of few bytes.
    """
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return AROUND + min(size, LONGEST) // BYTES_PER_TOKEN


class Padded:
    """Tokens that a model goes through for some texts: those that it is padded with count too.

    `total` is of all that were added; texts are added in any order.
    """

    def __init__(self, tokens: Iterable[int] = ()) -> None:
        self._whole = self._texts = self._longest = 0
        for count in tokens:
            self.add(count)

    @property
    def total(self) -> int:
        """Tokens, padding included."""
        return self._whole + self._texts * self._longest

    def after(self, tokens: int) -> int:
        """Return what `total` would be with a text of so many tokens more."""
        if self._texts == AT_ONCE:
            return self.total + tokens
        return self._whole + (self._texts + 1) * max(self._longest, tokens)

    def add(self, tokens: int) -> None:
        """Add a text of so many tokens."""
        if self._texts == AT_ONCE:
            self._whole, self._texts, self._longest = self.total, 0, 0
        self._texts += 1
        self._longest = max(self._longest, tokens)


class EncodingPace:
    """How many tokens, padded, an encoder does in a second, the newest calls counting most.

    Weighted by time, so that one slow call (the first one loads much) is soon made up for by
    the calls after it, and a few quick ones do not hide a slow one.
    """

    def __init__(self) -> None:
        self.tokens_per_second = FIRST_RATE
        self._tokens = self._seconds = 0.0

    def measured(self, tokens: Iterable[int], seconds: float) -> None:
        """Note a call of the encoder: the estimated tokens of each text, and how long it took.

        Where there are many texts, models sort them by length.
        """
        self._tokens = KEPT * self._tokens + Padded(sorted(tokens)).total
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
