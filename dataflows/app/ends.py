"""The ends of a process's flow: where records come from, and where messages go to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

from bytewax.inputs import Source
from bytewax.outputs import Sink

from dataflows.config.config import Config
from dataflows.connectors.files.configured import file_source
from dataflows.connectors.files.sink import FileSink
from dataflows.connectors.micro_batches import Portions
from dataflows.engine.encode_step import EncodeStep
from dataflows.engine.item_store import stored_items
from dataflows.serve.traces import EventTraces
from dataflows.state.outbox import NARRATIVES, Acknowledge, Out
from dataflows.state.positions import Progress


class KafkaSide(Protocol):
    """One side of Kafka: whether the broker answers it, and what it counted."""

    @property
    def name(self) -> str:
        """Return `source` or `sink`."""
        ...

    @property
    def is_good(self) -> bool:
        """Return whether all that was asked is answered."""
        ...

    @property
    def reason(self) -> str | None:
        """Return why it does not answer, None where it does."""
        ...

    @property
    def counts(self) -> Counter[str]:
        """Return what happened since the start, by its word."""
        ...


@dataclass(frozen=True)
class FlowEnds:
    """Where records come from and messages go to, and what that needs around the flow.

    `lag` says how much of the input is unread, `unread` how much by partition, in `unit`;
    `underway` counts the messages that the broker has yet to confirm. `sides` are those of Kafka.
    """

    source: Source[Any]
    sink: Sink[Out]
    lag: Callable[[], str]
    unread: Callable[[], Mapping[str, int]]
    unit: Literal["records", "bytes"] = "bytes"
    underway: Callable[[], int] = lambda: 0
    sides: tuple[KafkaSide, ...] = ()
    before_state: tuple[Callable[[], object], ...] = ()
    openers: tuple[Callable[[], object], ...] = ()
    after_flow: tuple[Callable[[], object], ...] = ()
    after_state: tuple[Callable[[], object], ...] = ()
    reopen: Callable[[], object] | None = None


def open_ends(
    config: Config,
    progress: Progress,
    stop: Callable[[], bool],
    acknowledge: Acknowledge,
    encode: EncodeStep,
    *,
    accept_items: bool,
    traces: EventTraces | None = None,
) -> FlowEnds:
    """Return the ends that the configuration names; nothing of them is opened yet.

    `stop` is asked by the source, `traces` told what was delivered. With `accept_items` an items
    file is the catalogue, whatever it lacks. Raises InputError.
    """
    if traces is not None:
        acknowledge = traces.acknowledging(acknowledge)
    if config.flow.source == "kafka":
        return _kafka_ends(config, progress, stop, acknowledge, encode, traces)
    stored = partial(stored_items, Path(config.state.path), config.state.shards)
    source = file_source(config, progress, stop, stored, accept_items=accept_items)
    sink = FileSink(Path(config.files.output), acknowledge)
    # Files that are refused leave the state as it is: no shard is opened, or closed, for them.
    return FlowEnds(
        source,
        sink,
        lambda: f"{source.unread():,} bytes unread",
        lambda: {Path(config.files.events).name: source.unread()},
        before_state=(source.open,),
        after_state=(source.close, source.check_whole),
        reopen=sink.reopen,
    )


def _kafka_ends(
    config: Config,
    progress: Progress,
    stop: Callable[[], bool],
    acknowledge: Acknowledge,
    encode: EncodeStep,
    traces: EventTraces | None,
) -> FlowEnds:
    from dataflows.connectors.kafka.health import describe_health
    from dataflows.connectors.kafka.permissions import RightsCheck
    from dataflows.connectors.kafka.sink import ALWAYS, KafkaSink
    from dataflows.connectors.kafka.source import KafkaSource
    from dataflows.lifecycle.deadline import Deadline

    deadline = Deadline(config.kafka.flush_seconds, stop)
    portions = Portions(
        encode.render,
        lambda: encode.tokens_per_second,
        seconds=config.encoder.batch_seconds,
        records=min(config.most_at_once(config.kafka.batch_size), config.kafka.prefetch_messages),
    )
    skew = config.clean.max_skew
    source = KafkaSource(config.kafka, progress, stop, deadline, portions, encode.decode, skew)
    roles = (*ALWAYS, NARRATIVES) if config.generate.narratives else ALWAYS
    RightsCheck(config.kafka, writes=roles).ask()
    sink = KafkaSink(config.kafka, acknowledge, stop, roles, deadline)
    if traces is not None:
        source.reads_traces, sink.context = True, traces.context

    def lag() -> str:
        unread = source.lag()
        far = f"lag {sum(unread.values()):,} records" if unread else "lag not yet known"
        parts = (
            far,
            portions.summary(),
            describe_health(source.health),
            describe_health(sink.health),
        )
        return "; ".join(filter(None, parts))

    sides = (source.health, sink.health)
    return FlowEnds(
        *(source, sink, lag, source.lag, "records", sink.underway, sides),
        openers=(source.open, sink.open),
        after_flow=(sink.finish,),
        after_state=(source.finish,),
    )
