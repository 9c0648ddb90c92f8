"""Text before it is encoded: repaired, cut visibly, put together.

"No text" is None everywhere, never an empty string and never a vector.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

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
    words = [part.strip() for part in parts if part is not None and part.strip()]
    return ". ".join(words) or None
