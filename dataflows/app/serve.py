"""`penchant serve`: lists that a `penchant run` sends, followed and answered over HTTP.

One process, or several that share the port, each with a store of its own. They are children: they
end with the first process, whatever ends it, and where one of them fails all end.
"""

from __future__ import annotations

import logging
import os
import threading
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import NoReturn

import msgspec

from dataflows.config.config import Config
from dataflows.config.serve import MetricsSettings
from dataflows.errors import InputError
from dataflows.lifecycle import child_process
from dataflows.lifecycle.exit_status import FAILED
from dataflows.lifecycle.log import set_up_log
from dataflows.lifecycle.signals import SignalThread, attended
from dataflows.lifecycle.stop_signals import stopped_by_signals
from dataflows.serve.http.app import DoorApp
from dataflows.serve.http.problems import ProblemError
from dataflows.serve.http.tokens import read_tokens
from dataflows.serve.metrics.exporter import Exporter
from dataflows.serve.metrics.registry import Metrics
from dataflows.serve.open_backend import open_backend, open_hub
from dataflows.serve.server import Server, bind
from dataflows.serve.stored.live_process import open_live
from dataflows.serve.stored.open_answers import open_stored

LOOK_SECONDS = 0.2
"""How often it is looked whether all workers are there."""
LAST_PORT = 65_535

_log = logging.getLogger(__name__)


class ServeWorker(msgspec.Struct, frozen=True):
    """What a child is to do: answer at a port that it shares, as worker `number`."""

    number: int
    config: Config
    accept_items: bool = False


def serve(config: Config, *, accept_items: bool = False) -> int:
    """Answer until SIGTERM or SIGINT, then finish what is under way; return the exit status.

    Raises InputError where the port is taken, or tokens or the store cannot be used.
    """
    set_up_log(config.flow.log, config.flow.log_format)
    stop = threading.Event()
    with attended(stop) as signals:
        if config.serve.workers == 1:
            worker = ServeWorker(0, config, accept_items)
            answer(worker, stop, signals, shared=False)
            return 0
        return _serve_by_workers(config, stop, accept_items=accept_items)


def answer(
    worker: ServeWorker, stop: threading.Event, signals: SignalThread, *, shared: bool
) -> None:
    """Answer as one worker, until `stop` is set. Raises InputError."""
    config = worker.config
    tokens, hub, metrics = read_tokens(config.serve, os.environ), open_hub(config), Metrics()
    with ExitStack() as closing, stopped_by_signals(stop):
        source = open_stored(config, hub, worker=worker.number, accept_items=worker.accept_items)
        closing.callback(source.close)
        metrics.add(source.gather)
        backend = open_backend(
            config, source, hub, tokens=tokens, metrics=metrics, live=open_live(config)
        )
        if shared:
            backend = replace(backend, metrics=partial(_of_one_worker, config.metrics))
            if config.metrics.enabled:
                exporter = Exporter(metrics, _own_port(config.metrics, worker.number))
                exporter.begin()
                closing.callback(exporter.finish)
        if backend.intake is not None:
            closing.callback(backend.intake.close)
        server = Server(DoorApp(backend), config.serve, shared=shared, is_alone=True)
        closing.callback(server.close)
        source.start()
        signals.reread.append(source.rules.reopen)
        signals.tell.append(
            lambda: [f"{name}: {said}" for name, said in source.readiness().checks.items()]
        )
        server.start()
        _log.info("answering at %s from what was sent", server.url)
        stop.wait()
        _log.info("stopping")


def _own_port(settings: MetricsSettings, worker: int) -> MetricsSettings:
    """Return where a worker, counted from 0, tells its metrics: behind the port of a run."""
    port = settings.port and settings.port + 1 + worker
    return msgspec.structs.replace(settings, port=port)


def _of_one_worker(settings: MetricsSettings, _accept: str) -> NoReturn:
    """Refuse: whoever asks at a port that is shared would get the figures of any worker."""
    ports = f"{settings.port} + n" if settings.port else "that the log names"
    raise ProblemError(
        501,
        "several workers share this port, and each has figures of its own",
        f"ask worker n, from 1, at the port {ports} of {settings.host}"
        if settings.enabled
        else "set metrics.enabled: worker n, from 1, then tells its own at metrics.port + n",
    )


def _serve_by_workers(config: Config, stop: threading.Event, *, accept_items: bool) -> int:
    read_tokens(config.serve, os.environ)  # refused once, before anything is started
    last = config.metrics.port + config.serve.workers
    if config.metrics.enabled and last > LAST_PORT:
        raise InputError(
            f"metrics.port is {config.metrics.port}, so that of {config.serve.workers} workers the "
            f"last would listen at {last}, above {LAST_PORT}; give a lower one, or 0"
        )
    # Bound here and listened at there: no worker finds the port taken, and all have the same.
    held = bind(config.serve, shared=True)
    host, port = held.getsockname()[:2]
    own = msgspec.structs.replace(config.serve, port=port, workers=1)
    shared = msgspec.structs.replace(config, serve=own)
    workers = []
    with stopped_by_signals(stop):
        try:
            for number in range(config.serve.workers):
                line = msgspec.json.encode(ServeWorker(number, shared, accept_items))
                workers.append(child_process.start("dataflows.app.serve_worker", line))
            _log.info("%d workers answer at %s:%d", len(workers), host, port)
            while not stop.wait(LOOK_SECONDS):
                if any(one.poll() is not None for one in workers):
                    _log.error("a worker ended by itself: all end; its last line says why")
                    return FAILED
        finally:
            seconds = config.serve.stop_seconds + 5
            enders = [
                threading.Thread(target=child_process.end, args=(one, seconds)) for one in workers
            ]
            for each in enders:
                each.start()
            for each in enders:
                each.join()
            held.close()
    return 0
