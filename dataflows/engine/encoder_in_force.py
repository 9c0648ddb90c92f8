"""Which encoder a shard's vectors are of, as its state says."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import msgspec

from dataflows.engine.batch import Switch
from dataflows.messages.outgoing import Versions
from dataflows.state.records import Records
from dataflows.state.sqlite import Store
from learners.codec import decode

KIND_VERSIONS = "versions"


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
