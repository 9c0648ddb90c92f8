"""Those who follow what leaves the shards of a process, put together as the flow calls them."""

from __future__ import annotations

from collections.abc import Sequence

from dataflows.engine.batch import Batch
from dataflows.engine.flow import Follow
from dataflows.engine.shard import Engine
from dataflows.state.outbox import Out
from learners.online_model import OnlineModel


def following(follows: Sequence[Follow[OnlineModel]]) -> Follow[OnlineModel] | None:
    """Return what calls all of them in their order; None where there is none."""
    if len(follows) <= 1:
        return follows[0] if follows else None

    def tell(engine: Engine[OnlineModel], batch: Batch | None, outs: Sequence[Out]) -> None:
        for follow in follows:
            follow(engine, batch, outs)

    return tell
