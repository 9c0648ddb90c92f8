"""What can be seen of a running process: put together where the configuration asks for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from dataflows.config.config import Config
from dataflows.engine.batch import Batch
from dataflows.engine.encode_step import EncodeStep
from dataflows.messages.decoded_records import Arrived
from dataflows.registry.registry import open_registry
from dataflows.serve.metrics.exporter import Exporter
from dataflows.serve.metrics.live_status import LiveStatus
from dataflows.serve.metrics.model_history import ModelHistory
from dataflows.serve.metrics.process import ProcessFigures
from dataflows.serve.metrics.registry import Metrics
from dataflows.serve.metrics.samples import Samples

Encode = Callable[[Sequence[Arrived]], list[tuple[str, Batch]]]


@dataclass(frozen=True)
class RunFigures:
    """The metrics of a process and its status; `exporter` tells the metrics by itself, if asked."""

    metrics: Metrics
    process: ProcessFigures
    samples: Samples
    status: LiveStatus
    exporter: Exporter | None

    def begin(self) -> None:
        """Start what runs beside the flow. Raises InputError for an address that is taken."""
        if self.exporter is not None:
            self.exporter.begin()
        self.samples.begin()

    def finish(self) -> None:
        """End it."""
        self.samples.finish()
        if self.exporter is not None:
            self.exporter.finish()


def open_figures(config: Config) -> RunFigures | None:
    """Return what counts a process, None where neither `[metrics]` nor `[serve]` is on."""
    if not (config.metrics.enabled or config.serve.enabled):
        return None
    process = ProcessFigures(config, ModelHistory(open_registry(config)))
    samples = Samples(process, config.metrics.sample_seconds)
    metrics = Metrics()
    metrics.add(process.gather)
    exporter = Exporter(metrics, config.metrics) if config.metrics.enabled else None
    status = LiveStatus(process, samples, config.learner.k)
    return RunFigures(metrics, process, samples, status, exporter)


def stamped(encode: EncodeStep) -> Encode:
    """Return an encode step whose micro-batches tell when they arrived."""

    def stamp(arrived: Sequence[Arrived]) -> list[tuple[str, Batch]]:
        since = time.perf_counter()
        dealt = encode(arrived)
        return [(key, replace(batch, arrived=since)) for key, batch in dealt]

    return stamp
