"""Which encoder and model are in force in a shard, and how it gets into another encoder's space.

Vectors of two versions are never compared. What a batch or the store holds of another version
is encoded anew where its encoder is at hand, else it goes without a vector; both are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from hashlib import blake2b
from itertools import islice
from pathlib import Path

import msgspec

from dataflows.engine.batch import Batch, Encoded, EncodedEvent, EncodedItem, Switch
from dataflows.engine.item_store import StoredItem, read_item
from dataflows.engine.protocols import PreparedSwitch, Shard, SwitchPreparer
from dataflows.errors import InputError
from dataflows.messages.outgoing import Versions
from dataflows.state.records import Records
from dataflows.state.store import Store
from encoders.base import Encoder
from encoders.text import encode_optional
from learners.codec import decode
from learners.settings import LearnerSettings
from learners.types import Vector

KIND_VERSIONS = "versions"
MODEL_FORMAT = 2
"""Raise it where equal events and settings give other lists than before."""
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


def resumed(store: Records, in_force: InForce) -> InForce:
    """Return what is in force in a state, `in_force` where nothing was stored yet.

    The model is that of now. Of promotions a state has followed no more than this process.
    """
    stored = read_in_force(store)
    if stored is None:
        return in_force
    sequence = min(stored.sequence, in_force.sequence)
    return msgspec.structs.replace(stored, model=in_force.model, sequence=sequence)


class EncoderSpace:
    """What is `in_force` in a shard, and the `encoder` at hand, which should be that one.

    `preparer` makes a shard ready for another encoder; without it there is no switch to one.
    """

    def __init__(
        self,
        in_force: InForce,
        encoder: Encoder | None,
        counts: Counter[str],
        preparer: SwitchPreparer | None = None,
    ) -> None:
        self.in_force = in_force
        self.encoder = encoder
        self._counts = counts
        self._preparer = preparer

    def begin(self, prior: str | None) -> Versions:
        """Note which prior weights the model began with; return the versions with them."""
        model = with_prior(self.in_force.model, prior)
        self.in_force = msgspec.structs.replace(self.in_force, model=model)
        return self.in_force.versions

    def is_led_on_by(self, switch: Switch) -> bool:
        """Return whether a switch leads to another encoder, or tells of a newer promotion."""
        in_force = self.in_force
        return switch.encoder != in_force.encoder or switch.sequence > in_force.sequence

    def prepare(self, shard: Shard, switch: Switch) -> PreparedSwitch:
        """Return what a shard needs to switch now; hold its lock.

        Raises InputError where it cannot switch.
        """
        if self._preparer is None:
            raise InputError(
                f"shard {shard.shard} has vectors of {self.in_force.encoder} and is to go on "
                f"with {switch.encoder}, which it cannot; start again with that encoder"
            )
        made = self._preparer.take(shard, switch)
        made.finish(shard)
        return made

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


def model_version(settings: LearnerSettings) -> str:
    """Return format and fingerprint of the settings, such as `2-9f3a01bc`, without the prior.

    What ranking began with is a matter of the state, not of the settings of now.
    """
    plain = msgspec.structs.asdict(settings)
    del plain["prior"]
    if not plain["signals"]:
        del plain["signals"]  # so that a model without has the version that it always had
    encoded = msgspec.json.encode(plain, order="deterministic")
    return f"{MODEL_FORMAT}-{blake2b(encoded, digest_size=4).hexdigest()}"


def with_prior(version: str, began_with: str | None) -> str:
    """Return the version of a model that began with these prior weights: `2-9f3a01bc-5c0ffee1`.

    It is as it was for one that began from chance (None).
    """
    return version if began_with is None else f"{version}-{began_with}"
