"""How far a state is, read before its shards are opened."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from dataflows.engine.status.progress import read_positions
from dataflows.messages.log_ids import KIND as KIND_LOG
from dataflows.messages.raw import LogId, Origin
from dataflows.state.origins import KIND as KIND_ORIGIN
from dataflows.state.origins import read_origins
from dataflows.state.positions import Progress
from dataflows.state.store import Store


def stored_progress(folder: Path, shards: int) -> Progress:
    """Return how far every shard is, as stored; nothing where there is no store."""
    positions: dict[int, dict[str, int]] = {}
    origins: dict[str, Origin] = {}
    logs: dict[str, LogId] = {}
    lowest: dict[str, int] = {}
    for shard in range(shards):
        store = Store.reader(folder, shard)
        if store is None:
            continue
        with closing(store):
            positions[shard] = read_positions(store)
            found = read_origins(store, KIND_ORIGIN, Origin)
            # Of several shards that of the lowest position counts: reading goes on there.
            for name, log in read_origins(store, KIND_LOG, LogId).items():
                mine = positions[shard].get(name, 0)
                if name not in logs or mine < lowest[name]:
                    logs[name], lowest[name] = log, mine
        for partition, origin in found.items():
            if partition not in origins or origins[partition].size < origin.size:
                origins[partition] = origin
    return Progress(positions, shards, origins, logs)
