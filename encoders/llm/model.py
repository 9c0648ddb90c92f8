"""A causal language model as it is used here: tokens of prompts and targets, weights, a version."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from encoders.llm.adapter import attach, read_adapter

MARGIN = 8
"""Tokens that a prompt leaves free below the model's limit where nothing else is said."""


class LanguageModel:
    """A causal model of transformers, in evaluation, with what its answers depend on.

    `model` is the torch module, `tokenizer` its fast tokenizer, `device` a torch
    device, `dtype` the torch type of its weights. `version` is the fingerprint of
    weights and tokenizer, followed by `+` and that of the adapter where there is
    one. `end_id` is the token that ends a target, `limit` the longest sequence.
    `base` is the model without the adapter (itself where there is none).

    Text is data: what looks like a special token in it is read letter by letter.
    Hold `lock` (re-entrant) around calls of the model or the tokenizer. The
    weights must not be changed: models with adapters share those of their base.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        version: str,
        base: LanguageModel | None = None,
        adapter: Path | None = None,
    ) -> None:
        self.model = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.version = version
        self.base: LanguageModel = self if base is None else base
        self.adapter = adapter
        self.device = model.device
        self.dtype = model.dtype
        self.lock: threading.RLock = threading.RLock()
        self.limit = int(model.config.max_position_embeddings)
        self.end_id = int(tokenizer.eos_token_id)
        start = tokenizer.bos_token_id
        self.start_ids: list[int] = [self.end_id if start is None else int(start)]

    def token_ids(self, text: str) -> list[int]:
        """Return the tokens of a text, with no special tokens added."""
        with self.lock:
            read = self.tokenizer(
                text, add_special_tokens=False, split_special_tokens=True, verbose=False
            )
        ids: list[int] = read["input_ids"]
        return ids

    def prompt_ids(self, prompt: str, room: int | None = None) -> list[int]:
        """Return the tokens that a model reads before it answers: a start, then the prompt.

        Of a prompt over `room` tokens the *end* is kept: the newest part of a
        history, and the question. None: what the model can read, less `MARGIN`.
        """
        room = self.limit - MARGIN if room is None else room
        ids = self.token_ids(prompt.rstrip())
        kept = max(0, room - len(self.start_ids))
        return self.start_ids + (ids[-kept:] if kept else [])

    def target_ids(self, target: str) -> list[int]:
        """Return the tokens of an answer, with the space before it and the end token after it.

        The end makes a title differ from a longer one that begins with it.
        """
        return [*self.token_ids(" " + target.strip()), self.end_id]

    def with_adapter(self, folder: Path, name: str = "") -> LanguageModel:
        """Return a model with this adapter in place of any other; this one stays as it is.

        Weights of the base are shared, all else is the new model's own: an
        adapter cannot reach another, whatever they are called. `name` stands in
        messages only. Raises AdapterError.
        """
        found = read_adapter(folder, name or folder.name, self.base.version)
        model = attach(self.base.model, found)
        version = f"{self.base.version}+{found.digest}"
        return LanguageModel(model, self.tokenizer, version, self.base, folder)
