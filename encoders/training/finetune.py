"""One round of training of a sentence encoder, and what it gave."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from encoders.backends.sentence import SentenceEncoder, load_sentence_transformer
from encoders.base import EncoderError, TrainingProgress
from encoders.hub import quiet
from encoders.llm.budget import is_out_of_memory, peak_bytes, reset_peak
from encoders.llm.load import best_device
from encoders.training.batch_size import fitting_batch
from encoders.training.interpolation import (
    BlendChoice,
    State,
    blend,
    choose,
    copied,
    held,
    merge,
    relative_change,
)
from encoders.training.pairs import TextPairs, numbered, parted
from encoders.training.sampling import phrases
from encoders.training.settings import EncoderTuning
from encoders.training.trainer import Training

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_LEAST_BATCH = 4
_PHRASES = 500  # at least so many, however few texts there are


class EncoderRound(NamedTuple):
    """A trained encoder and how it came to be.

    `losses` has one loss of the pairs per step; the last one is not finite where that ended the
    round, and then the weights are those before it. `changed` is the norm of the change of the
    weights trained, relative to theirs, `targets` how many pairs took part in a loss.
    `batch_size` is what fitted into memory, `choice` how much of the change was taken over.
    """

    model: SentenceTransformer
    losses: list[float]
    steps: int
    seconds: float
    peak_bytes: int
    changed: float
    targets: int
    batch_size: int
    choice: BlendChoice

    def save(self, folder: Path) -> None:
        """Write the model, whole and in safetensors, for `SentenceEncoder.from_folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        with quiet():
            self.model.save_pretrained(
                str(folder), create_model_card=False, safe_serialization=True
            )


def tune_encoder(
    base: Path,
    pairs: TextPairs,
    anchors_to_keep: Sequence[str],
    settings: EncoderTuning | None = None,
    progress: Callable[[TrainingProgress], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> EncoderRound:
    """Train the encoder of a folder on pairs, its vectors of all texts tied to those of before.

    `anchors_to_keep` are texts that need not be in a pair: those of the whole catalogue. The
    folder `base` stays as it is. Ends early when `stop` says so, when time is over, and at a
    loss that is not finite. The same seed gives the same weights, where time is no limit.
    Raises EncoderError for pairs or a folder that cannot be used, and where there is no memory.
    """
    settings = settings or EncoderTuning()
    return _Round(base, pairs, anchors_to_keep, settings, progress, stop).run()


class _Round:
    """A round at work."""

    def __init__(
        self,
        base: Path,
        pairs: TextPairs,
        anchors_to_keep: Sequence[str],
        settings: EncoderTuning,
        progress: Callable[[TrainingProgress], None],
        stop: Callable[[], bool],
    ) -> None:
        import torch

        self._base = base
        self._old = SentenceEncoder.from_folder(base)
        torch.set_num_threads(settings.threads)
        self._settings = settings
        self._device = best_device()
        self._progress = progress
        self._stop = stop
        rng = np.random.default_rng([settings.seed, 5])
        vocabulary = self._model().tokenizer.get_vocab()
        words = phrases(vocabulary, max(_PHRASES, len(anchors_to_keep)), rng)
        whole = numbered(pairs, [*anchors_to_keep, *words])
        self._parts = parted(whole, settings.held_out, rng)
        self._held = held(self._parts, rng)

    def run(self) -> EncoderRound:
        """Train, with fewer pairs in a batch whenever memory runs out."""
        reset_peak(self._device)
        size = min(self._settings.batch_size, max(2, len(self._parts.train.anchors)))
        if self._settings.max_bytes is not None:
            texts = self._parts.train.texts
            size = fitting_batch(self._model(), texts, size, self._settings, _LEAST_BATCH)
        while True:
            try:
                return self._trained(size)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if size <= _LEAST_BATCH:
                    raise EncoderError(
                        f"there is no memory for a batch of {size} pairs: lower layers or others, "
                        "or close what else is running"
                    ) from error
                size = max(_LEAST_BATCH, size // 2)

    def _model(self) -> SentenceTransformer:
        model = load_sentence_transformer(str(self._base), local_files_only=True)
        return model.to(self._device)

    def _trained(self, size: int) -> EncoderRound:
        model = self._model()
        before = copied(model)
        training = Training(model, self._parts.train, self._old, size, self._settings)
        training.run(self._progress, self._stop)
        merge(model)
        model.eval()
        after = copied(model)
        choice = self._choice(model, before, after)
        blend(model, before, after, choice.blend)
        return EncoderRound(
            model,
            training.loss.losses,
            training.steps,
            training.time.spent,
            peak_bytes(self._device),
            relative_change(before, copied(model)),
            training.loss.targets,
            size,
            choice,
        )

    def _choice(self, model: SentenceTransformer, before: State, after: State) -> BlendChoice:
        """Choose how much of the change is taken over."""
        texts = [self._parts.train.texts[number] for number in self._held.texts.tolist()]
        if len(self._settings.blends) == 1 or not texts:
            return BlendChoice(self._settings.blends[0], math.nan, math.nan)

        def encode(part: float) -> Any:
            blend(model, before, after, part)
            return np.asarray(
                model.encode(texts, show_progress_bar=False, normalize_embeddings=True)
            )

        return choose(self._settings.blends, self._held, self._old.encode(texts), encode)
