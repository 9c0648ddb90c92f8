"""What runs beside the shards of a process: a language model, checks, what counts and looks on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from dataflows.app.ends import FlowEnds
from dataflows.app.figures import RunFigures
from dataflows.config.config import Config
from dataflows.engine.protocols import LlmHooks
from dataflows.generation.shard_client import LlmClient
from dataflows.generation.worker import Worker
from dataflows.serve.metrics.process import Around
from dataflows.serve.metrics.watch import ShardWatch
from dataflows.state.crash_check import CrashChecks


class Beside(NamedTuple):
    """What runs beside the shards; none of it has to be there."""

    worker: Worker | None = None
    checks: CrashChecks | None = None
    figures: RunFigures | None = None

    def hooks(self, config: Config, shard: int) -> tuple[LlmHooks, ...]:
        """Return the hooks of a shard that is being opened, the language model's first."""
        worker, figures = self.worker, self.figures
        client = () if worker is None else (LlmClient(worker, config.generate, shard),)
        return client if figures is None else (*client, figures.process.watch(shard))

    def observers(self, shard: int) -> tuple[ShardWatch, ...]:
        """Return what judges events of a shard, once its hooks are made."""
        return () if self.figures is None else (self.figures.process.watches[shard],)

    def around(self, about: str, ends: FlowEnds, swaps: Mapping[str, int]) -> Around:
        """Return what stands around the shards, for the metrics."""
        is_kafka, worker = bool(ends.sides), self.worker
        return Around(
            about=about,
            unread=ends.unread,
            unit=ends.unit,
            underway=ends.underway if is_kafka else None,
            sides=ends.sides,
            swaps=swaps,
            waiting=None if worker is None else lambda: worker.waiting,
        )


ALONE = Beside()
