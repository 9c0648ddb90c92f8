"""What a round needs of a model: to be trained, and to be measured against the one in force."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec

from dataflows.config.finetune import Kind
from dataflows.finetune.window.window import Split
from dataflows.registry.decisions import Evidence, TrainingHealth
from dataflows.registry.manifest import Form


class Base(msgspec.Struct, frozen=True):
    """The model in force, from which a round begins and with which it is compared.

    `version` is its id in the registry and `folder` its verified copy; "" and None for the
    model that the configuration calls `name`.
    """

    version: str
    name: str
    folder: Path | None


class Trained(msgspec.Struct, frozen=True):
    """A new model, saved in a folder, and how its training went.

    `fingerprint` is the version that vectors and lists will carry, `dim` the length of a
    vector (for an adapter the hidden size of its base), `settings` those of the training.
    `needs` is the model that an adapter is put on, "" for one that stands alone.
    """

    health: TrainingHealth
    form: Form
    fingerprint: str
    dim: int | None = None
    settings: dict[str, Any] = {}
    needs: str = ""


class StageProgress(msgspec.Struct, frozen=True):
    """How far a round is: `done` of `total` in a stage; `note` is a figure in words, or ""."""

    stage: str
    done: float = 0.0
    total: float = 0.0
    note: str = ""


Tell = Callable[[StageProgress], None]
Stop = Callable[[], bool]


class Tuner(Protocol):
    """One kind of model. Both calls may take many minutes; they ask `stop` often."""

    @property
    def kind(self) -> Kind:
        """What it tunes."""
        ...

    @property
    def base_name(self) -> str:
        """The model that the configuration names."""
        ...

    def train(self, parted: Split, base: Base, into: Path, tell: Tell, stop: Stop) -> Trained:
        """Train on `parted.train` from `base`, and save the new model into the folder `into`.

        Raises `RoundStopped` where `stop` said so, and InputError where there is nothing to
        train on or with.
        """
        ...

    def measure(
        self, parted: Split, base: Base, folder: Path, trained: Trained, tell: Tell, stop: Stop
    ) -> Evidence:
        """Measure the model in `folder` against `base` on `parted.newest` and the check set.

        Raises `RoundStopped` where `stop` said so.
        """
        ...


class RoundStopped(Exception):  # noqa: N818 - it is no error: the round goes on at the next start
    """A round was asked to stop."""
