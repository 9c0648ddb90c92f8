"""`penchant state check`: a state looked through whole, beside a running process or without one.

Every page of each database is looked at by SQLite (`integrity_check`, which does what
`quick_check` does and holds indexes against their tables), every record against its checksum,
and whether it decodes: the bookkeeping as what it is, all else as plain msgpack. All as of one
commit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec

from dataflows.engine.encoder_in_force import KIND_VERSIONS, InForce
from dataflows.engine.item_store import KIND as KIND_ITEM
from dataflows.engine.item_store import read_item
from dataflows.engine.status.end_note import KIND_ENDED
from dataflows.engine.status.progress import KIND_LEARNT, KIND_POSITION
from dataflows.errors import InputError, LedgerError
from dataflows.state.damage import damaged_record, is_whole, one_line, unusable
from dataflows.state.ledger import Ledger
from dataflows.state.outbox import KIND_MESSAGE, KIND_NEXT, Out
from dataflows.state.shard_files import is_complete, shards_in, wal_path
from dataflows.state.store import Store, commits_within, store_path
from learners.codec import DamagedError, decode
from learners.record_bytes import RecordBytes

MOST_SHOWN = 10
"""So many of a shard's damages are shown one by one, the rest as a number."""

_TYPED: dict[str, Callable[[bytes], object]] = {
    KIND_POSITION: lambda blob: decode(blob, int),
    KIND_LEARNT: lambda blob: decode(blob, int),
    KIND_NEXT: lambda blob: decode(blob, int),
    KIND_VERSIONS: lambda blob: decode(blob, InForce),
    KIND_MESSAGE: lambda blob: decode(blob, Out),
    KIND_ITEM: read_item,
    KIND_ENDED: lambda blob: blob,
}


class KindSize(msgspec.Struct):
    """How much a shard holds of one kind: records, their bytes, and how many have a checksum."""

    records: int = 0
    bytes: int = 0
    summed: int = 0


class ShardCheck(msgspec.Struct):
    """What was seen of one database. `damages` are lines for a person; `more` were not shown."""

    file: str
    bytes: int = 0
    commits: int = 0
    is_marked: bool = False
    kinds: dict[str, KindSize] = {}
    damages: list[str] = []
    more: int = 0

    def tell(self, damage: str) -> None:
        """Note a damage."""
        if len(self.damages) < MOST_SHOWN:
            self.damages.append(damage)
        else:
            self.more += 1


def look(folder: Path) -> list[ShardCheck]:
    """Look through every shard of a state folder. Raises InputError where there is no state."""
    shards = shards_in(folder)
    if not shards:
        raise InputError(f"{folder}: there is no state here yet")
    return [look_at(folder, shard) for shard in shards]


def look_at(folder: Path, shard: int) -> ShardCheck:
    """Look through one database, as far as it can be read."""
    database = store_path(folder, shard)
    looked = ShardCheck(str(database), is_marked=is_complete(database))
    try:
        with closing(view_of(folder, shard)) as view, view.as_of_one_commit() as connection:
            looked.bytes, looked.commits = size_of(database), commits_within(connection)
            for problem in integrity(connection):
                looked.tell(f"{database}: {one_line(problem)}")
            _look_at_records(database, connection, looked)
            _look_at_ledger(view, looked)
    except (InputError, DamagedError) as error:
        looked.tell(str(error))
    except (sqlite3.Error, OSError) as error:
        looked.tell(str(unusable(database, error)))
    return looked


def view_of(folder: Path, shard: int) -> Store:
    """Return a view of a shard that must be there. Raises InputError as `Store.reader` does."""
    view = Store.reader(folder, shard)
    if view is None:
        raise InputError(f"{store_path(folder, shard)}: the file holds no state")
    return view


def integrity(connection: sqlite3.Connection) -> list[str]:
    """Return what SQLite finds wrong with a whole database."""
    rows = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(20)")]
    return [] if rows == ["ok"] else rows


def size_of(database: Path) -> int:
    """Return the bytes of a database, with what is not yet in the file itself."""
    wal = wal_path(database)
    return database.stat().st_size + (wal.stat().st_size if wal.exists() else 0)


def _look_at_records(database: Path, connection: sqlite3.Connection, looked: ShardCheck) -> None:
    for row in connection.execute("SELECT * FROM records"):
        kind, key, value, stored = (*row, None)[:4]
        if not isinstance(kind, str) or not isinstance(key, str):
            looked.tell(f"{database}: a record has no name any more")
            continue
        held = looked.kinds.setdefault(kind, KindSize())
        held.records += 1
        held.summed += stored is not None
        if not isinstance(value, bytes) or not is_whole(kind, key, value, stored):
            looked.tell(str(damaged_record(database, kind, key)))
            continue
        held.bytes += len(value)
        try:
            _TYPED.get(kind, _skipped)(RecordBytes(value, str(database), kind, key))
        except DamagedError as error:
            looked.tell(str(error))


def _skipped(blob: bytes) -> object:
    """Skip a record without building anything of it."""
    return decode(blob, msgspec.Raw)


def _look_at_ledger(view: Store, looked: ShardCheck) -> None:
    ledger = Ledger()
    ledger.restore(view.get, view.scan)
    try:
        ledger.balance()
    except LedgerError as error:
        looked.tell(f"{view.path}: {error}")
