"""The newest slice as questions to an encoder: what a user takes next, by meaning alone.

The content signal is that of `dataflows.evaluation.metrics.semantic`: a user's profile is the sum
of the vectors of their recent items, newest first with weights exp(-place / 3); an item scores its
product with it. What a user already has is neither asked for nor a candidate. All events of one
user at one time see what came before that time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataflows.finetune.encoder.pairs import item_texts
from dataflows.finetune.window.window import Split, WindowEvent
from encoders.base import Vectors

REACH = 3.0
TOP = 10
MOST_QUESTIONS = 10_000
MOST_ITEMS = 5_000
_AT_ONCE = 512

Numbers = NDArray[np.int64]


class Questions(NamedTuple):
    """What was taken (n,), by whom (n,), and what was known before.

    `texts` are those of all items asked about; items are places among them. `recent` (n, m) are
    the user's newest items, newest first, -1 where there is none; `had` are all that they had.
    """

    texts: list[str]
    taken: Numbers
    users: Numbers
    recent: Numbers
    had: list[Numbers]
    candidates: NDArray[np.bool_]


class Answers(NamedTuple):
    """The `ranks` (n,) of what was taken, ties lose; `listed`: how many items made a top ten."""

    ranks: Numbers
    listed: int


def questions(parted: Split, recent: int, seed: int = 0) -> Questions:
    """Make the questions of the newest slice, at most so many, over at most so many items."""
    asked = _Asked(parted, recent)
    rng = np.random.default_rng([seed, 11])
    chosen = np.sort(rng.permutation(len(asked.taken))[:MOST_QUESTIONS]).tolist()
    taken = [asked.taken[place] for place in chosen]
    contexts = [asked.contexts[place] for place in chosen]
    needed = set(taken).union(*contexts)
    spare = [item for item in asked.texts if item not in needed]
    room = max(0, MOST_ITEMS - len(needed))
    drawn = {spare[place] for place in rng.permutation(len(spare))[:room].tolist()}
    items = [item for item in asked.texts if item in needed or item in drawn]
    place = {item: number for number, item in enumerate(items)}
    rows = np.full((len(taken), recent), -1, np.int64)
    for row, context in zip(rows, contexts, strict=True):
        row[: len(context)] = [place[item] for item in context]
    users: dict[str, int] = {}
    return Questions(
        [asked.texts[item] for item in items],
        np.array([place[item] for item in taken], np.int64),
        np.array([users.setdefault(asked.users[at], len(users)) for at in chosen], np.int64),
        rows,
        [
            np.array([place[item] for item in asked.had[at] if item in place], np.int64)
            for at in chosen
        ],
        np.array([parted.items[item].available for item in items], bool),
    )


class _Asked:
    """Goes through a window and gathers the questions of its newest part."""

    def __init__(self, parted: Split, recent: int) -> None:
        self.texts = item_texts(parted.items)
        self.taken: list[str] = []
        self.users: list[str] = []
        self.contexts: list[list[str]] = []
        self.had: list[list[str]] = []
        self._recent = recent
        self._own: dict[str, dict[str, None]] = {}
        self._read(parted.train, is_asked=False)
        self._read(parted.newest, is_asked=True)

    def _read(self, events: Iterable[WindowEvent], *, is_asked: bool) -> None:
        """Ask about each event, then let its user have the item, time by time."""
        held: list[WindowEvent] = []
        for event in events:
            if event.item_id not in self.texts or event.weight <= 0:
                continue
            if held and held[0].ts != event.ts:
                self._take(held)
                held = []
            if is_asked:
                self._ask(event, held)
            held.append(event)
        self._take(held)

    def _ask(self, event: WindowEvent, held: list[WindowEvent]) -> None:
        own = self._own.get(event.user_id)
        item = event.item_id
        if not own or item is None or item in own:
            return
        if any(other.user_id == event.user_id and other.item_id == item for other in held):
            return
        self.taken.append(item)
        self.users.append(event.user_id)
        self.had.append(list(own))
        self.contexts.append(self.had[-1][: -self._recent - 1 : -1])

    def _take(self, held: list[WindowEvent]) -> None:
        for event in held:
            own = self._own.setdefault(event.user_id, {})
            item = event.item_id or ""
            own.pop(item, None)
            own[item] = None


def answer(asked: Questions, vectors: Vectors) -> Answers:
    """Rank what was taken by the vectors (items, dim) of `asked.texts`.

    A score that is no number stands before all others, so a broken encoder ranks last.
    """
    weights = np.exp(-np.arange(asked.recent.shape[1]) / REACH).astype(np.float32)
    ranks = np.zeros(len(asked.taken), np.int64)
    listed = np.zeros(len(asked.texts), bool)
    for start in range(0, len(ranks), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        recent = asked.recent[part]
        shares = np.where(recent >= 0, weights, np.float32(0.0))
        profiles = np.einsum("qm,qmd->qd", shares, vectors[recent])
        scores = profiles @ vectors.T
        is_out = ~np.repeat(asked.candidates[None, :], len(scores), axis=0)
        for row, had in zip(is_out, asked.had[part], strict=True):
            row[had] = True
        places = np.arange(len(scores))
        wanted = scores[places, asked.taken[part]][:, None].copy()
        is_out[places, asked.taken[part]] = False
        ranks[part] = np.count_nonzero(~(scores < wanted) & ~is_out, axis=1)
        scores[is_out] = -np.inf
        top = np.argpartition(-scores, min(TOP, scores.shape[1] - 1), axis=1)[:, :TOP]
        listed[top] = True
    return Answers(ranks, int(np.count_nonzero(listed & asked.candidates)))
