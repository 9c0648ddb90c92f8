"""How many pairs fit into memory at once, found out before the training begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from encoders.base import EncoderError
from encoders.llm.budget import peak_bytes, reset_peak, used_bytes
from encoders.training.interpolation import make_trainable
from encoders.training.settings import EncoderTuning

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_PROBED = 8
_SPARE = 0.9
_TEXTS_OF_PAIR = 2


def fitting_batch(
    model: SentenceTransformer, texts: Sequence[str], size: int, settings: EncoderTuning, least: int
) -> int:
    """Return how many pairs, at most `size`, a step can hold within `settings.max_bytes`.

    The longest texts are read once to see what they take. Raises EncoderError where `least`
    pairs do not fit.
    """
    limit = settings.max_bytes
    if limit is None:
        return size
    make_trainable(model, settings)
    device = str(model.device)
    probe = sorted(texts, key=len)[-_PROBED:]
    _read(model, probe)  # what is set up once is not what a text takes
    reset_peak(device)
    before = used_bytes(device)
    _read(model, probe)
    each = max(1, (peak_bytes(device) - before) // len(probe))
    room = int((limit - before) * _SPARE / each) - settings.others - settings.hard
    fitting = min(size, room // _TEXTS_OF_PAIR)
    if fitting < min(least, size):
        needed = before + each * (_TEXTS_OF_PAIR * least + settings.others + settings.hard)
        raise EncoderError(
            f"a batch of {least} pairs takes {needed / 1e6:,.0f} MB with the model where max_bytes "
            f"allows {limit / 1e6:,.0f} MB: allow more, or lower others or layers"
        )
    return fitting


def _read(model: SentenceTransformer, texts: Sequence[str]) -> None:
    features = {
        name: value.to(model.device) if hasattr(value, "to") else value
        for name, value in model.preprocess(list(texts)).items()
    }
    model(features)["sentence_embedding"].sum().backward()
    model.zero_grad(set_to_none=True)
