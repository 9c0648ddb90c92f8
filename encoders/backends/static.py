"""Static encoders by model2vec: a table of token vectors, for very high rates of text.

Distilled from a sentence-transformer by `encoders.compression.static`. It
keeps classes of text well (intent) and neighbourhoods badly (similarity of
items).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from encoders.base import EncoderError, Vectors, one_line, unit_rows
from encoders.fingerprint import fingerprint, tokenizer_settings
from encoders.text import repair

if TYPE_CHECKING:
    from model2vec import StaticModel

WEIGHTS = "model.safetensors"
MARKER = "static.json"
"""Tells a folder of ours from a sentence-transformer: model2vec writes a modules.json too."""


class StaticEncoder:
    """A model2vec model as an Encoder: float32 unit rows, no length limit.

    A row is all zeros where no token of the text is in the vocabulary.
    """

    def __init__(self, model: StaticModel) -> None:
        # Half-precision means would lose digits, and NumPy computes them slowly.
        model.embedding = model.embedding.astype(np.float32)
        self._model = model
        self._lock = threading.Lock()
        self.dim = int(model.dim)
        arrays = {
            "embedding": model.embedding,
            "weights": model.weights,
            "token_mapping": model.token_mapping,
        }
        self.version = fingerprint(
            "static",
            self.dim,
            {"tokenizer": tokenizer_settings(model.tokenizer.to_str())},
            [(name, str(a.dtype), a) for name, a in arrays.items() if a is not None],
        )

    @classmethod
    def from_folder(cls, folder: Path) -> StaticEncoder:
        """Load a saved static model. Raises EncoderError."""
        model2vec = load_model2vec()
        if not (folder / WEIGHTS).is_file():
            raise EncoderError(
                f"{folder} holds no static encoder (no {WEIGHTS}): write one with "
                f"`penchant models compress`, or name a folder that has one"
            )
        try:
            return cls(model2vec.StaticModel.from_pretrained(folder))
        # Broken files raise many types; all mean that there is no encoder.
        except Exception as error:
            reason = one_line(error)
            raise EncoderError(
                f"cannot load the static encoder {folder}: {reason}. Distil it anew"
            ) from error

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode texts, in order, as the mean of their tokens' vectors.

        Texts are repaired first: one lone surrogate would fail the whole batch.
        """
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        whole = [repair(text).text for text in texts]
        # The tokenizer's limit is set and reset in each call, so calls take turns.
        with self._lock:
            rows = self._model.encode(
                whole, max_length=None, normalize=False, use_multiprocessing=False
            )
        return unit_rows(rows)


def load_model2vec() -> Any:
    """Import model2vec. Raises EncoderError, naming the extra, where it is not installed."""
    try:
        import model2vec
    except ImportError as error:
        raise EncoderError(
            "a static encoder needs model2vec: run `pip install 'penchant[static]'`"
        ) from error
    return model2vec
