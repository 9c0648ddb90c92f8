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
MOST_SHOWN = 5
"""Lines of a history that are shown, the newest: about as many as an example has room for."""

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


def item_line(title: str, categories: Sequence[str]) -> str:
    """Name an item in one line: its first category, then its title. "" where it has no title.

    The category comes first so that what a history says of it is said in one word, before
    a model has to know which of all titles it is.
    """
    words, kind = plain(title), plain(categories[0]) if categories else ""
    return f"{kind}: {words}" if words and kind else words


def search_line(text: str) -> str:
    """Write what a person searched for as a line of their history; "" where nothing is left."""
    words = plain(text)
    return words and f"looked for: {words}"


def next_prompt(history: Sequence[str], wording: int = 0) -> str:
    """Ask for the item that follows a history of lines, oldest first.

    The newest `MOST_SHOWN` are shown, and blank ones left out. With no line at all, the
    question stands alone.
    """
    lines = [line for each in history[-MOST_SHOWN:] if (line := plain(each, 2 * MOST_CHARS))]
    return NEXT[wording % len(NEXT)].format(history="\n".join(lines))


def intent_prompt(event: str, wording: int = 0) -> str:
    """Ask what is behind an event, given as `encoders.text.render_event` writes it."""
    return INTENT[wording % len(INTENT)].format(event=plain(event, 2 * MOST_CHARS))


def label_words(label: str) -> str:
    """Write a label as words: `card_arrival` as "card arrival"."""
    return plain(label.replace("_", " ").replace("-", " "))
