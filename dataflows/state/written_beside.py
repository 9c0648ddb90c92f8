"""A store whose epochs are written beside the flow: handed over as bytes, written by a thread.

What is handed over is finished: nothing that is learnt later changes it. Until it is in the file,
reads and scans find it before the file, so a user who was evicted is read back as they were. One
transaction is under way at a time. The thread that reads has a connection of its own: SQLite's
write-ahead log lets it read while the other one writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from heapq import merge
from operator import itemgetter
from pathlib import Path

from dataflows.errors import InputError
from dataflows.state.records import Record
from dataflows.state.store import Store

_Kinds = Mapping[str, Mapping[str, bytes | None]]


class WrittenBeside:
    """Records of one shard; `store` writes, and `view` reads what is in the file.

    It is for one thread, but for `refuse`. `failure` is what the last transaction failed with:
    nothing may be said or stored once it is there. `close` closes both.
    """

    def __init__(self, store: Store, view: Store) -> None:
        self.store = store
        self.failure: Exception | None = None
        self._view = view
        self._on_its_way: _Kinds = {}
        self._writing: Future[None] | None = None
        self._thread = ThreadPoolExecutor(1, "state-writer")

    @classmethod
    def open(
        cls, folder: Path, shards: int, shard: int, identity: Mapping[str, str]
    ) -> WrittenBeside:
        """Open or create the store of a shard. Raises InputError as `Store.open` does."""
        store = Store.open(folder, shards, shard, identity)
        try:
            view = Store.reader(folder, shard)
        except BaseException:
            store.close()
            raise
        assert view is not None  # noqa: S101 - for the types: it was made just now
        return cls(store, view)

    @property
    def path(self) -> Path:
        """The path of the database."""
        return self.store.path

    @property
    def is_writing(self) -> bool:
        """Whether a transaction is under way."""
        return self._writing is not None and not self._writing.done()

    def get(self, kind: str, key: str) -> bytes | None:
        """See `Records.get`. Raises InputError for a damaged record."""
        on_its_way = self._on_its_way
        if on_its_way:
            records = on_its_way.get(kind)
            if records is not None and key in records:
                return records[key]
        return self._view.get(kind, key)

    def scan(self, kind: str, start: str = "") -> Iterator[tuple[str, bytes]]:
        """See `Records.scan`. Raises InputError for a damaged record."""
        records = self._on_its_way.get(kind)  # before the file, which may get it meanwhile
        stored = self._view.scan(kind, start)
        if not records:
            return stored
        return _over(records, stored, start)

    def refuse(self, error: InputError) -> None:
        """Write nothing more: the next transaction raises this. Safe from another thread."""
        self.store.refuse(error)

    def commit(self, records: Iterable[Record]) -> None:
        """See `Records.commit`; waits for what is under way, and raises what that failed with."""
        self.settle()
        self.store.commit(records)

    def hand_over(self, records: Iterable[Record], written: Callable[[], object]) -> None:
        """See `Records.hand_over`. Raises what the transaction before failed with."""
        self.settle()
        kinds: dict[str, dict[str, bytes | None]] = {}
        for kind, key, blob in records:
            kinds.setdefault(kind, {})[key] = blob
        if kinds:
            self._on_its_way = kinds
            self._writing = self._thread.submit(self._write, kinds, written)

    def settle(self) -> None:
        """Wait until all that was handed over is in the file. Raises what that failed with."""
        if self._writing is not None:
            self._writing.result()
            self._writing = None

    def close(self) -> None:
        """Close the file, once what is under way is written or has failed."""
        self._thread.shutdown()
        with closing(self.store):
            self._view.close()

    def _write(self, kinds: _Kinds, written: Callable[[], object]) -> None:
        try:
            self.store.commit(
                (kind, key, blob) for kind, of in kinds.items() for key, blob in of.items()
            )
        except Exception as error:
            self.failure = error
            raise
        self._on_its_way = {}
        written()


def _over(
    records: Mapping[str, bytes | None], stored: Iterator[tuple[str, bytes]], start: str
) -> Iterator[tuple[str, bytes]]:
    """Yield what is stored, in the order of keys, with these records in its place."""
    ours = sorted((key, blob) for key, blob in records.items() if key >= start)
    theirs = (each for each in stored if each[0] not in records)
    for key, blob in merge(ours, theirs, key=itemgetter(0)):
        if blob is not None:
            yield key, blob
