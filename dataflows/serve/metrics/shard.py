"""The figures of a shard as of one moment, read under its lock; nothing is scanned for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec

from dataflows.config.config import Config
from dataflows.engine.encoder_in_force import InForce
from dataflows.engine.shard import Engine
from dataflows.engine.shards import Engines
from dataflows.state.feedback import FeedbackCounts
from dataflows.state.ledger import OUTCOMES
from dataflows.state.shard_files import database_size
from dataflows.state.store import store_path
from learners.drift import HIT, INTENT_LOSS, Alarm
from learners.online_model import OnlineModel

PATIENCE = 0.25
"""Seconds to wait for a shard that is in the middle of a batch, before its last figures do."""


class Room(msgspec.Struct, frozen=True):
    """How much of a limit is used. `name` is that of the setting."""

    name: str
    used: int
    limit: int


class ShardFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What one shard had at `time` (of the monotonic clock, in seconds).

    `ledger` is that of `Ledger.as_dict`, `counts` those of the engine since the start. `hit` and
    `loss` are means since the last drift, None before anything was judged; `alarms` the newest,
    the oldest first, and `drift` how many there were of each signal.
    """

    time: float
    shard: int
    positions: Mapping[str, int]
    ledger: Mapping[str, Any]
    counts: Mapping[str, int]
    learnt: int
    outbox: int
    users: int
    items: int
    available: int
    labels: int
    hit: float | None
    loss: float | None
    drift: Mapping[str, int]
    alarms: tuple[Alarm, ...]
    in_force: InForce
    rooms: tuple[Room, ...]
    feedback: FeedbackCounts

    def outcomes(self, partition: str) -> list[tuple[str, str, int]]:
        """Return (outcome, reason, how many) of a partition; the reason is "" where there is none.

        Every outcome is there, so that one which did not come yet is 0.
        """
        page = self.ledger["partitions"][partition]
        found: list[tuple[str, str, int]] = []
        for outcome in OUTCOMES:
            reasons = page["reasons"].get(outcome, {})
            found.append((outcome, "", page[outcome] - sum(reasons.values())))
            found += [(outcome, reason, count) for reason, count in reasons.items()]
        return found


def read_shard(engine: Engine[OnlineModel], config: Config, now: float) -> ShardFigures:
    """Return the figures of a shard; its lock must be held."""
    model, drift = engine.model, engine.model.drift
    items = model.signals.items
    return ShardFigures(
        time=now,
        shard=engine.shard,
        positions=dict(engine.positions),
        ledger=engine.ledger.as_dict(),
        counts=dict(engine.counts),
        learnt=engine.learnt,
        outbox=len(engine.outbox),
        users=len(model.users),
        items=len(items),
        available=int(items.available[: len(items)].sum()),
        labels=len(model.tracker.stated.labels),
        hit=drift.mean(HIT) if drift.width(HIT) else None,
        loss=drift.mean(INTENT_LOSS) if drift.width(INTENT_LOSS) else None,
        drift=dict(drift.counts),
        alarms=tuple(drift.alarms),
        in_force=engine.space.in_force,
        rooms=_rooms(engine, config),
        feedback=deepcopy(engine.feedback),
    )


def _rooms(engine: Engine[OnlineModel], config: Config) -> tuple[Room, ...]:
    model, learner = engine.model, engine.model.settings
    ids, rates = engine.cleaner.remembered
    rooms = (
        Room("learner.users_in_memory", len(model.users), learner.users_in_memory),
        Room("learner.intent_pending", len(model.tracker.buffer), learner.intent_pending),
        Room("state.served_users", len(engine.last_sent), config.state.served_users),
        Room("state.refresh_items", len(engine.refresher), config.state.refresh_items),
        Room("clean.remembered_ids", ids, config.clean.remembered_ids),
        Room("clean.bot_users", rates, config.clean.bot_users),
    )
    return tuple(room for room in rooms if room.limit)


class ShardReadings:
    """Reads the open shards of a process; of one that is at work what it had before."""

    def __init__(
        self,
        engines: Engines[OnlineModel],
        config: Config,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engines = engines
        self._config = config
        self._clock = clock
        self._last: dict[int, ShardFigures] = {}

    def read(self, patience: float = PATIENCE) -> list[ShardFigures]:
        """Return the figures of each open shard, waiting so many seconds for one that is at work.

        A shard that was never read is left out until it can be.
        """
        for engine in self._engines.open_now():
            if engine.lock.acquire(timeout=patience):
                try:
                    self._last[engine.shard] = read_shard(engine, self._config, self._clock())
                finally:
                    engine.lock.release()
        return [self._last[shard] for shard in sorted(self._last)]

    def age(self, figures: ShardFigures) -> float:
        """Return how many seconds ago figures were read."""
        return max(0.0, self._clock() - figures.time)

    def state_bytes(self, shard: int) -> int:
        """Return the size of the store of a shard."""
        return database_size(store_path(Path(self._config.state.path), shard))
