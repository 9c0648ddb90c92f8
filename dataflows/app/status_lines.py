"""How a running process is, in a few lines: what each shard holds, how far it is, what serves."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from dataflows.engine.shard import Engine
from dataflows.engine.shards import Engines
from dataflows.state.ledger import OUTCOMES
from dataflows.state.shard_files import database_size
from dataflows.state.store import store_path
from learners.online_model import OnlineModel

PATIENCE = 2.0
"""Seconds to wait for a shard that is in the middle of a batch."""


class StateLines:
    """The lines of the status, from any thread, also while shards are at work or are being opened.

    `about` says what runs, `lag` how much of the input is still to be read, `last` what the
    figures were at the last commit.
    """

    def __init__(
        self,
        about: str,
        folder: Path,
        engines: Engines[OnlineModel],
        lag: Callable[[], str],
        last: Callable[[], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._about = about
        self._folder = folder
        self._engines = engines
        self._lag = lag
        self._last = last
        self._clock = clock
        self._began = clock()

    def __call__(self) -> Iterator[str]:
        """Yield a line about the process, one about all shards, one for each open shard."""
        up = self._clock() - self._began
        yield f"process {os.getpid()}, up for {up:,.1f} s: {self._about}; {self._lag()}"
        yield f"as of the last commit {self._last()}"
        for engine in self._engines.open_now():
            yield self._of(engine)

    def _of(self, engine: Engine[OnlineModel]) -> str:
        name = f"shard {engine.shard}"
        if not engine.lock.acquire(timeout=PATIENCE):
            return f"{name} is in the middle of a batch, or being made ready for another encoder"
        try:
            size = database_size(store_path(self._folder, engine.shard))
            return f"{name}: {_figures(engine)}; {size:,} bytes stored"
        finally:
            engine.lock.release()


def _figures(engine: Engine[OnlineModel]) -> str:
    ledger = engine.ledger.as_dict()
    became = " + ".join(f"{ledger[name]:,} {name.replace('_', ' ')}" for name in OUTCOMES)
    items = engine.model.signals.items
    available = int(items.available[: len(items)].sum())
    serves = engine.space.in_force
    positions = ", ".join(f"{at:,} in {name}" for name, at in sorted(engine.positions.items()))
    return (
        f"{ledger['in']:,} records in = {became}; "
        f"{engine.learnt:,} events learnt, {engine.counts['lists_sent']:,} lists sent since the "
        f"start{_refreshed(engine)}, {len(engine.outbox):,} messages not yet delivered; "
        f"{len(items):,} items known ({available:,} available), "
        f"{len(engine.model.users):,} users loaded; "
        f"encoder {serves.encoder} ({serves.version or 'the configured one'}), "
        f"model {serves.model}; "
        f"positions {positions or 'none'}"
    )


def _refreshed(engine: Engine[OnlineModel]) -> str:
    made, left = engine.counts["lists_refreshed"], len(engine.refresher)
    apart = f", {made:,} made anew for changed items" if made else ""
    return f"{apart}, lists yet to be looked through for {left:,} items" if left else apart
