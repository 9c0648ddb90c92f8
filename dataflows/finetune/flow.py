"""The fine-tuning dataflow: the same source, decoded and cleaned as live, gathered into windows.

Reading never waits for a round: rounds are done by the worker (`rounds.scheduler`), each in a
process of its own, and the last step only wakes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import DynamicSink, StatelessSinkPartition

from dataflows.config.events import EventSettings
from dataflows.finetune.window.collect import Arrived, Collector
from dataflows.finetune.window.kept import DueWindow
from dataflows.lifecycle.bytewax_errors import hushing
from dataflows.messages.events import decode_event
from dataflows.messages.items import decode_item
from dataflows.messages.raw import Raw

NAME = "penchant-finetune"
STEPS = ("records", "decode", "collect", "dues", "rounds")
"""The ids of the steps; they name metrics, so a change is a change for users."""
KEY = "all"


class DecodeStep:
    """Decodes a micro-batch; what cannot be decoded travels on as a `Reject`, to be counted.

    `arrived` is called for each micro-batch that holds anything.
    """

    def __init__(
        self, settings: EventSettings, items_topic: str, arrived: Callable[[int], None]
    ) -> None:
        self._settings = settings
        self._items_topic = items_topic
        self._arrived = arrived

    @hushing
    def __call__(self, raws: Sequence[Raw]) -> Iterator[tuple[str, list[Arrived]]]:
        """Yield one batch, all under one key: a window is of all users."""
        if raws:
            self._arrived(sum(not raw.is_mark for raw in raws))
            yield KEY, [self._decode(raw) for raw in raws]

    def _decode(self, raw: Raw) -> Arrived:
        if raw.is_mark:
            return Arrived(raw, None)
        if raw.topic == self._items_topic:
            return Arrived(raw, decode_item(raw, self._settings))
        return Arrived(raw, decode_event(raw, self._settings))


class CollectLogic(StatefulBatchLogic[list[Arrived], DueWindow, None]):
    """The collector as Bytewax sees it; Bytewax keeps nothing of it.

    `stored` is called after each commit.
    """

    def __init__(self, collector: Collector, stored: Callable[[], None]) -> None:
        self._collector = collector
        self._stored = stored

    @hushing
    def on_batch(self, values: list[list[Arrived]]) -> tuple[Iterable[DueWindow], bool]:
        """Collect micro-batches; return the windows that closed."""
        closed = [due for arrived in values for due in self._collector.take(arrived)]
        return closed, self.RETAIN

    @hushing
    def snapshot(self) -> None:
        """Write the state in one transaction."""
        self._collector.commit()
        self._stored()


class _Waker(StatelessSinkPartition[DueWindow]):
    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def write_batch(self, items: list[DueWindow]) -> None:  # noqa: ARG002 - they lie in the store
        self._wake()


class RoundSink(DynamicSink[DueWindow]):
    """Wakes the worker when a window has closed; it finds the window in the store."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Waker:  # noqa: ARG002
        """Return what Bytewax asks for."""
        return _Waker(self._wake)


def build_tuning_flow(
    source: Source[Raw],
    decode: DecodeStep,
    collector: Collector,
    wake: Callable[[], None],
    stored: Callable[[], None] = lambda: None,
) -> Dataflow:
    """Wire the steps. `stored` is called after each commit, `wake` when a window has closed."""
    flow = Dataflow(NAME)
    records = op.input("records", flow, source)
    decoded = op.flat_map_batch("decode", records, decode)
    closed = op.stateful_batch("collect", decoded, lambda _: CollectLogic(collector, stored))
    dues = op.flat_map_batch("dues", closed, _without_keys)
    op.output("rounds", dues, RoundSink(wake))
    return flow


def _without_keys(keyed: Sequence[tuple[str, DueWindow]]) -> list[DueWindow]:
    return [due for _, due in keyed]
