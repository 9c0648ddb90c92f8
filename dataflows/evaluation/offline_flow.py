"""A log played through the flow that runs live: other ends, state in memory, an observer."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import TypeVar

import msgspec
from bytewax.inputs import DynamicSource, StatelessSourcePartition
from bytewax.outputs import DynamicSink, Sink, StatelessSinkPartition
from bytewax.run import cli_main

from dataflows.config.config import Config
from dataflows.connectors.files.line_reader import LineReader
from dataflows.engine.batch import Turns
from dataflows.engine.catalogue.known_items import Joined
from dataflows.engine.cleaning.cleaner import Cleaner
from dataflows.engine.encode_step import EncodeStep
from dataflows.engine.encoder_in_force import InForce, model_version
from dataflows.engine.flow import build_flow
from dataflows.engine.item_store import Catalogue
from dataflows.engine.list_refresher import ListSettings
from dataflows.engine.prior_weights import open_prior, open_signals
from dataflows.engine.protocols import LlmHooks, Observer, SwitchPreparer
from dataflows.engine.shard import Engine
from dataflows.engine.shard_parts import ShardParts
from dataflows.engine.shards import Engines
from dataflows.errors import InputError
from dataflows.evaluation.timing import Pace
from dataflows.lifecycle.bytewax_errors import hushed, hushing
from dataflows.lifecycle.stop_signals import stopped_by_signals
from dataflows.messages.decisions import DecisionReader
from dataflows.messages.raw import EVENTS, ITEMS, Raw
from dataflows.rules.in_force import open_rules
from dataflows.state.outbox import Acknowledge, Out
from dataflows.state.records import MemoryStore, Records
from encoders.base import Encoder
from learners.online_model import OnlineModel

T = TypeVar("T")


def open_engine(
    config: Config,
    encoder: Encoder,
    observer: Observer[OnlineModel] | None = None,
    store: Records | None = None,
    generation: LlmHooks | None = None,
    reencodings: SwitchPreparer | None = None,
) -> Engine[OnlineModel]:
    """Open one shard, with its state in memory unless another store is given."""
    settings = msgspec.structs.replace(config.learner, dim=encoder.dim)
    store = MemoryStore() if store is None else store
    model = OnlineModel(settings, store.get, open_prior(settings), open_signals(settings))
    open_rules(config).prepare(model)
    return Engine(
        store,
        model,
        Cleaner(config.clean),
        InForce(encoder.version, model_version(settings), base_encoder=encoder.version),
        ShardParts(
            lists=ListSettings.of(config.state, lambda: False),
            encoder=encoder,
            reencodings=reencodings,
            observers=() if observer is None else (observer,),
            hooks=() if generation is None else (generation,),
        ),
    )


def play(
    config: Config,
    source: PlaySource,
    sink: Callable[[Acknowledge], Sink[Out]],
    engine: Engine[OnlineModel],
    encoder: Encoder,
    catalogue: Catalogue | None = None,
    turns: Turns | None = None,
    decisions: DecisionReader | None = None,
) -> Joined:
    """Run the flow to the end of the source. What a step raises stands in the chain of causes.

    Returns how many items of the events the catalogue knows. Give the same `catalogue` to play
    on where an earlier play ended. `turns` says when another encoder takes over, `decisions`
    what is taken for somebody's decision. Raises KeyboardInterrupt at Ctrl-C, once the
    micro-batch at hand is done: raised in a step, it would come up through the engine as a
    panic.
    """
    engines = Engines(lambda _: engine)
    titles = Catalogue(None, encoder.version) if catalogue is None else catalogue
    encode = EncodeStep(encoder, config.events, titles, turns=turns, decisions=decisions)
    epoch = timedelta(seconds=config.flow.epoch_seconds)
    flow = build_flow(source, sink(engines.acknowledge), encode, engines, epoch)
    with stopped_by_signals(source.stop, (signal.SIGINT,)), hushed():
        cli_main(flow, epoch_interval=epoch)  # type: ignore[no-untyped-call]
    if source.stop.is_set():
        raise KeyboardInterrupt
    return encode.joined


class _Batches(StatelessSourcePartition[Raw]):
    def __init__(self, batches: Iterator[list[Raw]], pace: Pace, stop: threading.Event) -> None:
        self._batches = batches
        self._pace = pace
        self._stop = stop

    @hushing
    def next_batch(self) -> list[Raw]:
        if self._stop.is_set():
            raise StopIteration
        batch = next(self._batches)
        events = [raw.next_offset for raw in batch if raw.topic == EVENTS]
        if events:
            self._pace.leave(events[-1], len(events))
        return batch


class PlaySource(DynamicSource[Raw]):
    """Micro-batches as they are given, from the first worker; `pace` is called when each leaves.

    It ends early once `stop` is set.
    """

    def __init__(self, batches: Iterable[list[Raw]], pace: Pace) -> None:
        self.stop = threading.Event()
        self._batches = iter(batches)
        self._pace = pace

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Batches:  # noqa: ARG002
        """Return the whole log for the first worker, nothing for others."""
        batches = self._batches if worker_index == 0 else iter(())
        return _Batches(batches, self._pace, self.stop)


class _Delivered(StatelessSinkPartition[Out]):
    def __init__(self, acknowledge: Acknowledge) -> None:
        self._acknowledge = acknowledge

    def write_batch(self, items: list[Out]) -> None:
        for out in items:
            self._acknowledge(out.number)


class NowhereSink(DynamicSink[Out]):
    """Takes every message for delivered, and keeps none."""

    def __init__(self, acknowledge: Acknowledge) -> None:
        self._acknowledge = acknowledge

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Delivered:  # noqa: ARG002
        """Return the end of one worker."""
        return _Delivered(self._acknowledge)


def catalogue_records(path: Path | None, max_bytes: int) -> Iterator[Raw]:
    """Return the records of a catalogue file, none without one. Raises InputError at once."""
    if path is None:
        return iter(())
    reader = LineReader(path, ITEMS, f"{path.name} ({ITEMS})", max_bytes=max_bytes)
    try:
        reader.source.check_shape()
    except InputError:
        reader.close()
        raise
    return _closing(reader)


def _closing(reader: LineReader) -> Iterator[Raw]:
    with closing(reader):
        yield from reader.records()
        reader.tell_torn()


def batched(records: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut into lists of `size`, the last one shorter."""
    rest = iter(records)
    while batch := list(islice(rest, size)):
        yield batch
