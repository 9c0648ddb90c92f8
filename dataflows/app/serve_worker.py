"""One of several workers of `penchant serve`: `python -m dataflows.app.serve_worker`."""

from __future__ import annotations

import sys
import threading

import msgspec

from dataflows.app.serve import ServeWorker, answer
from dataflows.lifecycle.child_process import take_line
from dataflows.lifecycle.exit_status import run_to_status
from dataflows.lifecycle.log import set_up_log
from dataflows.lifecycle.signals import attended


def main() -> None:
    """Answer until the parent ends this process, or is gone."""
    worker = msgspec.json.decode(take_line(), type=ServeWorker)
    set_up_log(worker.config.flow.log, worker.config.flow.log_format)
    stop = threading.Event()
    with attended(stop) as signals:
        answer(worker, stop, signals, shared=True)


if __name__ == "__main__":
    sys.exit(run_to_status(main))
