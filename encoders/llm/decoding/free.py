"""Lines in free words by beam search: the likeliest ways to finish a prompt within its line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from encoders.llm.decoding.kv_cache import PROMPT, grow
from encoders.llm.model import LanguageModel

Floats = NDArray[np.float32]

BATCH = 16
"""Prompts that are finished at once; memory grows with them."""
_CLOSES = (".", "!", "?")


class GeneratedLine(NamedTuple):
    """A line without its break, and the mean log-likelihood of its tokens (nats)."""

    text: str
    log_likelihood: float


class _Kinds(NamedTuple):
    """Which tokens (vocabulary,) break a line or end a text, and which end a sentence."""

    breaks: NDArray[np.bool_]
    closes: NDArray[np.bool_]


class _Beam(NamedTuple):
    tokens: tuple[int, ...]
    score: float
    place: int


_KINDS: WeakKeyDictionary[object, _Kinds] = WeakKeyDictionary()


class _Writing:
    """The beams of one prompt. A line is over at a break, or with its first sentence."""

    def __init__(self, kinds: _Kinds, width: int, most: int) -> None:
        self._kinds = kinds
        self._width = width
        self._most = most
        self.beams = [_Beam((), 0.0, PROMPT)]
        self.lines: list[tuple[float, tuple[int, ...]]] = []

    @property
    def tips(self) -> list[tuple[int, int]]:
        """The newest token of each beam, and the place of the one before it."""
        return [(beam.tokens[-1], beam.place) for beam in self.beams]

    def step(self, follows: Floats) -> None:
        """Extend by one token, with log-probabilities (beams, vocabulary) of what follows."""
        kinds, on = self._kinds, []
        for beam, row in zip(self.beams, follows, strict=True):
            # Twice as many, so that as many go on even where the best of them end a line.
            most = min(2 * self._width, len(row))
            best = np.argpartition(-row, most - 1)[:most]
            for token, more in zip(best.tolist(), row[best].tolist(), strict=True):
                score, tokens = beam.score + more, (*beam.tokens, token)
                if kinds.breaks[token]:
                    if beam.tokens:
                        self.lines.append((score / len(tokens), beam.tokens))
                elif kinds.closes[token] or len(tokens) >= self._most:
                    if kinds.closes[token]:
                        self.lines.append((score / len(tokens), tokens))
                else:
                    on.append(_Beam(tokens, score, beam.place))
        on.sort(key=lambda beam: (-beam.score, beam.tokens))
        self.beams = on[: self._width] if len(self.lines) < 2 * self._width else []

    def take_places(self, first: int) -> None:
        """Note where the newest tokens stand, one after the other from `first` on."""
        self.beams = [beam._replace(place=first + i) for i, beam in enumerate(self.beams)]


def write_lines(
    model: LanguageModel, prompts: Sequence[str], *, beams: int = 4, most_tokens: int = 32
) -> list[list[GeneratedLine]]:
    """Return up to `beams` lines that finish each prompt, the likeliest by token first.

    A line ends with its first sentence, at a line break, or where the model ends its text; one
    of more than `most_tokens` tokens is given up. There may be none.
    """
    kinds = _kinds_of(model)
    room = max(1, model.limit - most_tokens)
    written: list[list[GeneratedLine]] = []
    for start in range(0, len(prompts), BATCH):
        tokens = [model.prompt_ids(prompt, room) for prompt in prompts[start : start + BATCH]]
        writings = [_Writing(kinds, beams, most_tokens) for _ in tokens]
        grow(model, tokens, writings)
        for writing in writings:
            best = sorted(writing.lines, key=lambda line: (-line[0], line[1]))
            written.append(_as_text(model, best, beams))
    return written


def _as_text(
    model: LanguageModel, best: Sequence[tuple[float, tuple[int, ...]]], most: int
) -> list[GeneratedLine]:
    """Decode lines; of those that read the same the likeliest stays."""
    lines: dict[str, GeneratedLine] = {}
    for score, tokens in best:
        with model.lock:
            text = " ".join(model.tokenizer.decode(list(tokens)).split())
        if text:
            lines.setdefault(text, GeneratedLine(text, score))
    return list(lines.values())[:most]


def _kinds_of(model: LanguageModel) -> _Kinds:
    """Look once through the vocabulary of a model."""
    known = _KINDS.get(model.tokenizer)
    if known is None:
        size = int(model.model.config.vocab_size)
        breaks, closes = np.ones(size, bool), np.zeros(size, bool)
        with model.lock:
            texts = model.tokenizer.batch_decode([[token] for token in range(len(model.tokenizer))])
            special = set(model.tokenizer.all_special_ids)
        for token, text in enumerate(texts[:size]):
            breaks[token] = token in special or any(not sign.isprintable() for sign in text)
            closes[token] = text.rstrip().endswith(_CLOSES)
        known = _KINDS[model.tokenizer] = _Kinds(breaks, closes)
    return known
