"""What a language model is asked, in words: what comes next, and what a person is after.

Training, generation and the teacher ask in the same words. A text of the stream is data: it
stands on one line of its own and holds no sign of the model's own markup, so that whatever a
title says, it is one title among others. Templates part by line breaks alone, and no text
has one. Each question has several wordings: the first is the one that is asked live, the
others are for training, so that a model learns the task and not a wording.
"""

from __future__ import annotations

from collections.abc import Sequence

from encoders.text import clip, repair

MOST_CHARS = 100
"""Characters of one text within a prompt."""
MOST_SHOWN = 10
"""Titles of a history that are shown, the newest."""

NEXT = (
    "Chosen one after another:\n{history}\nNext:",
    "A person chose these, oldest first:\n{history}\nThen they chose:",
    "History:\n{history}\nWhat came next:",
    "{history}\nAfter these:",
)
INTENT = (
    "What a person did:\n{event}\nWhat they are after:",
    "{event}\nThe need behind it:",
    "Event:\n{event}\nIntent:",
)


def plain(text: str, limit: int = MOST_CHARS) -> str:
    """Make a text one line of data: repaired, cut, markup of chat models broken open.

    Idempotent. "" for a text in which nothing is left.
    """
    one_line = repair(text).text
    for sign, broken in (("<|", "< |"), ("|>", "| >")):
        while sign in one_line:
            one_line = one_line.replace(sign, broken)
    return clip(one_line, limit)[0]


def next_prompt(titles: Sequence[str], wording: int = 0) -> str:
    """Ask for the title that follows `titles`, oldest first; the newest `MOST_SHOWN` are shown.

    Blank titles are left out. With no title at all, the question stands alone.
    """
    lines = [line for line in map(plain, titles[-MOST_SHOWN:]) if line]
    return NEXT[wording % len(NEXT)].format(history="\n".join(lines))


def intent_prompt(event: str, wording: int = 0) -> str:
    """Ask what is behind an event, given as `encoders.text.render_event` writes it."""
    return INTENT[wording % len(INTENT)].format(event=plain(event, 2 * MOST_CHARS))


def label_words(label: str) -> str:
    """Write a label as words: `card_arrival` as "card arrival"."""
    return plain(label.replace("_", " ").replace("-", " "))
