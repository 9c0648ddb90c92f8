# ruff: noqa: ARG002 - the trainer calls with all that it has
"""What watches the trainer: budget of time, a wish to stop, progress, losses that are no number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from encoders.base import TrainingProgress
from encoders.llm.budget import TimeBudget
from encoders.training.loss import TiedLoss


class TimeLimitCallback(TrainerCallback):
    """Ends the training in time; `steps` counts those that changed weights."""

    def __init__(
        self,
        time: TimeBudget,
        loss: TiedLoss,
        progress: Callable[[TrainingProgress], None],
        stop: Callable[[], bool],
    ) -> None:
        self.steps = 0
        self._time = time
        self._loss = loss
        self._progress = progress
        self._stop = stop

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Stop before a step that is not wanted any more."""
        control.should_training_stop = self._is_over(state)

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Stop a gradient that is not finite from reaching a weight."""
        gradients = [
            weights.grad
            for weights in self._loss.parameters()
            if weights.requires_grad and weights.grad is not None
        ]
        if not gradients:
            return
        if all(bool(torch.isfinite(gradient).all()) for gradient in gradients):
            self.steps += 1
            return
        self._loss.losses[-1] = math.nan
        self._loss.zero_grad(set_to_none=True)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Report how far it is, and plan anew."""
        self._time.made()
        losses = self._loss.losses
        self._progress(
            TrainingProgress(len(losses), self._time.steps, losses[-1], self._time.spent)
        )
        control.should_training_stop = self._is_over(state)

    def _is_over(self, state: TrainerState) -> bool:
        losses = self._loss.losses
        is_broken = bool(losses) and not math.isfinite(losses[-1])
        return self._stop() or is_broken or state.global_step >= self._time.steps
