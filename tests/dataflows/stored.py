"""What a stored state says, read beside whoever has it open."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from dataflows.state.ledger import Ledger
from dataflows.state.store import Store


def stored_ledger(state: Path, shard: int = 0) -> Ledger:
    """Read the ledger of a shard from its state folder; there must be one."""
    store = Store.reader(state, shard)
    assert store is not None
    with closing(store):
        found = Ledger()
        found.restore(store.get, store.scan)
    return found
