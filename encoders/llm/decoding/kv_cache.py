"""Prompts read once, and many continuations of each read beside one another.

The keys and values of a prompt are kept once, however many beams go on from it. A step adds
one token for each beam to the same sequence, and a mask lets a token see its prompt and the
tokens of its own branch only (tree attention: Miao et al., 2023, "SpecInfer"). Beams that
share their beginning share it here too, and nothing is copied when beams are reordered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from inspect import signature
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from encoders.llm.model import LanguageModel

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

PROMPT = -1
"""The place before the first token of a branch."""
_SHARED = 8  # beginnings that are shorter are not worth a call of their own


class Branches:
    """Continuations of some prompts (b), each a tree of tokens; places count from 0 in each.

    `first` (b, vocabulary) float32 are the log-probabilities of what follows each prompt.
    Prompts of different length are padded on the left; the padding is never looked at.
    Raises ValueError where a prompt has no tokens.
    """

    def __init__(self, model: LanguageModel, prompts: Sequence[Sequence[int]]) -> None:
        if not all(prompts):
            raise ValueError("a prompt has no tokens; give it a start token at least")
        self._model = model
        self._lengths = np.array([len(prompt) for prompt in prompts], np.int64)
        self._seen = np.zeros((len(prompts), 0, 0), bool)  # which places a place can look at
        self._depths = np.zeros((len(prompts), 0), np.int64)
        self._cache: Any = None
        self._cache_name = _cache_name(model.model)
        shared = _shared(prompts)
        with model.lock:
            self._mask, self.first = self._read(prompts, shared)

    def extend(self, tokens: Ints, after: Ints) -> Floats:
        """Add tokens (b, w), each after a place (b, w), and return what may follow each.

        `after` is `PROMPT` or the place of an earlier token of the same prompt. The new
        tokens get the next places. Returns log-probabilities (b, w, vocabulary) float32.
        """
        import torch

        b, w = tokens.shape
        old = self._seen.shape[1]
        rows = np.arange(b)[:, None]
        seen = np.zeros((b, old + w, old + w), bool)
        seen[:, :old, :old] = self._seen
        inside = np.maximum(after, 0)
        if old:
            seen[:, old:, :old] = self._seen[rows, inside] & (after >= 0)[:, :, None]
        seen[:, old + np.arange(w), old + np.arange(w)] = True
        depths = np.where(after < 0, 0, self._depths[rows, inside] + 1 if old else 0)
        self._seen, self._depths = seen, np.concatenate((self._depths, depths), axis=1)
        prompt = np.broadcast_to(self._mask[:, None, :], (b, w, self._mask.shape[1]))
        visible = np.concatenate((prompt, seen[:, old:]), axis=2)
        dtype = self._model.dtype
        mask = torch.zeros(visible.shape, dtype=dtype)
        mask.masked_fill_(torch.from_numpy(~visible), torch.finfo(dtype).min)
        with self._model.lock, torch.inference_mode():
            return _log_softmax(
                self._logits(tokens, mask[:, None], self._lengths[:, None] + depths)
            )

    def keep(self, rows: Sequence[int]) -> None:
        """Keep some of the prompts alone, in this order."""
        import torch

        self._cache.batch_select_indices(torch.tensor(list(rows), device=self._model.device))
        self._mask, self._lengths = self._mask[rows], self._lengths[rows]
        self._seen, self._depths = self._seen[rows], self._depths[rows]

    def _read(
        self, prompts: Sequence[Sequence[int]], shared: int
    ) -> tuple[NDArray[np.bool_], Floats]:
        """Read the beginning that all prompts share once, then the rest of each."""
        import torch
        from transformers import DynamicCache

        b, rest = len(prompts), int(self._lengths.max()) - shared
        self._cache = DynamicCache()
        ids = np.zeros((b, rest), np.int64)
        mask = np.ones((b, shared + rest), bool)
        for row, prompt in enumerate(prompts):
            own = len(prompt) - shared
            ids[row, rest - own :] = prompt[shared:]
            mask[row, shared : shared + rest - own] = False
        positions = np.maximum(np.cumsum(mask, axis=1) - 1, 0)
        with torch.inference_mode():
            if shared:
                begin = np.array([prompts[0][:shared]], np.int64)
                whole = torch.ones((1, shared), dtype=torch.int64)
                self._logits(begin, whole, positions[:1, :shared], kept=1)
                self._cache.batch_repeat_interleave(b)
            seen = torch.from_numpy(mask.astype(np.int64))
            logits = self._logits(ids, seen, positions[:, shared:], kept=1)
            return mask, _log_softmax(logits)[:, -1]

    def _logits(self, tokens: Ints, mask: Any, positions: Ints, kept: int = 0) -> Any:
        """Read tokens (b, w) on top of the model's cache; give logits of the last `kept`."""
        import torch

        model, device = self._model.model, self._model.device
        return model(
            input_ids=torch.from_numpy(tokens).to(device),
            attention_mask=mask.to(device),
            position_ids=torch.from_numpy(positions).to(device),
            use_cache=True,
            logits_to_keep=kept,
            **{self._cache_name: self._cache},
        ).logits


def _cache_name(model: Any) -> str:
    """Return the name under which a model takes its cache: it was changed within transformers 5."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    known = signature(type(inner).forward).parameters
    return "cache" if "cache" in known else "past_key_values"


class DecodingStopped(Exception):  # noqa: N818 - it is no error
    """A search was ended before its end: see `ended_by`."""


_ENDED: ContextVar[Callable[[], bool]] = ContextVar("ended", default=lambda: False)


@contextmanager
def ended_by(ended: Callable[[], bool]) -> Iterator[None]:
    """Make searches of this thread, while inside, raise `DecodingStopped` once `ended` says so.

    It is asked before each step, so a search of many seconds is given up within one or two.
    """
    before = _ENDED.set(ended)
    try:
        yield
    finally:
        _ENDED.reset(before)


class Beams(Protocol):
    """The beams of one prompt, as `grow` sees them."""

    @property
    def tips(self) -> list[tuple[int, int]]:
        """The newest token of each beam, and the place of the one before it."""
        ...

    def take_places(self, first: int) -> None:
        """Note where the newest tokens stand, one after the other from `first` on."""
        ...

    def step(self, follows: Floats) -> None:
        """Extend by one token, with log-probabilities (beams, vocabulary) of what follows."""
        ...


def grow(model: LanguageModel, prompts: Sequence[Sequence[int]], beams: Sequence[Beams]) -> None:
    """Grow the beams of each prompt until none is left; each has one, at its prompt.

    Raises `DecodingStopped` where it is told to (`ended_by`).
    """
    branches = Branches(model, prompts)
    growing = list(beams)
    for one, first in zip(growing, branches.first, strict=True):
        one.step(first[None])
    places = 0
    while alive := [row for row, one in enumerate(growing) if one.tips]:
        if len(alive) < len(growing):
            branches.keep(alive)
            growing = [growing[row] for row in alive]
        width = max(len(one.tips) for one in growing)
        tokens = np.zeros((len(growing), width), np.int64)
        after = np.full((len(growing), width), PROMPT, np.int64)
        for row, one in enumerate(growing):
            tips = one.tips
            tokens[row, : len(tips)], after[row, : len(tips)] = zip(*tips, strict=True)
            one.take_places(places)
        places += width
        if _ENDED.get()():
            raise DecodingStopped
        for one, follows in zip(growing, branches.extend(tokens, after), strict=True):
            one.step(follows[: len(one.tips)])


def _shared(prompts: Sequence[Sequence[int]]) -> int:
    """Return how many tokens all prompts begin with; each keeps one of its own at least."""
    most = min(len(prompt) for prompt in prompts) - 1
    first = prompts[0]
    same = 0
    while same < most and all(prompt[same] == first[same] for prompt in prompts):
        same += 1
    return same if same >= _SHARED and len(prompts) > 1 else 0


def _log_softmax(logits: Any) -> Floats:
    """Return log-probabilities as float32; what is not a number counts as impossible."""
    import torch

    found: Floats = torch.log_softmax(logits.float(), dim=-1).cpu().numpy()
    return np.nan_to_num(found, copy=False, nan=-np.inf, neginf=-np.inf)
