"""One round of training: a LoRA adapter that makes wanted answers likelier after their prompts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from encoders.base import TrainingProgress
from encoders.llm.adapter import (
    attach,
    peft_library,
    read_adapter,
    relative_change,
    save_adapter,
    trained_now,
    with_lora,
)
from encoders.llm.budget import MemoryBudget, TimeBudget, is_out_of_memory, peak_bytes, reset_peak
from encoders.llm.model import LanguageModel
from encoders.llm.training.batching import TokenizedExample, line, rows, token_losses
from encoders.llm.training.settings import LanguageTuning

LARGEST_GRADIENT = 1.0


class TextExample(NamedTuple):
    """A prompt and the answer that is wanted; `kind` is "next" or "intent"."""

    prompt: str
    target: str
    kind: str


class LanguageRound(NamedTuple):
    """What a round gave. `adapted` is a peft model, `base` the version it belongs to.

    `losses` has one mean loss of targets per step (nats a token); the last one is not finite
    where that ended the round, and then the weights are those before it. `changed` is the norm
    of the change of all weights relative to theirs. `targets` counts the tokens of targets
    that took part, `cut` the examples left out because their targets had no room.
    """

    adapted: Any
    base: str
    losses: list[float]
    steps: int
    seconds: float
    peak_bytes: int
    changed: float
    targets: int
    cut: int
    piece: int

    def save(self, folder: Path) -> None:
        """Write the adapter into `folder`, for `LanguageModel.with_adapter`."""
        folder.mkdir(parents=True, exist_ok=True)
        save_adapter(self.adapted, folder, self.base)


def tune_language(
    base: LanguageModel,
    examples: Sequence[TextExample],
    settings: LanguageTuning,
    progress: Callable[[TrainingProgress], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> LanguageRound:
    """Train an adapter on examples, going on from that of `base` where it has one.

    `base` stays as it is. Ends early when `stop` says so, when time is over, and at a loss
    that is not finite. Where every target was cut away no step is made: `targets` is 0, and
    the gate refuses. Raises TuningError where memory does not do for one example.
    """
    time = TimeBudget.start(_steps(len(examples), settings), settings.max_seconds)
    device = str(base.device)
    reset_peak(device)
    found = [line(base, each.prompt, each.target, settings.max_tokens) for each in examples]
    lines = [each for each in found if each is not None]
    adapted = _trainable(base, settings)
    before = trained_now(adapted)
    room = MemoryBudget(settings.batch_size, settings.max_bytes, device)
    training = _Training(base, adapted, settings, room)
    losses: list[float] = []
    if lines:
        training.measure(max(lines, key=lambda each: len(each.ids)))
    draws = _draws(len(lines), settings.batch_size, settings.seed)
    while lines and len(losses) < time.steps and not stop():
        chosen = [lines[place] for place in next(draws)]
        losses.append(training.step(chosen, len(losses), time.steps))
        time.made()
        progress(TrainingProgress(len(losses), time.steps, losses[-1], time.spent))
        if not math.isfinite(losses[-1]):
            break
    return LanguageRound(
        adapted,
        base.base.version,
        losses,
        training.steps,
        time.spent,
        peak_bytes(device),
        relative_change(adapted, before),
        training.targets,
        len(found) - len(lines),
        room.piece,
    )


class _Training:
    """The optimiser over an adapter's matrices, a batch at a time."""

    def __init__(
        self, base: LanguageModel, adapted: Any, settings: LanguageTuning, room: MemoryBudget
    ) -> None:
        import torch

        self._base = base
        self._adapted = adapted
        self._settings = settings
        self._room = room
        self._trained = [each for each in adapted.parameters() if each.requires_grad]
        self._optimiser = torch.optim.AdamW(
            self._trained, lr=settings.learning_rate, weight_decay=0.0
        )
        self.steps = 0
        self.targets = 0

    def measure(self, longest: TokenizedExample) -> None:
        """Find out how many examples fit into memory."""
        self._room.measure(lambda: self._read_once(longest))
        self._optimiser.zero_grad(set_to_none=True)

    def step(self, lines: list[TokenizedExample], step: int, steps: int) -> float:
        """Make one step on a batch; return the mean loss of its targets. No step if not finite."""
        import torch

        rate = self._settings.learning_rate * _schedule(step, steps, self._settings.warmup)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        loss = self._gradients(lines)
        norm = torch.nn.utils.clip_grad_norm_(self._trained, LARGEST_GRADIENT)
        if not (math.isfinite(loss) and torch.isfinite(norm)):
            return math.nan
        self._optimiser.step()
        self.steps += 1
        self.targets += sum(each.targets for each in lines)
        return loss

    def _gradients(self, lines: list[TokenizedExample]) -> float:
        """Sum the gradients of a batch, read in pieces that fit into memory."""
        while True:
            self._optimiser.zero_grad(set_to_none=True)
            try:
                return self._in_pieces(lines)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self._room.halve(error)

    def _in_pieces(self, lines: list[TokenizedExample]) -> float:
        ordered = sorted(lines, key=lambda each: len(each.ids))
        share = self._settings.prompt_share
        wanted = sum(each.targets for each in lines)
        counted = wanted + share * sum(each.start - 1 for each in lines)
        total, size = 0.0, self._room.piece
        for start in range(0, len(ordered), size):
            loss, of_targets = self._read(ordered[start : start + size])
            (loss / counted).backward()
            total += of_targets
        return total / wanted

    def _read_once(self, longest: TokenizedExample) -> None:
        loss, _ = self._read([longest])
        loss.backward()

    def _read(self, lines: list[TokenizedExample]) -> tuple[Any, float]:
        """Return the summed loss of a batch, prompts by their share, and that of targets alone."""
        share = self._settings.prompt_share
        batch = rows(self._base, lines, with_prompts=share > 0)
        each = token_losses(self._adapted, batch)
        of_targets = float((each.detach() * batch.targets).sum())
        return (each * (batch.targets + share * batch.prompts)).sum(), of_targets


def _trainable(base: LanguageModel, settings: LanguageTuning) -> Any:
    """Return a copy of the modules with an adapter to train: a new one, or the present one."""
    import torch

    if base.adapter is not None:
        present = read_adapter(base.adapter, base.adapter.name, base.base.version)
        adapted = attach(base.base.model, present)
    else:
        with torch.random.fork_rng():
            torch.manual_seed(settings.seed)
            adapted = with_lora(base.model, _config(base.model, settings))
    for name, weights in adapted.named_parameters():
        weights.requires_grad_("lora_" in name)
    return adapted.eval()  # no dropout: the same seed gives the same adapter


def _config(model: Any, settings: LanguageTuning) -> Any:
    """Describe LoRA on every linear layer of the last blocks."""
    import torch

    blocks = int(model.config.num_hidden_layers)
    first = blocks - max(1, round(blocks * settings.layers))
    kinds = (torch.nn.Linear, _conv1d())
    inside = {
        name.rsplit(".", 1)[-1]
        for name, module in model.named_modules()
        if isinstance(module, kinds) and any(part.isdecimal() for part in name.split("."))
    }
    return peft_library().LoraConfig(
        task_type="CAUSAL_LM",
        r=settings.rank,
        lora_alpha=settings.alpha,
        target_modules=sorted(inside),
        layers_to_transform=list(range(first, blocks)),
    )


def _conv1d() -> type:
    """Return the class that GPT-2 has in the place of a linear layer."""
    from transformers.pytorch_utils import Conv1D

    return Conv1D


def _steps(examples: int, settings: LanguageTuning) -> int:
    return min(settings.steps, max(1, math.ceil(examples * settings.passes / settings.batch_size)))


def _schedule(step: int, steps: int, warmup: float) -> float:
    """Rise in a straight line over the warm-up, then fall in one to zero."""
    rising = max(1, round(warmup * steps))
    if step < rising:
        return (step + 1) / rising
    return max(0.0, (steps - step) / max(1, steps - rising))


def _draws(count: int, size: int, seed: int) -> Iterator[list[int]]:
    """Draw batches for ever: every example once, in a random order, before any comes again."""
    rng = np.random.default_rng(seed)
    waiting: list[int] = []
    while True:
        while len(waiting) < size:
            waiting += rng.permutation(count).tolist()
        batch, waiting = waiting[:size], waiting[size:]
        yield batch
