"""The learn step as Bytewax sees it: a thin wrapper around the engines."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from bytewax.operators import StatefulBatchLogic

from dataflows.engine.batch import Batch
from dataflows.engine.protocols import Model
from dataflows.engine.shard import Engine
from dataflows.engine.shards import Engines
from dataflows.lifecycle.bytewax_errors import hushing
from dataflows.state.outbox import Out

M = TypeVar("M", bound=Model)


class LearnLogic(StatefulBatchLogic[Batch, Out, None], Generic[M]):
    """The logic of one key, which is one shard; Bytewax keeps nothing of it.

    Bytewax calls `snapshot` at the end of each epoch in which the key was awake: that is
    when the shard commits. While messages wait to be acknowledged the key wakes once per
    epoch, so that their delivery is stored in a quiet stream too; and while a language model
    is at work, so that what it says does not wait for another event. `committed` is called
    with the shard after each commit.
    """

    def __init__(
        self,
        engines: Engines[M],
        epoch: timedelta,
        committed: Callable[[Engine[M]], None] | None = None,
    ) -> None:
        self._engines = engines
        self._epoch = epoch
        self._committed = committed
        self._engine: Engine[M] | None = None

    @hushing
    def on_batch(self, values: list[Batch]) -> tuple[Iterable[Out], bool]:
        """Learn micro-batches."""
        outs: list[Out] = []
        for batch in values:
            if self._engine is None:
                self._engine = self._engines[batch.shard]
            outs += self._engine.process(batch)
        return outs, self.RETAIN

    @hushing
    def on_notify(self) -> tuple[Iterable[Out], bool]:
        """Send what was answered while no event came."""
        return [] if self._engine is None else self._engine.take_up(), self.RETAIN

    @hushing
    def on_eof(self) -> tuple[Iterable[Out], bool]:
        """Send what was still to come of a finite input."""
        return [] if self._engine is None else self._engine.finish(), self.RETAIN

    def notify_at(self) -> datetime | None:
        """Wake in an epoch's time where there is something to store, or to take up."""
        engine = self._engine
        if engine is None or not (engine.outbox.is_unsettled or engine.is_awaited):
            return None
        return datetime.now(UTC) + self._epoch

    @hushing
    def snapshot(self) -> None:
        """Write the shard's state in one transaction."""
        if self._engine is not None:
            self._engine.commit()
            if self._committed is not None:
                self._committed(self._engine)
