"""Records of a model in memory: the least that a model can be stored in and restored from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


class RecordTable:
    """Blobs by kind and key, as `OnlineModel.changed` yields them and `restore` reads them."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], bytes] = {}

    def get(self, kind: str, key: str) -> bytes | None:
        """Return a record, None where there is none: the `load` of a model."""
        return self.records.get((kind, key))

    def scan(self, kind: str) -> Iterator[tuple[str, bytes]]:
        """Yield the (key, blob) of a kind in the order of their keys: for `restore`."""
        yield from sorted((key, blob) for (of, key), blob in self.records.items() if of == kind)

    def keep(self, changed: Iterable[tuple[str, str, bytes | None]]) -> None:
        """Put in what changed; None deletes a record."""
        for kind, key, blob in list(changed):
            if blob is None:
                self.records.pop((kind, key), None)
            else:
                self.records[kind, key] = blob

    def count(self, kind: str) -> int:
        """Return how many records there are of a kind."""
        return sum(found == kind for found, _ in self.records)
