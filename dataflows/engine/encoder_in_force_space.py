"""In which encoder's space a shard is, and how what comes from another one is brought into it.

Vectors of two versions are never compared. What a batch or the store holds of another version
is encoded anew where its encoder is at hand, else it goes without a vector; both are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import msgspec

from dataflows.engine.batch import Batch, Encoded, EncodedEvent, EncodedItem
from dataflows.engine.encoder_in_force import InForce
from dataflows.engine.item_store import StoredItem, read_item
from encoders.base import Encoder
from encoders.base_optional import encode_optional
from learners.types import Vector

_AT_ONCE = 64


class Space:
    """What is `in_force` in a shard, and the `encoder` at hand, which should be that one."""

    def __init__(self, in_force: InForce, encoder: Encoder | None, counts: Counter[str]) -> None:
        self.in_force = in_force
        self.encoder = encoder
        self._counts = counts

    def fit(self, batch: Batch) -> Sequence[Encoded]:
        """Return the records of a batch with vectors of this space alone."""
        if batch.encoder in ("", self.in_force.encoder):
            return batch.records
        places = [
            place
            for place, record in enumerate(batch.records)
            if isinstance(record, EncodedEvent | EncodedItem) and record.vector is not None
        ]
        records = list(batch.records)
        texts = [getattr(records[place], "text", None) for place in places]
        for place, vector in zip(places, self._encoded(texts), strict=True):
            records[place] = msgspec.structs.replace(records[place], vector=vector)
        return records

    def items(self, stored: Iterable[tuple[str, bytes]]) -> Iterator[tuple[StoredItem, bool]]:
        """Yield stored items with vectors of this space, and whether the store has others.

        Raises `learners.codec.StateError` where one is damaged.
        """
        blobs = iter(stored)
        while items := [read_item(blob) for _, blob in islice(blobs, _AT_ONCE)]:
            other = [one for one in items if one.encoder != self.in_force.encoder]
            vectors = iter(self._encoded([one.text for one in other]))
            for one in items:
                if one.encoder == self.in_force.encoder:
                    yield one, False
                else:
                    yield msgspec.structs.replace(one, vector=next(vectors)), True

    def _encoded(self, texts: Sequence[str | None]) -> Sequence[Vector | None]:
        if self.encoder is None or self.encoder.version != self.in_force.encoder:
            self._counts["vectors_dropped"] += len(texts)
            return [None] * len(texts)
        self._counts["vectors_encoded_anew"] += len(texts)
        return encode_optional(self.encoder, texts)
