"""A round in a process of its own, so that its memory comes back, and it can be ended.

The parent writes the job to its standard input and reads one line of JSON for each thing that
it tells: a step, the decision, or an error for a person. What libraries print goes to stderr.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import IO

import msgspec

from dataflows.config.config import Config
from dataflows.config.finetune import Kind
from dataflows.errors import InputError
from dataflows.finetune.rounds.folder import RoundFolder
from dataflows.finetune.rounds.round import RoundSettings, run_round
from dataflows.finetune.tuner import StageProgress, Tuner
from dataflows.lifecycle.child_process import take_line
from dataflows.lifecycle.exit_status import WRONG_USE, describe
from dataflows.lifecycle.log import set_up_log
from dataflows.lifecycle.signals import SignalThread
from dataflows.registry.announce import announce
from dataflows.registry.decisions import GateDecision
from dataflows.registry.registry import Registry, open_registry

_log = logging.getLogger(__name__)

Make = Callable[[Config, Kind], Tuner]


class RoundJob(msgspec.Struct, frozen=True):
    """A round to be done. `make` names the function (`module:name`) that makes its tuner."""

    config: Config
    kind: Kind
    number: int
    folder: str
    make: str


class RoundMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line from a round: a step, the decision, or an error.

    `is_final`: the error lies in what was asked; to try again would not help.
    """

    step: StageProgress | None = None
    decision: GateDecision | None = None
    error: str | None = None
    is_final: bool = False


def main() -> None:
    """Run the job on standard input."""
    job = msgspec.json.decode(take_line(), type=RoundJob)
    with _own_stdout() as out:

        def tell(message: RoundMessage) -> None:
            out.write(msgspec.json.encode(message) + b"\n")
            out.flush()

        set_up_log(job.config.flow.log, job.config.flow.log_format)
        SignalThread(threading.Event()).begin()
        limit_threads(job.config.finetune.threads)
        try:
            decision = work(job, lambda step: tell(RoundMessage(step=step)))
        except Exception as error:  # noqa: BLE001 - the parent decides what becomes of the round
            _log.exception("the round broke off")
            line, status = describe(error)
            tell(RoundMessage(error=line, is_final=status == WRONG_USE))
            return
        tell(RoundMessage(decision=decision))


def work(job: RoundJob, tell: Callable[[StageProgress], None]) -> GateDecision:
    """Run a round where its window lies, and announce what it promoted."""
    config = job.config
    make: Make = resolve_name(job.make)
    registry = open_registry(config)
    folder = Path(job.folder)
    window = RoundFolder(folder, job.kind, job.number, 0).window()
    settings = round_settings(config)
    tuner = make(config, job.kind)
    decision = run_round(window, tuner, registry, folder / "work", settings, tell=tell)
    announce_promotion(config, registry, decision)
    if config.finetune.tidy and decision.is_promoted:
        _tidy(config, registry)
    return decision


def _tidy(config: Config, registry: Registry) -> None:
    """Remove old versions; what cannot be removed stays for the next time."""
    try:
        gone = registry.gc(config.models.keep)
    except (InputError, OSError) as error:
        _log.warning("old versions stay: %s", error)
        return
    if gone:
        _log.info("old versions removed: %s", ", ".join(gone))


def round_settings(config: Config) -> RoundSettings:
    """Return what the configuration says of a round."""
    return RoundSettings(config.finetune.newest_share, config.gate)


def announce_promotion(config: Config, registry: Registry, decision: GateDecision) -> None:
    """Send the promotion to Kafka, where there was one; a flow finds it in the registry too."""
    if not decision.is_promoted:
        return
    for promotion in registry.promotions():
        if promotion.version == decision.candidate:
            try:
                announce(config, registry, promotion)
            except InputError as error:
                _log.warning("%s", error)


def limit_threads(threads: int) -> None:
    """Keep numeric libraries that are loaded from now on to so many threads."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)


def _own_stdout() -> IO[bytes]:
    """Keep standard output for ourselves; what others print there goes to stderr."""
    own = os.fdopen(os.dup(1), "wb")
    sys.stdout.flush()
    os.dup2(2, 1)
    return own


if __name__ == "__main__":
    main()
