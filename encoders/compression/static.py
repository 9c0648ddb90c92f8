"""Distils a static encoder from a sentence-transformer: the whole of it as one table of tokens.

Each token of the vocabulary is passed through the source alone, then PCA and frequency
weights (S. Tulkens and T. van Dongen, Model2Vec, 2024).
"""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

from encoders.backends.minilm import packaged_folder
from encoders.backends.static import MARKER, StaticEncoder, load_model2vec
from encoders.base import EncoderError, one_line


def distil_static(target: Path, source: Path | None = None, dim: int = 256) -> StaticEncoder:
    """Distil a static encoder from a sentence-transformers folder, save and load it.

    Works without a network; `source` defaults to the packaged MiniLM, which
    takes one to two minutes of one core. `dim` is at most the source's. The
    folder `target` is written with its missing parents. Raises EncoderError.
    """
    load_model2vec()
    folder = packaged_folder() if source is None else source
    try:
        from model2vec.distill import distill

        # It draws progress bars there, that cannot be switched off.
        with contextlib.redirect_stderr(io.StringIO()):
            model = distill(str(folder), pca_dims=dim, device="cpu")
    # Bad folders, sizes and missing parts raise many types; all mean that there is no encoder.
    except Exception as error:
        reason = one_line(error)
        raise EncoderError(
            f"cannot distil {folder} to {dim} dimensions: {reason}. The source must be a "
            f"sentence-transformers folder; `pip install 'penchant[static]'` brings the tools"
        ) from error
    target.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(str(target))
    (target / MARKER).write_text(json.dumps({"format": 1, "dim": dim}) + "\n")
    return StaticEncoder.from_folder(target)
