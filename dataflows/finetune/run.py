"""The fine-tuning process: read, gather, have rounds done; until the input ends, or for ever."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.run import cli_main

from dataflows.config.config import Config
from dataflows.connectors.files.configured import file_source
from dataflows.engine.item_store import stored_items
from dataflows.finetune.end_of_input import QuietInput
from dataflows.finetune.flow import DecodeStep, build_tuning_flow
from dataflows.finetune.preconditions import check_tunable
from dataflows.finetune.rounds.process import round_settings
from dataflows.finetune.rounds.runner import MAKE, RoundRunner
from dataflows.finetune.rounds.scheduler import Trainer
from dataflows.finetune.rounds.view import LogView, View, terminal_view
from dataflows.finetune.window.collect import KIND_ORIGIN, Collector, read_positions
from dataflows.lifecycle.bytewax_errors import hushed
from dataflows.lifecycle.log import set_up_log
from dataflows.lifecycle.signals import attended
from dataflows.lifecycle.stop_signals import stopped_by_signals
from dataflows.messages.raw import ITEMS, Origin
from dataflows.registry.decisions import GateDecision
from dataflows.registry.registry import open_registry
from dataflows.state.origins import read_origins
from dataflows.state.positions import Progress
from dataflows.state.store import Store
from learners.arrays import keep_compiled_in

IDENTITY = {"what": "windows for fine-tuning"}

_log = logging.getLogger(__name__)


def tuning_folder(config: Config) -> Path:
    """Return the folder of the fine-tuning flow's own state."""
    return Path(config.finetune.path or Path(config.state.path) / "finetune")


def finetune(
    config: Config,
    *,
    once: bool = False,
    make: str = MAKE,
    stop: threading.Event | None = None,
    is_seen: bool = True,
) -> list[GateDecision]:
    """Run the fine-tuning flow; return the decisions that it came to.

    With `once` it reads to the end of what is there (where more could come: until nothing has
    for `finetune.quiet_seconds` after the end of each partition was reached), does one round of
    each model on what is new, and ends. Without, it ends where the input does (files that are
    not followed), or at SIGTERM or SIGINT: a round at work then goes on at the next start.
    `is_seen`: progress is shown on a terminal. Raises InputError.
    """
    set_up_log(config.flow.log, config.flow.log_format)
    if make == MAKE:
        check_tunable(config)
    stop = stop or threading.Event()
    with attended(stop) as signals, ExitStack() as stack:
        view = stack.enter_context(_view(config, is_seen=is_seen))
        process = _assemble(config, make, stop, view, stack, once=once)
        signals.tell.append(process.lines)
        process.ends.open()
        process.trainer.start()
        stack.callback(process.trainer.stop)
        with stopped_by_signals(stop):
            epoch = timedelta(seconds=config.flow.epoch_seconds)
            with hushed():
                cli_main(process.flow, epoch_interval=epoch)  # type: ignore[no-untyped-call]
            if once and not stop.is_set() and not process.quiet.has_failed:
                process.collector.close_all()
            process.collector.commit()
            process.ends.finish()
            process.quiet.check(config.kafka.bootstrap_servers, process.collector.read)
            _log.info("reading ended; %s events are kept", f"{process.collector.kept:,}")
            process.trainer.finish(stop.is_set)
        return process.trainer.decisions


@dataclass(frozen=True)
class _Process:
    """The parts of a running process."""

    collector: Collector
    trainer: Trainer
    ends: _Ends
    quiet: QuietInput
    flow: Dataflow

    def lines(self) -> list[str]:
        """Describe how it is, from any thread."""
        read, kept = self.collector.read, self.collector.kept
        rounds = f"{len(self.trainer.decisions):,} decisions since the start"
        return [
            f"fine-tuning, process {os.getpid()}: {read:,} records read, {kept:,} kept; {rounds}"
        ]


def _assemble(
    config: Config,
    make: str,
    stop: threading.Event,
    view: View,
    stack: ExitStack,
    *,
    once: bool,
) -> _Process:
    """Put a process together; what is to be closed is left to `stack`. Raises InputError."""
    settings, folder = config.finetune, tuning_folder(config)
    store = Store.open(folder, 1, 0, IDENTITY)
    keep_compiled_in(folder / "compiled")
    stack.callback(store.close)
    progress = Progress(
        {0: read_positions(store)}, origins=read_origins(store, KIND_ORIGIN, Origin)
    )
    collector = Collector(store, settings, config.clean, progress)
    trainer = Trainer(
        lambda: Store.reader(folder),
        folder / "rounds",
        open_registry(config),
        RoundRunner(config, make),
        settings,
        round_settings(config),
        view,
    )
    quiet = QuietInput(settings.quiet_seconds if once else None, config.kafka.start_seconds)

    def is_over() -> bool:
        return stop.is_set() or trainer.has_failed or quiet.is_over()

    ends = _ends(config, progress, is_over)
    quiet.is_read = ends.is_read
    flow = build_tuning_flow(
        ends.source,
        DecodeStep(config.events, ends.items_topic, quiet.arrived),
        collector,
        trainer.wake,
        lambda: view.read(collector.read, collector.kept),
    )
    return _Process(collector, trainer, ends, quiet, flow)


@dataclass(frozen=True)
class _Ends:
    """Where records come from, and what that needs before and after the flow.

    `is_read` says whether all that was there at the start is read.
    """

    source: Source[Any]
    items_topic: str
    open: Callable[[], object]
    finish: Callable[[], object]
    is_read: Callable[[], bool] = lambda: True


def _ends(config: Config, progress: Progress, stop: Callable[[], bool]) -> _Ends:
    if config.flow.source == "kafka":
        return _kafka_ends(config, progress, stop)
    files = msgspec.structs.replace(config.files, decisions=None)
    stored = partial(stored_items, Path(config.state.path), config.state.shards)
    source = file_source(msgspec.structs.replace(config, files=files), progress, stop, stored)
    return _Ends(source, ITEMS, source.open, source.close)


def _kafka_ends(config: Config, progress: Progress, stop: Callable[[], bool]) -> _Ends:
    from dataflows.connectors.kafka.permissions import TO_LEARN_FROM, RightsCheck
    from dataflows.connectors.kafka.source import KafkaSource

    group = config.finetune.group_id or f"{config.kafka.group_id}-finetune"
    settings = msgspec.structs.replace(config.kafka, group_id=group, decisions_topic="")
    RightsCheck(settings, TO_LEARN_FROM).ask()
    source = KafkaSource(settings, progress, stop)
    return _Ends(source, settings.items_topic, source.open, source.finish, source.is_read)


def _view(config: Config, *, is_seen: bool) -> AbstractContextManager[View]:
    if is_seen and sys.stderr.isatty():
        from rich.console import Console

        return terminal_view(Console(stderr=True))
    return nullcontext(LogView(config.flow.log_seconds))
