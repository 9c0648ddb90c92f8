"""Doubles for tests of rounds: a tuner that writes tiny models and says what it was told to say.

Its behaviour is in a file of JSON beside the state, so that it can be set for a process of its
own too.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

from dataflows.config.config import Config
from dataflows.config.finetune import Kind
from dataflows.errors import InputError
from dataflows.finetune.tuner import Base, RoundStopped, StageProgress, Stop, Tell, Trained
from dataflows.finetune.window.window import Split, Window, WindowEvent, WindowItem
from dataflows.registry.decisions import (
    CHECK,
    COVERAGE,
    LOG_RANK,
    PIPELINE,
    Evidence,
    PairedMeasure,
    TrainingHealth,
)
from tests.dataflows.registry.tiny import write_adapter, write_sentence

BEHAVIOUR = "behaviour.json"


class Behaviour(msgspec.Struct, frozen=True):
    """`seconds` a training takes; `gain` that is measured; what else it does in training.

    With `hold` training waits until there is a file `release`.
    """

    seconds: float = 0.0
    hold: bool = False
    gain: float = 0.5
    crash: bool = False
    hang: bool = False
    error: str = ""
    targets: int = 1000
    dim: int = 8


def behave(folder: Path, **what: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / BEHAVIOUR).write_bytes(msgspec.json.encode(Behaviour(**what)))


class TinyTuner:
    """Writes down each call in `trained.log` and `measured.log` of its folder."""

    base_name = "hashing"

    def __init__(self, folder: Path, kind: Kind = "encoder") -> None:
        self.folder = folder
        self.kind: Kind = kind
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def behaviour(self) -> Behaviour:
        path = self.folder / BEHAVIOUR
        return (
            msgspec.json.decode(path.read_bytes(), type=Behaviour)
            if path.exists()
            else (Behaviour())
        )

    def calls(self, name: str) -> list[str]:
        path = self.folder / f"{name}.log"
        return path.read_text().splitlines() if path.exists() else []

    def train(self, parted: Split, base: Base, into: Path, tell: Tell, stop: Stop) -> Trained:
        self._note("trained", f"{len(parted.train)} {len(parted.newest)} {base.version}")
        told = self.behaviour
        if told.crash:
            os._exit(9)
        if told.error:
            raise InputError(told.error)
        until = time.monotonic() + told.seconds
        while told.hang or time.monotonic() < until or self._is_held(told):
            if stop() and not told.hang:
                raise RoundStopped
            time.sleep(0.01)
        tell(StageProgress("training", 3, 3, "loss 1.0"))
        if self.kind == "encoder":
            write_sentence(into, seed=len(self.calls("trained")))
        else:
            write_adapter(into)
        health = TrainingHealth(True, 3, 0.01, told.targets)
        form = "sentence-transformers" if self.kind == "encoder" else "adapter"
        return Trained(health, form, f"tiny-{len(self.calls('trained'))}", settings={"steps": 3})

    def measure(
        self, parted: Split, base: Base, folder: Path, trained: Trained, tell: Tell, stop: Stop
    ) -> Evidence:
        self._note("measured", base.version)
        assert (folder / "modules.json").exists() or self.kind == "language"
        gain = self.behaviour.gain
        figures = {
            LOG_RANK: PairedMeasure(-6.0, -6.0 + gain, gain, gain - 0.1, gain + 0.1),
            COVERAGE: PairedMeasure(0.5, 0.5, 0.0, 0.0, 0.0),
            PIPELINE: PairedMeasure(0.2, 0.2, 0.0, -0.01, 0.01),
            CHECK + "probe": PairedMeasure(0.9, 0.9, 0.0, 0.0, 0.0),
        }
        return Evidence(self.kind, 1000, figures, trained.health)

    def _is_held(self, told: Behaviour) -> bool:
        return told.hold and not (self.folder / "release").exists()

    def _note(self, name: str, line: str) -> None:
        with (self.folder / f"{name}.log").open("a") as out:
            out.write(line + "\n")


def tiny_tuner(config: Config, kind: Kind) -> TinyTuner:
    """Make a tuner for a process of its own; its folder is `tiny-<kind>` beside the state."""
    return TinyTuner(Path(config.state.path).parent / f"tiny-{kind}", kind)


def a_window(n: int = 100, fresh: int = 50, kind: Kind = "encoder", number: int = 0) -> Window:
    events = [
        WindowEvent(f"e{place}", f"u{place % 7}", "view", 1e9 + place, f"i{place % 11}")
        for place in range(n)
    ]
    items = {f"i{place}": WindowItem(f"i{place}", f"Title {place}") for place in range(11)}
    return Window(kind, number, events, fresh, items)
