"""Beam search for titles, constrained to a trie: whatever it gives is an item of the trie.

A beam is the beginning of a title with the log-likelihood that the model gives it after a
prompt, over the whole vocabulary. Finished titles wait apart; a beam goes on while it can
still beat the last of the best `n`. Since a title never gets likelier by going on, that
prunes nothing that belongs into the answer, and with enough beams the answer is exact.
Each beam can end in an item that is allowed, and no two in the same: so with at least `n`
beams there are always `n` items, or all there are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from encoders.llm.decoding.kv_cache import PROMPT, grow
from encoders.llm.decoding.trie import Node, Trie
from encoders.llm.model import LanguageModel

Floats = NDArray[np.float32]

BATCH = 16
"""Prompts that are searched for at once; memory grows with them."""
TITLE_ROOM = 64
"""Tokens that a prompt leaves free for the title, where the model can read no more."""


class Found(NamedTuple):
    """An item, and the log-likelihood of its title and its end after the prompt (nats)."""

    item_id: str
    log_likelihood: float


class _Beam(NamedTuple):
    node: Node
    score: float
    token: int
    place: int


class _Search:
    """The beams of one prompt."""

    def __init__(self, trie: Trie, n: int, width: int, excluded: Collection[str]) -> None:
        self._trie = trie
        self._n = n
        self._width = width
        self._excluded = frozenset(excluded)
        self._shut = trie.shut(self._excluded)
        self._ended: list[tuple[float, Node]] = []
        # A search for nothing, or among nothing, has ended before it begins.
        ways = len(self._ways(trie.root)) if n > 0 else 0
        self.beams = [_Beam(trie.root, 0.0, trie.end, PROMPT)] if ways else []

    @property
    def tips(self) -> list[tuple[int, int]]:
        """The newest token of each beam, and the place of the one before it."""
        return [(beam.token, beam.place) for beam in self.beams]

    def step(self, follows: Floats) -> None:
        """Extend by one token, with log-probabilities (beams, vocabulary) of what follows."""
        options = [self._ways(beam.node) for beam in self.beams]
        sizes = [len(tokens) for tokens in options]
        which = np.repeat(np.arange(len(sizes)), sizes)
        tokens = np.concatenate(options) if options else np.zeros(0, np.int64)
        before = np.array([beam.score for beam in self.beams])
        scores = before[which] + follows[which, tokens].astype(np.float64)
        ends = tokens == self._trie.end
        for place in np.flatnonzero(ends).tolist():
            node = self.beams[which[place]].node.children[self._trie.end]
            self._ended.append((float(scores[place]), node))
        least = self._least()
        on = np.flatnonzero(~ends & (scores >= least))
        best = on[np.lexsort((tokens[on], which[on], -scores[on]))][: self._width]
        parents = (self.beams[row] for row in which[best].tolist())
        chosen = zip(parents, tokens[best].tolist(), scores[best].tolist(), strict=True)
        self.beams = [
            _Beam(parent.node.children[token], score, token, parent.place)
            for parent, token, score in chosen
        ]

    def take_places(self, first: int) -> None:
        """Note where the tokens of the beams stand, one after the other from `first` on."""
        self.beams = [beam._replace(place=first + i) for i, beam in enumerate(self.beams)]

    def found(self, is_live: Callable[[str], bool] | None) -> list[Found]:
        """Return the best `n` that are still there, best first, equal ones by id."""
        everything = sorted(
            (-score, item_id) for score, node in self._ended for item_id in self._allowed(node)
        )
        return [
            Found(item_id, -negative)
            for negative, item_id in everything
            if is_live is None or is_live(item_id)
        ][: self._n]

    def _allowed(self, node: Node) -> list[str]:
        return [item_id for item_id in node.items if item_id not in self._excluded]

    def _ways(self, node: Node) -> NDArray[np.int64]:
        """Return the tokens that lead on from a place to an item that is allowed."""
        tokens, shut = node.tokens(), self._shut.get(node)
        return tokens if shut is None else tokens[~np.isin(tokens, shut)]

    def _least(self) -> float:
        """Return the score below which a beam is of no use any more."""
        self._ended.sort(key=lambda ended: -ended[0])
        items = 0
        for score, node in self._ended:
            items += len(self._allowed(node))
            if items >= self._n:
                return score
        return -np.inf


def beam_search(
    model: LanguageModel,
    trie: Trie,
    prompts: Sequence[str],
    n: int,
    *,
    beams: int | None = None,
    excluded: Sequence[Collection[str]] | None = None,
    is_live: Callable[[str], bool] | None = None,
) -> list[list[Found]]:
    """Return the `n` likeliest items of the trie after each prompt, best first.

    Items are distinct, in the trie at the end of the search, and not among the `excluded`
    ids of their prompt; fewer than `n` only where there are fewer. Items of one title are
    equally likely, and all given. `beams` (at least `n`): how many beginnings are kept. With
    one for each title the search is exact. `is_live` is asked at the end about each item.
    """
    room = max(1, model.limit - TITLE_ROOM)
    wanted = excluded if excluded is not None else [()] * len(prompts)
    width = max(n, beams or n)
    found: list[list[Found]] = []
    for start in range(0, len(prompts), BATCH):
        tokens = [model.prompt_ids(prompt, room) for prompt in prompts[start : start + BATCH]]
        searches = [_Search(trie, n, width, ids) for ids in wanted[start : start + BATCH]]
        hopeful = [row for row, search in enumerate(searches) if search.tips]
        if hopeful:
            grow(model, [tokens[row] for row in hopeful], [searches[row] for row in hopeful])
        found += [search.found(is_live) for search in searches]
    return found
