"""Whether a generated line keeps to its facts: what it names, and the numbers that it gives.

A name is what is written with a capital. Titles that it may name are named whole; any other
name or number must stand among the facts (categories, attributes, the need), and no other
title of the catalogue may occur. What cannot be told apart counts as not grounded: a plain
template is always at hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

Words = tuple[str, ...]

MOST_CHARS = 160
_LEAST_WORDS, _MOST_WORDS = 3, 30
_WORD = re.compile(r"[^\W_]+(?:['\u2019.-][^\W_]+)*")
_FOREIGN = re.compile(r"[<>|{}\[\]\\@#^~`]|://|www\.")
_BEGIN = """
a an the this these those for if with from in on more less great good best perfect ideal enjoy
discover explore find try see watch read choose pick picks here there it you your all some many
each every as when where while because since what new fresh light fun funny dark warm quiet fast
slow
"""
_COUNT = """
two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen twenty thirty
forty fifty hundred thousand million billion first second third dozen dozens hundreds thousands
millions
"""
_OPENERS = frozenset(_BEGIN.split())
"""Words with which a sentence may begin: a capital there is no name."""
_NUMBERS = frozenset(_COUNT.split())


class Facts(NamedTuple):
    """What a line may name: whole titles, and words of its facts."""

    titles: tuple[Words, ...]
    words: frozenset[str]


def words_of(text: str) -> Words:
    """Return the words of a text, case folded."""
    return tuple(word.casefold().replace("\u2019", "'") for word in _WORD.findall(text))


def facts_of(titles: Iterable[str], texts: Iterable[str]) -> Facts:
    """Return the facts of a line: the titles that it may name, and what else it may say of them."""
    longest_first = sorted(set(map(words_of, titles)) - {()}, key=lambda title: -len(title))
    return Facts(tuple(longest_first), frozenset(word for text in texts for word in words_of(text)))


class TitleIndex:
    """The titles of the catalogue, to be found in a line. Items may share one."""

    def __init__(self) -> None:
        self._titles: dict[str, Words] = {}
        self._by_first: dict[str, dict[Words, int]] = {}

    def put(self, item_id: str, title: str) -> None:
        """Set the title of an item."""
        self.remove(item_id)
        words = words_of(title)
        if words:
            self._titles[item_id] = words
            counts = self._by_first.setdefault(words[0], {})
            counts[words] = counts.get(words, 0) + 1

    def remove(self, item_id: str) -> None:
        """Remove an item."""
        words = self._titles.pop(item_id, ())
        if words:
            counts = self._by_first[words[0]]
            counts[words] -= 1
            if not counts[words]:
                del counts[words]
            if not counts:
                del self._by_first[words[0]]

    def found(self, words: Sequence[str], place: int) -> Words:
        """Return the longest title that stands at a place among words, () where none does."""
        here = [
            title
            for title in self._by_first.get(words[place], ())
            if tuple(words[place : place + len(title)]) == title
        ]
        return max(here, key=len, default=())


def fault(line: str, facts: Facts, index: TitleIndex) -> str | None:
    """Return why a line is not grounded; None where it is."""
    found = [(match.group(), match.start()) for match in _WORD.finditer(line)]
    if not _LEAST_WORDS <= len(found) <= _MOST_WORDS or len(line) > MOST_CHARS:
        return "too short or too long"
    if not line.isprintable() or _FOREIGN.search(line):
        return "signs that are no words"
    words = words_of(line)
    own = _own(words, facts)
    if own.count(False) < _LEAST_WORDS:
        return "only a title"
    for place, ((word, start), plain) in enumerate(zip(found, words, strict=True)):
        if own[place]:
            continue
        title = index.found(words, place)
        # A title of one word is told from the word by its capital, or where a sentence begins.
        if len(title) > 1 or (title and (word != word.lower() or place == 0)):
            return f"names {' '.join(title)!r}"
        is_first = place == 0 or line[:start].rstrip().endswith((".", "!", "?", ":"))
        if not _is_plain(word, plain, facts, is_first=is_first):
            return f"says {word!r}"
    return None


def _own(words: Words, facts: Facts) -> list[bool]:
    """Mark the words that belong to a whole title of the list."""
    own = [False] * len(words)
    for title in facts.titles:
        for place in range(len(words) - len(title) + 1):
            span = slice(place, place + len(title))
            if words[span] == title and not any(own[span]):
                own[span] = [True] * len(title)
    return own


def _is_plain(word: str, folded: str, facts: Facts, *, is_first: bool) -> bool:
    """Return whether a word names nothing, or only what the facts say."""
    if folded in facts.words or folded.removesuffix("'s") in facts.words:
        return True
    if any(sign.isdigit() or sign.isnumeric() for sign in word) or folded in _NUMBERS:
        return False
    # Without capital letters in a script, names cannot be told from words.
    if any(sign.isalpha() and not (sign.islower() or sign.isupper()) for sign in word):
        return False
    if word == word.lower():
        return True
    return is_first and folded in _OPENERS and word[1:] == word[1:].lower()
