"""Words that are typical of a label, learnt online in bounded memory.

A word is typical as far as it comes more often with the label than with all labels: the log
of the ratio of its two shares, each with half a count of the common share mixed in, so that a
word met once proves little. Chinese, Japanese and Korean runs, which have no blanks, are read
as pairs of neighbouring characters.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

_WORD = re.compile(r"[^\W\d_]+")
_RUN = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SHORTEST = 3
_MOST_READ = 400
_MOST_WORDS = 24
_HALVE_EVERY = 4_096
_FREQUENT = 0.01


def words_of(text: str | None) -> tuple[str, ...]:
    """Return the distinct words of a text in their order, in lower case; at most 24."""
    if not text:
        return ()
    found: dict[str, None] = {}
    for word in _WORD.findall(text[:_MOST_READ].lower()):
        if _RUN.search(word):
            found.update(dict.fromkeys(word[i : i + 2] for i in range(max(1, len(word) - 1))))
        elif len(word) >= _SHORTEST:
            found[word] = None
    return tuple(found)[:_MOST_WORDS]


class TypicalWords:
    """Counts of words, `by_label`; `most` a label, sixteen times as many in all, are kept."""

    def __init__(self, most: int = 200) -> None:
        self.most = most
        self.by_label: dict[str, dict[str, float]] = {}
        self._totals: dict[str, float] = {}
        self._all: dict[str, float] = {}
        self._clock = 0
        self._every = 0.0

    def learn(self, label: str, words: Iterable[str]) -> None:
        """Count the words of one example of a label."""
        counts = self.by_label.setdefault(label, {})
        self._totals[label] = self._totals.get(label, 0.0) + 1.0
        self._every += 1.0
        for word in words:
            counts[word] = counts.get(word, 0.0) + 1.0
            self._all[word] = self._all.get(word, 0.0) + 1.0
        if len(counts) > self.most:
            self.by_label[label] = _heaviest(counts, self.most // 2)
        if len(self._all) > 16 * self.most:
            self._all = _heaviest(self._all, 8 * self.most)
        self._clock += 1
        if self._clock % _HALVE_EVERY == 0:
            self._halve()

    def weight(self, label: str, word: str) -> float:
        """Return how typical a word is of a label, in nats; 0 for one never met with it."""
        met = self.by_label.get(label, {}).get(word, 0.0)
        if not met:
            return 0.0
        common = max(self._all.get(word, 0.0), met) / self._every
        share = (met + 0.5 * common) / (self._totals[label] + 0.5)
        return math.log(share / common) * met / (met + 1.0)

    def typical(self, label: str, n: int) -> list[str]:
        """Return the `n` words that tell most of a label: frequent with it, and rarer elsewhere."""
        counts = self.by_label.get(label, {})
        gain = {
            word: met * (max(self.weight(label, word), 0.0) + _FREQUENT)
            for word, met in counts.items()
        }
        return sorted(gain, key=lambda word: (-gain[word], word))[:n]

    def apart(self, counts: Mapping[str, float], n: int) -> list[str]:
        """Return the `n` words of these counts that are most frequent for how common they are."""
        total, every = sum(counts.values()) or 1.0, sum(self._all.values()) + 1.0
        gain = {
            word: met * math.log(met / total / ((self._all.get(word, 0.0) + 1.0) / every))
            for word, met in counts.items()
        }
        return sorted(gain, key=lambda word: (-gain[word], word))[:n]

    def rename(self, before: str, after: str) -> None:
        """Add the counts of one label to those of another."""
        counts = self.by_label.pop(before, {})
        into = self.by_label.setdefault(after, {})
        for word, met in counts.items():
            into[word] = into.get(word, 0.0) + met
        self._totals[after] = self._totals.get(after, 0.0) + self._totals.pop(before, 0.0)

    def keep(self, labels: Iterable[str]) -> None:
        """Forget all labels but these."""
        kept = set(labels)
        for label in [label for label in self._totals if label not in kept]:
            self._totals.pop(label)
            self.by_label.pop(label, None)
        self._every = sum(self._totals.values())

    def state(self) -> dict[str, object]:
        """Return all as plain values, for `learners.codec`."""
        return {
            "most": self.most,
            "labels": {label: dict(counts) for label, counts in self.by_label.items()},
            "totals": dict(self._totals),
            "all": dict(self._all),
            "clock": self._clock,
            "every": self._every,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> TypicalWords:
        """Build one that goes on exactly where the one of `state` stopped."""
        made = cls(state["most"])
        made.by_label = {label: dict(counts) for label, counts in state["labels"].items()}
        made._totals, made._all = dict(state["totals"]), dict(state["all"])
        made._clock, made._every = state["clock"], state["every"]
        return made

    def _halve(self) -> None:
        """Halve old counts, and forget what was met hardly ever."""
        self._all = {word: n / 2 for word, n in self._all.items() if n >= 1.0}
        self._totals = {label: n / 2 for label, n in self._totals.items()}
        self._every /= 2
        for label, counts in self.by_label.items():
            self.by_label[label] = {word: n / 2 for word, n in counts.items() if n >= 1.0}


def _heaviest(counts: dict[str, float], n: int) -> dict[str, float]:
    """Return the `n` largest counts, of equal ones the newest, in the order in which they stood."""
    least = sorted(counts.values(), reverse=True)[n - 1]
    room = n - sum(met > least for met in counts.values())
    equal = [word for word, met in counts.items() if met == least]
    newest = set(equal[-room:])
    return {word: met for word, met in counts.items() if met > least or word in newest}
