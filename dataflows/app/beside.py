"""What runs beside the shards of a process: a language model, checks, what counts and looks on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from dataflows.app.ends import FlowEnds
from dataflows.app.figures import Encode, RunFigures, stamped
from dataflows.app.followers import following
from dataflows.config.config import Config
from dataflows.engine.encode_step import EncodeStep
from dataflows.engine.flow import Follow
from dataflows.engine.protocols import LlmHooks
from dataflows.engine.status.stage_times import StageTimes
from dataflows.generation.shard_client import LlmClient
from dataflows.generation.worker import Worker
from dataflows.rules.in_force import RulesInForce
from dataflows.serve.metrics.process import Around
from dataflows.serve.metrics.watch import ShardWatch
from dataflows.serve.traces import EventTraces
from dataflows.state.crash_check import CrashChecks
from learners.online_model import OnlineModel

if TYPE_CHECKING:  # else a run that answers nobody would load it
    from dataflows.serve.live.handed_out import HandedOut


class Beside(NamedTuple):
    """What runs beside the shards; none of it has to be there.

    `handed_out` knows the lists that were sent and asked for, where HTTP answers; `rules` are those
    that lists are made by.
    """

    worker: Worker | None = None
    checks: CrashChecks | None = None
    figures: RunFigures | None = None
    traces: EventTraces | None = None
    handed_out: HandedOut | None = None
    rules: RulesInForce = RulesInForce()

    def times(self, *, is_on: bool) -> StageTimes:
        """Return what times the stages; with `is_on` they are counted too."""
        figures = self.figures
        return StageTimes(is_on=is_on) if figures is None else figures.process.stages

    def stamped(self, encode: EncodeStep) -> Encode:
        """Return the encode step, which tells when micro-batches arrive where somebody asks."""
        return encode if self.figures is None and self.traces is None else stamped(encode)

    def follow(self, door: Follow[OnlineModel] | None) -> Follow[OnlineModel] | None:
        """Return what is told of all that leaves a shard; None where nobody is."""
        figures, traces = self.figures, self.traces
        follows: list[Follow[OnlineModel]] = []
        if figures is not None:
            follows.append(figures.process.follow)
        if door is not None:
            follows.append(door)
        if traces is not None:
            follows.append(traces.follow)
        return following(follows)

    def before_flow_ends(self) -> Iterator[Callable[[], object]]:
        """Yield what ends before anything else is closed."""
        if self.figures is not None:
            yield self.figures.finish
        if self.worker is not None:
            yield self.worker.close

    def after_state(self) -> Iterator[Callable[[], object]]:
        """Yield what ends once the state is closed, and all is delivered that will be."""
        if self.traces is not None:
            yield self.traces.close

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
