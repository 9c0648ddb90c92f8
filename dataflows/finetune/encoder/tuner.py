"""Tunes the sentence encoder on pairs of texts of the stream, into a whole model of its own."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from dataflows.config.config import Config, EncoderSettings
from dataflows.config.finetune import Kind
from dataflows.errors import InputError
from dataflows.finetune.encoder.holdout import may_train, texts_to_keep
from dataflows.finetune.encoder.pairs import Pair, item_pairs
from dataflows.finetune.preconditions import check_encoder
from dataflows.finetune.training import health_after, step_reporter
from dataflows.finetune.tuner import Base, RoundStopped, StageProgress, Stop, Tell, Trained
from dataflows.finetune.window.window import Split
from dataflows.registry.decisions import Evidence
from encoders.backends.minilm import packaged_folder
from encoders.backends.sentence import SentenceEncoder
from encoders.base import one_line
from encoders.load import load_encoder
from encoders.training.finetune import tune_encoder
from encoders.training.pairs import TextPairs


class EncoderTuner:
    """A round of the encoder."""

    kind: Kind = "encoder"

    def __init__(self, config: Config) -> None:
        self.base_name = config.encoder.name
        self._config = config

    def train(self, parted: Split, base: Base, into: Path, tell: Tell, stop: Stop) -> Trained:
        """See `Tuner.train`."""
        config = self._config
        settings = msgspec.structs.replace(config.tuning, threads=config.finetune.threads)
        tell(StageProgress("making pairs"))
        pairs = self.pairs(parted)
        texts = texts_to_keep(parted)

        done = tune_encoder(
            self.folder(base), as_texts(pairs), texts, settings, step_reporter(tell), stop
        )
        if stop():
            raise RoundStopped
        done.save(into)
        saved = SentenceEncoder.from_folder(into)
        used = msgspec.to_builtins(settings) | {"blend": done.choice.blend}
        return Trained(health_after(done), "sentence-transformers", saved.version, saved.dim, used)

    def measure(
        self, parted: Split, base: Base, folder: Path, trained: Trained, tell: Tell, stop: Stop
    ) -> Evidence:
        """See `Tuner.measure`."""
        import torch

        from dataflows.finetune.encoder.evaluate import encoder_evidence

        old = SentenceEncoder.from_folder(self.folder(base))
        new = load_encoder(str(folder))  # a compressed one too
        # Each encoder kept torch to one thread, as beside a stream; a round may have more.
        torch.set_num_threads(self._config.finetune.threads)
        return encoder_evidence(old, new, parted, trained.health, self._config, tell, stop)

    def pairs(self, parted: Split) -> list[Pair]:
        """Return what a round trains on, as often as it comes: the loss accounts for popularity."""
        examples = msgspec.structs.replace(self._config.examples, popular_power=0.0)
        seed = self._config.learner.seed
        return item_pairs(may_train(parted.train), parted.items, examples, seed)

    def folder(self, base: Base) -> Path:
        """Return the folder of the model to begin from. Raises InputError where it has none."""
        if base.folder is not None:
            return base.folder
        if base.name == "packaged":
            return packaged_folder()
        check_encoder(base.name)
        folder = Path(base.name).expanduser()
        return folder if folder.is_dir() else _from_hub(base.name, self._config.encoder)


def as_texts(pairs: list[Pair]) -> TextPairs:
    """Return pairs as the training takes them."""
    return TextPairs(
        [pair.anchor for pair in pairs],
        [pair.positive for pair in pairs],
        np.array([pair.weight for pair in pairs], np.float32),
        [pair.negative or "" for pair in pairs],
    )


def _from_hub(name: str, configured: EncoderSettings) -> Path:
    """Return the local copy of a hub model, fetched where it is not there."""
    revision = configured.revision if name == configured.name else None
    from huggingface_hub import snapshot_download

    try:
        needed = ["*.json", "*.safetensors", "*.txt"]
        return Path(snapshot_download(name, revision=revision, allow_patterns=needed))
    except Exception as error:
        reason = one_line(error)
        raise InputError(
            f"cannot fetch the encoder {name!r}: {reason}; without a network use `packaged` or a "
            "local folder"
        ) from error
