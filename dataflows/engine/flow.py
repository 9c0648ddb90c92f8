"""The dataflow: source, encode, learn, sink."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from operator import itemgetter
from typing import Any, TypeVar

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import DynamicSource, Source, StatelessSourcePartition
from bytewax.outputs import Sink

from dataflows.engine.batch import Batch, shard_key
from dataflows.engine.encode_step import EncodeStep
from dataflows.engine.learn_step import LearnLogic
from dataflows.engine.protocols import Model
from dataflows.engine.shard import Engine
from dataflows.engine.shards import Engines
from dataflows.lifecycle.bytewax_errors import hushing
from dataflows.state.outbox import Out

NAME = "penchant"
STEPS = ("wake", "records", "encode", "arrivals", "learn", "messages", "out")
"""The ids of the steps; they name metrics, so a change is a change for users."""

M = TypeVar("M", bound=Model)
Keyed = tuple[str, Batch]


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


def build_flow(
    source: Source[Any],
    sink: Sink[Out],
    encode: EncodeStep,
    engines: Engines[M],
    epoch: timedelta = timedelta(seconds=1),
    committed: Callable[[Engine[M]], None] | None = None,
) -> Dataflow:
    """Wire the steps. Run it with the same `epoch` as Bytewax's epoch interval.

    `source` gives `dataflows.engine.encode_step.Arrived`. `committed` is called with each shard
    after it has stored its state.
    """
    flow = Dataflow(NAME)
    wake = op.input("wake", flow, WakeSource(engines.shards))
    records = op.input("records", flow, source)
    encoded = op.flat_map_batch("encode", records, hushing(encode))
    arrivals = op.merge("arrivals", wake, encoded)
    learnt = op.stateful_batch("learn", arrivals, lambda _: LearnLogic(engines, epoch, committed))
    without_keys = partial(map, itemgetter(1))
    messages = op.flat_map_batch("messages", learnt, without_keys)
    op.output("out", messages, sink)
    return flow
