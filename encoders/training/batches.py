"""From steps drawn to batches that the trainer reads: tokens, places, and the old vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from encoders.base import Encoder, Vectors
from encoders.training.pairs import Numbers
from encoders.training.sampling import Draws


class OldSpace:
    """The vectors that texts had before, encoded when first asked for."""

    def __init__(self, encoder: Encoder, texts: Sequence[str]) -> None:
        self._encoder = encoder
        self._texts = texts
        self._rows = np.zeros((len(texts), encoder.dim), np.float32)
        self._known = np.zeros(len(texts), bool)

    def rows(self, numbers: Numbers) -> Vectors:
        """Return the vectors (n, dim) of texts by number."""
        missing = np.unique(numbers[~self._known[numbers]])
        if len(missing):
            self._rows[missing] = self._encoder.encode([self._texts[n] for n in missing.tolist()])
            self._known[missing] = True
        rows: Vectors = self._rows[numbers]
        return rows


class Collator:
    """The trainer's data collator: a row of the data is the number of a step."""

    def __init__(
        self,
        draws: Draws,
        texts: Sequence[str],
        old: OldSpace,
        preprocess: Callable[[list[str]], dict[str, Any]],
    ) -> None:
        self.valid_label_columns: list[str] = []
        self._draws = draws
        self._texts = texts
        self._old = old
        self._preprocess = preprocess

    def __call__(self, rows: list[dict[str, int]]) -> dict[str, Any]:
        """Make the batch of one step."""
        import torch

        draw = self._draws.draw(rows[0]["step"])
        tokens = self._preprocess([self._texts[number] for number in draw.texts.tolist()])
        return {
            **{f"text_{name}": value for name, value in tokens.items()},
            "label": {
                "tied": torch.from_numpy(draw.tied),
                "anchors": torch.from_numpy(draw.anchors),
                "candidates": torch.from_numpy(draw.candidates),
                "wanted": torch.from_numpy(draw.wanted),
                "offsets": torch.from_numpy(draw.offsets),
                "barred": torch.from_numpy(draw.barred),
                "old": torch.from_numpy(self._old.rows(draw.texts)),
            },
        }
