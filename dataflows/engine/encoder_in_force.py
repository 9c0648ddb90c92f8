"""Which encoder a shard's vectors are of, and how others are brought into its space.

Vectors of two versions are never compared. What a batch or the store holds of another version
is encoded anew where its encoder is at hand, else it goes without a vector; both are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

import msgspec

from dataflows.engine.batch import Batch, Encoded, EncodedEvent, EncodedItem, Switch
from dataflows.engine.item_store import StoredItem, read_item
from dataflows.engine.model_version import with_prior
from dataflows.messages.outgoing import Versions
from dataflows.state.records import Records
from dataflows.state.store import Store
from encoders.base import Encoder
from encoders.text import encode_optional
from learners.codec import decode
from learners.types import Vector

KIND_VERSIONS = "versions"
_AT_ONCE = 64  # stored items that are read, and encoded anew, together


class InForce(msgspec.Struct, frozen=True):
    """What made the state of a shard.

    `encoder` and `model` are the fingerprints that lists carry; `version` is the encoder's id
    in the registry, "" for the configured one, and `sequence` the number of the promotion
    that put it in force. `base` is the name of the configured encoder, and `base_encoder`
    its fingerprint.
    """

    encoder: str
    model: str
    version: str = ""
    sequence: int = -1
    base: str = ""
    base_encoder: str = ""

    @property
    def versions(self) -> Versions:
        """What messages carry."""
        return Versions(self.encoder, self.model)

    def after(self, switch: Switch) -> InForce:
        """Return what is in force from a switch on."""
        return msgspec.structs.replace(
            self,
            encoder=switch.encoder,
            version=switch.version,
            sequence=max(switch.sequence, self.sequence),
        )

    @property
    def switch(self) -> Switch:
        """The marker that leads here."""
        return Switch(self.version, self.encoder, self.sequence)


def read_in_force(store: Records) -> InForce | None:
    """Return what a shard's state says, None where nothing was stored yet."""
    blob = store.get(KIND_VERSIONS, "")
    return None if blob is None else decode(blob, InForce)


def newest_in_force(folder: Path, shards: int) -> InForce | None:
    """Return the newest of all shards: a kill may have left some of them a switch behind."""
    found = []
    for shard in range(shards):
        store = Store.reader(folder, shard)
        if store is not None:
            with closing(store):
                found.append(read_in_force(store))
    known = [one for one in found if one is not None]
    return max(known, key=lambda one: one.sequence, default=None)


class EncoderSpace:
    """What is `in_force` in a shard, and the `encoder` at hand, which should be that one."""

    def __init__(self, in_force: InForce, encoder: Encoder | None, counts: Counter[str]) -> None:
        self.in_force = in_force
        self.encoder = encoder
        self._counts = counts

    def begin(self, prior: str | None) -> Versions:
        """Note which prior weights the model began with; return the versions with them."""
        model = with_prior(self.in_force.model, prior)
        self.in_force = msgspec.structs.replace(self.in_force, model=model)
        return self.in_force.versions

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
