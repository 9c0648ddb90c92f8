"""What a training tells, of whichever model: how far it is, and how it went."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dataflows.finetune.tuner import StageProgress, Tell
from dataflows.registry.decisions import TrainingHealth, health_of
from encoders.base import TrainingProgress


class FinishedTraining(Protocol):
    """What `health_after` reads of `EncoderRound` and `LanguageRound`."""

    @property
    def losses(self) -> list[float]: ...  # noqa: D102 - their docstrings say it
    @property
    def steps(self) -> int: ...  # noqa: D102
    @property
    def changed(self) -> float: ...  # noqa: D102
    @property
    def targets(self) -> int: ...  # noqa: D102
    @property
    def seconds(self) -> float: ...  # noqa: D102
    @property
    def peak_bytes(self) -> int: ...  # noqa: D102


def health_after(done: FinishedTraining) -> TrainingHealth:
    """Return the health of a training that ended."""
    return health_of(
        done.losses,
        steps=done.steps,
        changed=done.changed,
        targets=done.targets,
        seconds=done.seconds,
        peak_bytes=done.peak_bytes,
    )


def step_reporter(tell: Tell) -> Callable[[TrainingProgress], None]:
    """Return what a training calls after a step, so that `tell` hears of it."""

    def progress(far: TrainingProgress) -> None:
        tell(StageProgress("training", far.step, far.steps, f"loss {far.loss:.3f}"))

    return progress
