"""Running the process, and stopping it cleanly on SIGTERM and SIGINT."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

from bytewax.dataflow import Dataflow
from bytewax.run import cli_main

from dataflows.config import Config, load_config
from dataflows.engine import Engine
from dataflows.failures import run_to_status
from dataflows.process import Process, assemble
from dataflows.run_log import set_up_log
from dataflows.stopping import SIGNALS, handler, stopped_by_signals
from dataflows.tuning.child import fine_tuned_beside
from encoders.protocol import Encoder
from learners.recommender import Recommender

CONFIG_VARIABLE = "PENCHANT_CONFIG"


def run(
    config: Config, encoder: Encoder | None = None, *, accept_items: bool = False
) -> list[Engine[Recommender]]:
    """Run until the input ends, or SIGTERM or SIGINT comes; then lists and state are written.

    A second signal ends the process at once, as kill -9 would: nothing is lost by that
    either. With `accept_items` an items file is the catalogue, whatever it lacks. Gives the
    engines, closed, for their ledgers and counts. Raises InputError and
    `encoders.errors.EncoderError`; from within a step they stand in the chain of causes.
    """
    set_up_log(config.flow.log)
    stop = threading.Event()
    process = assemble(config, stop.is_set, encoder, accept_items=accept_items)
    try:
        process.open()
        engines = list(process.engines)
        with stopped_by_signals(stop), fine_tuned_beside(config):
            cli_main(process.flow, epoch_interval=process.epoch)  # type: ignore[no-untyped-call]
    finally:
        process.finish()
    return engines


def flow_from_environment() -> Dataflow:
    """Give the flow for `python -m bytewax.run`; its end and signals are looked after too."""
    path = os.environ.get(CONFIG_VARIABLE)
    stop = threading.Event()
    config = load_config(Path(path) if path else None)
    set_up_log(config.flow.log)
    process = assemble(config, stop.is_set)
    process.begin()
    atexit.register(_finish_at_exit, process)
    beside = ExitStack()
    beside.enter_context(fine_tuned_beside(config))
    atexit.register(beside.close)
    for number in SIGNALS:
        signal.signal(number, handler(stop))
    return process.flow


def _finish_at_exit(process: Process) -> None:
    """As `run` ends: with one line and a status where the end is not a good one."""
    status = run_to_status(process.finish)
    if status:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # an exception here would be printed whole, and the status be 0
