"""Static encoders by model2vec: a table of token vectors, for very high rates of text.

Distilled from a sentence-transformer by passing each token of its vocabulary
through it alone, then PCA and frequency weights (S. Tulkens and T. van Dongen,
Model2Vec, 2024). It keeps classes of text well (intent) and neighbourhoods
badly (similarity of items).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from encoders.errors import EncoderError
from encoders.fingerprint import fingerprint, tokenizer_settings
from encoders.protocol import Vectors
from encoders.text import repair
from encoders.unit import unit_rows

if TYPE_CHECKING:
    from model2vec import StaticModel

WEIGHTS = "model.safetensors"


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
        model2vec = _model2vec()
        if not (folder / WEIGHTS).is_file():
            raise EncoderError(
                f"{folder} holds no static encoder (no {WEIGHTS}): write one with "
                f"encoders.static.distill, or name a folder that has one"
            )
        try:
            return cls(model2vec.StaticModel.from_pretrained(folder))
        # Broken files raise many types; all mean that there is no encoder.
        except Exception as error:
            reason = " ".join(str(error).split())[:300] or type(error).__name__
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


def distill(target: Path, source: Path | None = None, dim: int = 256) -> StaticEncoder:
    """Distil a static encoder from a sentence-transformers folder, save and load it.

    Works without a network; `source` defaults to the packaged MiniLM, which
    takes one to two minutes of one core. `dim` is at most the source's. The
    folder `target` is written with its missing parents. Raises EncoderError.
    """
    _model2vec()
    from encoders.packaged import packaged_folder

    folder = packaged_folder() if source is None else source
    try:
        from model2vec.distill import distill as distilled

        model = distilled(str(folder), pca_dims=dim, device="cpu")
    # Bad folders, sizes and missing parts raise many types; all mean that there is no encoder.
    except Exception as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise EncoderError(
            f"cannot distil {folder} to {dim} dimensions: {reason}. The source must be a "
            f"sentence-transformers folder; `pip install model2vec skeletoken` brings the tools"
        ) from error
    target.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(str(target))
    return StaticEncoder.from_folder(target)


def _model2vec() -> Any:
    try:
        import model2vec
    except ImportError as error:
        raise EncoderError(
            "a static encoder needs model2vec: run `pip install 'penchant[static]'`"
        ) from error
    return model2vec
