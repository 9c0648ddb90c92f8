"""What leaves the shards of a process, followed: lists that are sent, and how far all is learnt."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence

from dataflows.engine.batch import Batch, EncodedEvent
from dataflows.engine.shard import Engine
from dataflows.messages.events import EventRecord
from dataflows.serve.answers import NotReadyError
from dataflows.serve.changes import ChangeHub
from dataflows.serve.live.beliefs import SentBeliefs
from dataflows.serve.live.handed_out import HandedOut
from dataflows.state.outbox import INTENTS, RECOMMENDATIONS, Out
from learners.online_model import OnlineModel
from learners.signals.undo import hash32

MOST_TYPES = 1_000
"""Types of events whose names are remembered for histories."""


class Following:
    """Follows the shards (`dataflows.engine.flow.Follow`): called in the thread of the flow.

    Lists go to those who follow changes (`hub`), in the order in which they are sent, and are
    remembered in `handed_out` as they are; what is believed of users is in `beliefs`. `now` is
    the newest time of an event (seconds since 1970), 0 before the first; `taken_at` is when the
    last micro-batch was learnt, by `clock`.
    """

    def __init__(
        self, hub: ChangeHub, handed_out: HandedOut, clock: Callable[[], float] = time.time
    ) -> None:
        self.hub = hub
        self.handed_out = handed_out
        self.beliefs = SentBeliefs()
        self.now = 0.0
        self.taken_at: float | None = None
        self._clock = clock
        self._types: set[str] = set()
        self._types_by_mark: dict[int, str] = {}
        self._unstored: dict[int, float] = {}
        self._on_its_way: dict[int, tuple[Engine[OnlineModel], float]] = {}
        self._waiting: Counter[int] = Counter()
        self._conditions: dict[int, threading.Condition] = {}
        self._is_closed = False

    def __call__(
        self, engine: Engine[OnlineModel], batch: Batch | None, outs: Sequence[Out]
    ) -> None:
        """Take in what a shard made of a micro-batch, None: of what was not waited for."""
        if batch is not None and batch.records:
            self.taken_at = self._clock()
            self._unstored.setdefault(engine.shard, self.taken_at)
            for record in batch.records:
                if isinstance(record, EncodedEvent):
                    self._note(record.event)
        for out in outs:
            if out.key is None or out.value is None:
                continue
            if out.topic == RECOMMENDATIONS:
                user_id = out.key.decode()
                self.handed_out.sent.put(user_id, out.value)
                self.hub.publish(user_id, out.value)
            elif out.topic == INTENTS:
                self.beliefs.put(out.key, out.value)
        self._wake(engine)

    def type_of(self, mark: int) -> str | None:
        """Return the type of event that a history marks so, None where none came since the start.

        Histories keep `learners.signals.undo.hash32` of it.
        """
        return self._types_by_mark.get(mark)

    def committed(self, engine: Engine[OnlineModel]) -> None:
        """Note that a shard has handed its state over: what it was given before is stored."""
        since = self._unstored.pop(engine.shard, None)
        if since is not None:
            self._on_its_way[engine.shard] = engine, since

    @property
    def unstored_since(self) -> float | None:
        """Since when something that was learnt is not stored; None where all is."""
        on_its_way = dict(self._on_its_way).values()
        given = [since for engine, since in on_its_way if engine.store.is_writing]
        return min([*dict(self._unstored).values(), *given], default=None)

    def wait(self, engine: Engine[OnlineModel], position: tuple[str, int], seconds: float) -> None:
        """Return once a shard is behind the record at a position (partition, offset).

        Raises NotReadyError where that takes longer than `seconds`, or the process ends.
        """
        partition, offset = position
        condition = self._condition(engine)
        with condition:
            self._waiting[engine.shard] += 1  # before the position is looked at: see `_wake`
            try:
                is_there = condition.wait_for(
                    lambda: self._is_closed or engine.positions.get(partition, 0) > offset, seconds
                )
            finally:
                self._waiting[engine.shard] -= 1
        if self._is_closed:
            raise NotReadyError("this process is stopping; what was taken will be learnt")
        if not is_there:
            raise NotReadyError(
                f"record {offset} of {partition} is not learnt after {seconds:g} s; ask for the "
                "list again in a moment"
            )

    def close(self, engines: Sequence[Engine[OnlineModel]]) -> None:
        """Let nobody wait any longer."""
        self._is_closed = True
        for engine in engines:
            self._wake(engine)

    def _note(self, event: EventRecord) -> None:
        self.now = max(self.now, event.ts)
        if event.type not in self._types and len(self._types) < MOST_TYPES:
            self._types.add(event.type)
            self._types_by_mark[hash32(event.type)] = event.type

    def _condition(self, engine: Engine[OnlineModel]) -> threading.Condition:
        return self._conditions.setdefault(engine.shard, threading.Condition())

    def _wake(self, engine: Engine[OnlineModel]) -> None:
        if self._waiting[engine.shard]:  # who begins to wait now sees the new position
            condition = self._condition(engine)
            with condition:
                condition.notify_all()
