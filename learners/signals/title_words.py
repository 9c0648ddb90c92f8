"""Words of titles: which items hold the words of a search, and how much of it they hold.

A word counts for how rare it is among titles (Robertson and Sparck Jones, 1976, "Relevance
weighting of search terms"). Plural and singular are one word (the s-stemmer of Harman, 1991, "How
effective is suffixing?"), and so are letters with and without accents. Chinese, Japanese and Korean
runs, which have no blanks, are read as pairs of neighbouring characters, in titles single ones
too. Of a search of more than such words, those that say nothing (`learners.signals.stop_words`) are
left out.
"""

from __future__ import annotations

import math
import re
import unicodedata
from array import array
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from learners.arrays import compiled
from learners.signals.stop_words import STOP_WORDS

Numbers = NDArray[np.int32]
Shares = NDArray[np.float32]

_WORD = re.compile(r"[^\W_]+")
_RUN = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_OF = re.compile("[的の]")  # Chinese and Japanese "of", between two words
_MOST_READ = 400  # characters of a text
_MOST_WORDS = 24  # of a text
_ENOUGH = 20_000  # holders that are looked through for the best, those of the rarest words first
_LEAST = 0.25  # of a search that an item holds, to be among the best
_NONE = np.zeros(0, np.int32)


def words_of(text: str, *, single: bool = False) -> tuple[str, ...]:
    """Return the distinct words of a text as they are compared, in their order; at most 24.

    `single`: of runs without blanks also the single characters.
    """
    found: dict[str, None] = {}
    for word in _WORD.findall(_plain(text[:_MOST_READ].casefold())):
        if _RUN.search(word):
            found.update(dict.fromkeys(_pairs(word, single=single)))
        else:
            found[_singular(word)] = None
    return tuple(found)[:_MOST_WORDS]


def _plain(text: str) -> str:
    """Return a text without accents."""
    if text.isascii():
        return text
    parts = unicodedata.normalize("NFKD", text)
    letters = "".join(part for part in parts if not unicodedata.combining(part))
    return unicodedata.normalize("NFC", letters)


@lru_cache(4_096)
def sought_words(search: str) -> tuple[str, ...]:
    """Return the words of a search that say what is sought; all, where they only say nothing."""
    # As they stand: "Dallas" without its s is an Italian word that says nothing.
    words = _WORD.findall(_plain(search[:_MOST_READ].casefold()))
    return words_of(" ".join(word for word in words if word not in STOP_WORDS)) or words_of(search)


def _pairs(run: str, *, single: bool) -> list[str]:
    parts = [part for part in _OF.split(run) if part] or [run]
    pairs = [part[at : at + 2] for part in parts for at in range(max(1, len(part) - 1))]
    return [*pairs, *"".join(parts)] if single else pairs


def _singular(word: str) -> str:
    """Return a word without the s of a plural."""
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-1]


@compiled
def add_weight(shares: Shares, items: Numbers, holders: Numbers, weight: np.float32) -> None:
    """Add what a word counts for to the shares (n,) of those items (n,) that are among `holders`.

    `holders` (m,) are in order.
    """
    for place in range(items.size):
        low, high = 0, holders.size
        while low < high:
            middle = (low + high) // 2
            if holders[middle] < items[place]:
                low = middle + 1
            else:
                high = middle
        if low < holders.size and holders[low] == items[place]:
            shares[place] += weight


class TitleWords:
    """The items that hold each word in their title.

    Kept nowhere: the catalogue tells it again at a restart, in whatever order.
    """

    def __init__(self) -> None:
        self._holders: dict[str, array[int]] = {}
        self._in_order: dict[str, Numbers] = {}
        self._titled = 0

    def put(self, item: int, before: str, after: str) -> None:
        """Take note that an item's title was `before`, "" for none, and is `after`."""
        if before == after:
            return
        self._titled += bool(after) - bool(before)
        old, new = (dict.fromkeys(words_of(title, single=True)) for title in (before, after))
        for word in old:
            if word not in new:
                self._drop(word, item)
        for word in new:
            if word not in old:
                self._holders.setdefault(word, array("i")).append(item)
                self._in_order.pop(word, None)

    def holders(self, word: str) -> Numbers:
        """Return the items (n,) whose titles hold a word, by number."""
        found = self._in_order.get(word)
        if found is None and word in self._holders:
            found = np.sort(np.array(self._holders[word], np.int32), kind="stable")
            self._in_order[word] = found
        return _NONE if found is None else found

    def shares(self, text: str, items: Numbers) -> Shares:
        """Return how much of a search each item's title holds (n,), from 0, nothing, to 1, all."""
        shares, total = np.zeros(len(items), np.float32), 0.0
        for word in sought_words(text):
            holders = self.holders(word)
            weight = self._weight(len(holders))
            total += weight
            if len(holders):
                add_weight(shares, items, holders, np.float32(weight))
        return shares if total <= 0.0 else np.minimum(shares / np.float32(total), np.float32(1.0))

    def best(self, text: str) -> tuple[Numbers, Shares]:
        """Return the items that hold a good part of a search, and what they hold, in no order.

        Where words are in very many titles, those that are rarer lead, and the newest items.
        """
        known = sorted((self.holders(word) for word in sought_words(text)), key=len)
        items = _NONE
        for holders in known:
            if len(items) >= _ENOUGH:
                break
            items = np.union1d(items, holders[-_ENOUGH:])
        shares = self.shares(text, items)
        good = shares >= _LEAST
        return items[good], shares[good]

    def _weight(self, holders: int) -> float:
        """Return what a word in so many titles counts for in a search."""
        return math.log1p((self._titled - holders + 0.5) / (holders + 0.5))

    def _drop(self, word: str, item: int) -> None:
        holders = self._holders[word]
        holders.remove(item)
        self._in_order.pop(word, None)
        if not holders:
            del self._holders[word]
