"""The trainer of sentence-transformers, set up for one round."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from encoders.base import Encoder, EncoderError, TrainingProgress
from encoders.hub import quiet
from encoders.llm.budget import TimeBudget
from encoders.llm.load import best_dtype
from encoders.training.batches import Collator, OldSpace
from encoders.training.pairs import Numbered
from encoders.training.sampling import Draws
from encoders.training.settings import EncoderTuning

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

LARGEST_GRADIENT = 1.0


class Training:
    """Trains `model` in place, from `pairs`, beside the vectors of `old`."""

    def __init__(
        self,
        model: SentenceTransformer,
        pairs: Numbered,
        old: Encoder,
        batch_size: int,
        settings: EncoderTuning,
    ) -> None:
        check_libraries()
        import torch

        from encoders.training.interpolation import make_trainable
        from encoders.training.loss import TiedLoss

        self._settings = settings
        self._model = model
        with torch.random.fork_rng():
            torch.manual_seed(settings.seed)
            make_trainable(model, settings)
        self.loss = TiedLoss(model, settings.scale, settings.keep)
        self.time = TimeBudget.start(_steps(pairs, batch_size, settings), settings.max_seconds)
        self.steps = 0
        draws = Draws(pairs, batch_size, settings)
        self._collator = Collator(draws, pairs.texts, OldSpace(old, pairs.texts), model.preprocess)

    def run(self, progress: Callable[[TrainingProgress], None], stop: Callable[[], bool]) -> None:
        """Train to the end, or until there is a reason to stop."""
        from encoders.training.callbacks import TimeLimitCallback

        if stop():  # the trainer would make one step before it asks
            return
        watch = TimeLimitCallback(self.time, self.loss, progress, stop)
        with _quietly(), tempfile.TemporaryDirectory(prefix="penchant-encoder-") as scratch:
            trainer = self._trainer(Path(scratch), watch)
            trainer.train()
        # Else the model would go on in the lower precision that it may have been trained in.
        trainer.accelerator.unwrap_model(self._model, keep_fp32_wrapper=False)
        self.steps = watch.steps

    def _trainer(self, scratch: Path, watch: Any) -> Any:
        import torch
        from datasets import Dataset
        from sentence_transformers import (
            SentenceTransformerTrainer,
            SentenceTransformerTrainingArguments,
        )
        from transformers.trainer_callback import PrinterCallback, ProgressCallback

        trained = [weights for weights in self._model.parameters() if weights.requires_grad]
        optimiser = torch.optim.AdamW(trained, lr=self._settings.learning_rate, weight_decay=0.0)
        collator: Any = self._collator

        class Cardless(SentenceTransformerTrainer):
            """A trainer that gathers nothing for a card that nobody reads."""

            def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
                """Add none."""

        trainer = Cardless(
            model=self._model,
            args=SentenceTransformerTrainingArguments(
                output_dir=str(scratch),
                max_steps=self.time.steps,
                per_device_train_batch_size=1,
                batch_sampler=_one_by_one,
                seed=self._settings.seed,
                max_grad_norm=LARGEST_GRADIENT,
                bf16=self._dtype() == "bfloat16",
                use_cpu=self._model.device.type == "cpu",
                disable_tqdm=True,
                dataloader_pin_memory=False,
                **_SILENT,
            ),
            train_dataset=Dataset.from_dict({"step": list(range(self.time.steps))}),
            loss=self.loss,
            data_collator=collator,
            callbacks=[watch],
            optimizers=(optimiser, torch.optim.lr_scheduler.LambdaLR(optimiser, self._rate)),
        )
        for printing in (PrinterCallback, ProgressCallback):
            trainer.remove_callback(printing)
        return trainer

    def _rate(self, step: int) -> float:
        """Rise over the warm-up, then fall to zero at the end, which may come closer."""
        steps = self.time.steps
        rising = max(1, round(self._settings.warmup * steps))
        if step < rising:
            return (step + 1) / rising
        return max(0.0, (steps - step) / max(1, steps - rising))

    def _dtype(self) -> str:
        asked = self._settings.dtype
        return best_dtype(str(self._model.device)) if asked == "auto" else asked


_SILENT: dict[str, Any] = {"report_to": "none", "save_strategy": "no", "logging_strategy": "no"}


def _one_by_one(data: Any, **_: Any) -> Any:
    """Return the steps in their order."""
    from torch.utils.data import BatchSampler, SequentialSampler

    return BatchSampler(SequentialSampler(data), 1, drop_last=False)


def _steps(pairs: Numbered, batch_size: int, settings: EncoderTuning) -> int:
    passes = len(pairs.anchors) * settings.passes / batch_size
    return max(1, min(settings.steps, round(passes)))


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep what the trainer says of itself off a log that is not its own."""
    library = logging.getLogger("sentence_transformers")
    level = library.level
    library.setLevel(logging.ERROR)
    try:
        with quiet():
            yield
    finally:
        library.setLevel(level)


def check_libraries() -> None:
    """Raise EncoderError, with the remedy, where a library is missing."""
    try:
        import accelerate  # noqa: F401
        import datasets  # noqa: F401
    except ImportError as error:
        raise EncoderError(
            "training an encoder needs accelerate and datasets: run `pip install 'penchant[llm]'`"
        ) from error
