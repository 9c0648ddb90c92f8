"""Running the process: stopped cleanly by SIGTERM and SIGINT, asked and told by other signals."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from bytewax.dataflow import Dataflow
from bytewax.run import cli_main

from dataflows.app.finetune_child import fine_tuned_beside
from dataflows.app.process import Process, assemble
from dataflows.config.config import Config, load_config
from dataflows.engine.shard import Engine
from dataflows.lifecycle import bytewax_errors
from dataflows.lifecycle.bytewax_errors import hushed
from dataflows.lifecycle.exit_status import DEBUG, INTERRUPTED, run_to_status, tell
from dataflows.lifecycle.first_start import announce_compiling
from dataflows.lifecycle.leave import leave, may_hold_clients
from dataflows.lifecycle.log import set_up_log
from dataflows.lifecycle.signals import SignalThread, attended
from dataflows.lifecycle.stop_signals import SIGNALS, handler, stopped_by_signals
from encoders.base import Encoder
from learners.online_model import OnlineModel

CONFIG_VARIABLE = "PENCHANT_CONFIG"

_log = logging.getLogger(__name__)


def run(
    config: Config, encoder: Encoder | None = None, *, accept_items: bool = False
) -> list[Engine[OnlineModel]]:
    """Run until the input ends, or SIGTERM or SIGINT comes; then lists and state are written.

    A second signal ends the process at once, as kill -9 would: nothing is lost by that
    either. With `accept_items` an items file is the catalogue, whatever it lacks. Returns the
    engines, closed, for their ledgers and counts. Raises InputError and
    `encoders.base.EncoderError`; from within a step they stand in the chain of causes.
    """
    set_up_log(config.flow.log, config.flow.log_format)
    stop = threading.Event()
    with attended(stop) as signals:
        process = assemble(config, stop.is_set, encoder, accept_items=accept_items)
        _attend(signals, process)
        announce_compiling()
        try:
            process.open()
            engines = list(process.engines)
            with stopped_by_signals(stop), fine_tuned_beside(config, stop.is_set), hushed():
                cli_main(process.flow, epoch_interval=process.epoch)  # type: ignore[no-untyped-call]
        finally:
            process.finish()
    return engines


def _attend(signals: SignalThread, process: Process) -> None:
    """Make the process answer the signals that are not to end it."""
    if process.reopen is not None:
        signals.reopen.append(process.reopen)
    signals.reread.append(process.rules.reopen)
    signals.tell.append(process.lines)


def flow_from_environment() -> Dataflow:
    """Return the flow for `python -m bytewax.run`; its end and signals are looked after too."""
    ending = _Ending()
    if not os.environ.get(DEBUG):
        sys.excepthook = ending.hook
    bytewax_errors.begin()
    path = os.environ.get(CONFIG_VARIABLE)
    stop = threading.Event()
    config = load_config(Path(path) if path else None)
    set_up_log(config.flow.log, config.flow.log_format)
    signals = SignalThread(stop)
    signals.begin()
    process = assemble(config, stop.is_set)
    _attend(signals, process)
    announce_compiling()
    process.begin()
    ending.process = process
    atexit.register(ending.finish)
    beside = ExitStack()
    beside.enter_context(fine_tuned_beside(config, stop.is_set))
    atexit.register(beside.close)
    for number in SIGNALS:
        signal.signal(number, handler(stop))
    return process.flow


class _Ending:
    """The end of a process that is not ours to run: as `run` ends, with one line and a status."""

    def __init__(self) -> None:
        self.process: Process | None = None
        self._broken: Exception | None = None
        self._status = 0

    def hook(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """Replace the traceback that an error would end in."""
        bytewax_errors.end()
        if not isinstance(error, Exception):
            self._status = INTERRUPTED
            sys.__excepthook__(kind, error, trace)
        elif self.process is None:
            leave(tell(error))
        else:
            self._broken = error  # told last, once all is closed

    def finish(self) -> None:
        """Close all at the very end of the interpreter."""
        status = run_to_status(self._finish) or self._status
        # An exception here would be printed whole, and the status be 0.
        if status or (may_hold_clients() and not os.environ.get(DEBUG)):
            leave(status)

    def _finish(self) -> None:
        assert self.process is not None  # noqa: S101 - or nothing would have been registered
        try:
            self.process.finish()
        except Exception as error:
            if self._broken is None:
                raise
            _log.error("and at the end: %s", error)
        if self._broken is not None:
            raise self._broken
