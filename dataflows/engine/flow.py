"""The dataflow: source, encode, learn, sink; and the learn step as Bytewax sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import itemgetter
from typing import Any, Generic, TypeVar

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import DynamicSource, Source, StatelessSourcePartition
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import Sink

from dataflows.engine.batch import Batch, shard_key
from dataflows.engine.protocols import Model
from dataflows.engine.shard import Engine
from dataflows.engine.shards import Engines
from dataflows.lifecycle.bytewax_errors import hushing
from dataflows.messages.decoded_records import Arrived
from dataflows.state.outbox import Out

NAME = "penchant"
STEPS = ("wake", "records", "encode", "arrivals", "learn", "messages", "out")
"""The ids of the steps; they name metrics, so a change is a change for users."""

M = TypeVar("M", bound=Model)
Keyed = tuple[str, Batch]
Follow = Callable[[Engine[M], Batch | None, Sequence[Out]], object]
"""Is told what a shard made of a micro-batch as it leaves; None: of what was not waited for."""


class _Wake(StatelessSourcePartition[Keyed]):
    def __init__(self, shards: Iterable[int]) -> None:
        self._batches = [(shard_key(shard), Batch(shard)) for shard in shards]

    def next_batch(self) -> list[Keyed]:
        if not self._batches:
            raise StopIteration
        batches, self._batches = self._batches, []
        return batches


class WakeSource(DynamicSource[Keyed]):
    """One empty batch for each shard at the start, so that undelivered messages go out."""

    def __init__(self, shards: int) -> None:
        self._shards = shards

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Wake:  # noqa: ARG002
        """Wake the shards from the first worker alone."""
        return _Wake(range(self._shards if worker_index == 0 else 0))


class LearnLogic(StatefulBatchLogic[Batch, Out, None], Generic[M]):
    """The logic of one key, which is one shard; Bytewax keeps nothing of it.

    Bytewax calls `snapshot` at the end of each epoch in which the key was awake: that is
    when the shard commits. While messages wait to be acknowledged the key wakes once per
    epoch, so that their delivery is stored in a quiet stream too; and while a language model
    is at work, so that what it says does not wait for another event. `committed` is called
    with the shard after each commit, `follow` with all that leaves it.
    """

    def __init__(
        self,
        engines: Engines[M],
        epoch: timedelta,
        committed: Callable[[Engine[M]], None] | None = None,
        follow: Follow[M] | None = None,
    ) -> None:
        self._engines = engines
        self._epoch = epoch
        self._committed = committed
        self._follow = follow
        self._engine: Engine[M] | None = None

    @hushing
    def on_batch(self, values: list[Batch]) -> tuple[Iterable[Out], bool]:
        """Learn micro-batches."""
        outs: list[Out] = []
        for batch in values:
            if self._engine is None:
                self._engine = self._engines[batch.shard]
            made = self._engine.process(batch)
            if self._follow is not None:
                self._follow(self._engine, batch, made)
            outs += made
        return outs, self.RETAIN

    @hushing
    def on_notify(self) -> tuple[Iterable[Out], bool]:
        """Send what was answered while no event came."""
        return self._told(lambda engine: engine.take_up()), self.RETAIN

    @hushing
    def on_eof(self) -> tuple[Iterable[Out], bool]:
        """Send what was still to come of a finite input."""
        return self._told(lambda engine: engine.finish()), self.RETAIN

    def notify_at(self) -> datetime | None:
        """Wake in an epoch's time where there is something to store, or to take up."""
        engine = self._engine
        if engine is None or not (engine.outbox.is_unsettled or engine.is_awaited):
            return None
        return datetime.now(UTC) + self._epoch

    @hushing
    def snapshot(self) -> None:
        """Hand the shard's state over, to be written in one transaction."""
        if self._engine is not None:
            self._engine.commit(beside=True)
            if self._committed is not None:
                self._committed(self._engine)

    def _told(self, ask: Callable[[Engine[M]], list[Out]]) -> list[Out]:
        """Return what a shard has to say without a micro-batch."""
        if self._engine is None:
            return []
        made = ask(self._engine)
        if self._follow is not None and made:
            self._follow(self._engine, None, made)
        return made


def build_flow(
    source: Source[Any],
    sink: Sink[Out],
    encode: Callable[[Sequence[Arrived]], Iterable[Keyed]],
    engines: Engines[M],
    epoch: timedelta = timedelta(seconds=1),
    committed: Callable[[Engine[M]], None] | None = None,
    follow: Follow[M] | None = None,
) -> Dataflow:
    """Wire the steps. Run it with the same `epoch` as Bytewax's epoch interval.

    `source` gives what `encode` (an `EncodeStep`) takes. `committed` is called with each shard
    after it has stored its state, `follow` with what it made of each micro-batch.
    """
    flow = Dataflow(NAME)
    wake = op.input("wake", flow, WakeSource(engines.shards))
    records = op.input("records", flow, source)
    encoded = op.flat_map_batch("encode", records, hushing(encode))
    arrivals = op.merge("arrivals", wake, encoded)
    learnt = op.stateful_batch(
        "learn", arrivals, lambda _: LearnLogic(engines, epoch, committed, follow)
    )
    without_keys = partial(map, itemgetter(1))
    messages = op.flat_map_batch("messages", learnt, without_keys)
    op.output("out", messages, sink)
    return flow
