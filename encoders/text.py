"""Text before it is encoded: repaired, cut visibly, put together, or missing.

"No text" is None everywhere, never an empty string and never a vector.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from encoders.base import Encoder, Vector
from encoders.throughput import Foresees

# Invisible characters that carry no letter: zero-width space and no-break space, word joiner,
# soft hyphen, direction marks and overrides, byte order mark, interlinear and tag characters.
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]+"
)
# Joiners shape letters and emoji (so they stay), but only between two visible characters.
_LOOSE_JOINER = re.compile("(?:^|(?<=\\s))[\u200c\u200d]+|[\u200c\u200d]+(?=\\s|$)")
_JOINER_RUN = re.compile("([\u200c\u200d])[\u200c\u200d]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SPACE = re.compile(r"\s+")
# The longest run of marks and joiners that a cut steps back over to keep a character whole.
_LONGEST_CLUSTER = 16


class Repaired(NamedTuple):
    """A text fit for an encoder, and whether it differs from what came in."""

    text: str
    changed: bool


def repair(text: str) -> Repaired:
    """Make a text well-formed; its letters stay as they are.

    Lone surrogates become U+FFFD, control characters a space; invisible
    characters go; runs of white space become one space, none at the ends; the
    rest is composed (Unicode NFC). Repairing twice changes nothing more.
    """
    if text.isascii() and text.isprintable() and "  " not in text and text.strip(" ") == text:
        return Repaired(text, changed=False)
    fixed = _SURROGATE.sub("\ufffd", text)
    fixed = _CONTROL.sub(" ", fixed)
    fixed = _INVISIBLE.sub("", fixed)
    fixed = _JOINER_RUN.sub(r"\1", fixed)
    fixed = _LOOSE_JOINER.sub("", fixed)
    fixed = unicodedata.normalize("NFC", _SPACE.sub(" ", fixed).strip())
    return Repaired(fixed, changed=fixed != text)


def clip(text: str, limit: int) -> tuple[str, bool]:
    """Cut a text to at most `limit` characters; return it and whether it was cut.

    A character is not parted from its accents, nor an emoji in the middle,
    unless that would cost more than 16 characters. Raises ValueError for a
    limit below 1.
    """
    if limit < 1:
        raise ValueError(f"a text cannot be cut to {limit} characters: the least is 1")
    if len(text) <= limit:
        return text, False
    end = limit
    while end > max(0, limit - _LONGEST_CLUSTER) and _joined(text, end):
        end -= 1
    return text[: limit if end == 0 or _joined(text, end) else end].rstrip(), True


def _joined(text: str, place: int) -> bool:
    """Return whether the characters on both sides of a place belong together."""
    after, before = text[place], text[place - 1]
    return (
        unicodedata.combining(after) != 0
        or after in "\u200c\u200d\ufe0e\ufe0f"
        or "\U0001f3fb" <= after <= "\U0001f3ff"
        or before in "\u200c\u200d"
    )


def render_event(type: str, title: str | None, text: str | None) -> str | None:  # noqa: A002 (the field's name)
    """Write an event as one text: `view: Toy Story (1995)`, `search: running shoes`.

    Takes repaired texts. None where there is neither title nor text: the type
    alone says nothing that the learners do not know already.
    """
    words = _joined_words(title, text)
    return f"{type}: {words}" if words and type.strip() else words


def render_item(title: str, text: str | None, categories: Sequence[str]) -> str | None:
    """Write an item as one text: title, description, then categories after commas.

    Takes repaired texts. None where all are blank.
    """
    return _joined_words(title, text, ", ".join(filter(None, map(str.strip, categories))))


def _joined_words(*parts: str | None) -> str | None:
    words = map(str.strip, filter(None, parts))
    return ". ".join(filter(None, words)) or None


def encode_optional(encoder: Encoder, texts: Sequence[str | None]) -> list[Vector | None]:
    """Encode what is text; None for the others. One answer each, in the same order.

    A vector is float32 `(dim,)` of length 1. None stands for: no text, blank or
    invisible text, a value that is not text (a number that slipped through),
    and a text in which the encoder knows nothing. One call of the encoder.
    """
    answers: list[Vector | None] = [None] * len(texts)
    places, words = _readable(texts)
    if words:
        vectors = encoder.encode(words)
        known = np.any(vectors != 0.0, axis=1).tolist()
        for place, vector, is_known in zip(places, vectors, known, strict=True):
            # A copy: a view would keep the whole batch in memory for as long as one row lives.
            answers[place] = vector.copy() if is_known else None
    return answers


def tokens_ahead(encoder: Encoder, texts: Sequence[str | None]) -> list[int]:
    """Return about how many tokens `encode_optional` would have to encode for each text.

    0 for what is no text, what stands earlier in `texts`, and what is remembered; 0 for all
    where the encoder does not foresee it.
    """
    tokens = [0] * len(texts)
    if isinstance(encoder, Foresees):
        places, words = _readable(texts)
        for place, count in zip(places, encoder.tokens_ahead(words), strict=True):
            tokens[place] = count
    return tokens


def _readable(texts: Sequence[str | None]) -> tuple[list[int], list[str]]:
    """Return the places of what is text, and the texts as they are encoded."""
    places, words = [], []
    for place, text in enumerate(texts):
        if isinstance(text, str) and (whole := repair(text).text):
            places.append(place)
            words.append(whole)
    return places, words
