"""The encode step: records to typed ones with vectors, one encoder call per micro-batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from dataflows.config.events import EventSettings
from dataflows.engine.batch import (
    Batch,
    Encoded,
    EncodedDecision,
    EncodedEvent,
    EncodedItem,
    Removal,
    Turns,
    shard_key,
    shard_of,
    shard_of_partition,
)
from dataflows.engine.catalogue.known_items import Joined
from dataflows.engine.decode import Renderer
from dataflows.engine.item_store import Catalogue
from dataflows.engine.status.logs_read import LogsRead
from dataflows.messages.decisions import DecisionReader, LabelDecision
from dataflows.messages.decoded_records import Arrived, Rendered
from dataflows.messages.events import EventRecord
from dataflows.messages.items import ItemRecord, RemovedItem
from dataflows.messages.raw import Raw, Reject
from encoders.base import Encoder, encode_optional, tokens_ahead
from encoders.throughput import FIRST_RATE, Foresees
from learners.types import Vector


class EncodeStep:
    """Decodes and encodes a micro-batch and deals it out to the shards.

    A shard is its users' events; items and decisions go to every shard; a reject goes to one
    shard by its partition. What cannot be decoded travels on as a `Reject`, so that the
    learn step counts it in the same transaction as its neighbours. `turns` is asked at the
    start of each micro-batch whether another encoder is in force from its first record on.
    """

    def __init__(
        self,
        encoder: Encoder,
        settings: EventSettings,
        catalogue: Catalogue,
        shards: int = 1,
        items_topic: str = "items",
        turns: Turns | None = None,
        decisions: DecisionReader | None = None,
    ) -> None:
        self._encoder = encoder
        self._catalogue = catalogue
        self._shards = shards
        self._turns = turns
        self._decisions = decisions or DecisionReader()
        self._logs = LogsRead()
        self._renderer = Renderer(settings, catalogue, items_topic, self._decisions)

    @property
    def joined(self) -> Joined:
        """How many items of the events so far the catalogue knows."""
        return self._renderer.joined

    @property
    def tokens_per_second(self) -> float:
        """How fast the encoder in force is, as measured (see `encoders.throughput`)."""
        encoder = self._encoder
        return encoder.pace.tokens_per_second if isinstance(encoder, Foresees) else FIRST_RATE

    def decode(self, raws: Sequence[Raw]) -> list[Rendered]:
        """Decode records before their order is known; `render` gives them their texts."""
        return [self._renderer.decode(raw) for raw in raws]

    def render(self, records: Sequence[Arrived]) -> list[Rendered]:
        """Decode records before their micro-batch is made, and foresee what each costs.

        For a source that cuts by that; what it renders is learnt in the same order.
        """
        rendered = [self._renderer.render(record) for record in records]
        tokens = tokens_ahead(self._encoder, [one.text for one in rendered])
        return [
            msgspec.structs.replace(one, tokens=count) if count else one
            for one, count in zip(rendered, tokens, strict=True)
        ]

    def __call__(self, arrived: Sequence[Arrived]) -> Iterator[tuple[str, Batch]]:
        """Yield one (key, batch) for each shard."""
        raws = [one if isinstance(one, Raw) else one.raw for one in arrived]
        turn = None if self._turns is None else self._turns.turn(raws)
        if turn is not None:
            self._encoder = turn.encoder
            self._catalogue.encoder = turn.encoder.version
        switch = None if turn is None else turn.switch
        version = self._encoder.version
        encoded = self.encode(
            [one for one, raw in zip(arrived, raws, strict=True) if not raw.is_mark]
        )
        positions: dict[str, int] = {}
        for raw in raws:
            positions[raw.partition] = max(raw.next_offset, positions.get(raw.partition, 0))
        origins = {raw.partition: raw.origin for raw in raws if raw.origin is not None}
        logs = self._logs.take(raws)
        anew = tuple(raw.partition for raw in raws if raw.is_anew)
        for shard in range(self._shards):
            mine = [one for one in encoded if self._is_for(one, shard)]
            yield (
                shard_key(shard),
                Batch(shard, mine, positions, version, switch, origins, logs, anew),
            )

    def encode(self, arrived: Sequence[Arrived]) -> list[Encoded]:
        """Encode, and decode what is not yet; one answer for each record, in the same order.

        None of them may be a mark.
        """
        rendered = [
            one if isinstance(one, Rendered) else self._renderer.render(one) for one in arrived
        ]
        vectors = self._vectors(rendered)
        return [self._joined(one, vector) for one, vector in zip(rendered, vectors, strict=True)]

    def _vectors(self, rendered: Sequence[Rendered]) -> list[Vector | None]:
        known: dict[int, Vector] = {}
        for place, (one, text) in enumerate((each.one, each.text) for each in rendered):
            if isinstance(one, ItemRecord) and text is not None:
                vector = self._catalogue.vector(one.item_id, text)
                if vector is not None:
                    known[place] = vector
        wanted = [None if place in known else each.text for place, each in enumerate(rendered)]
        vectors = encode_optional(self._encoder, wanted)
        for place, vector in known.items():
            vectors[place] = vector
        return vectors

    def _is_for(self, one: Encoded, shard: int) -> bool:
        if self._shards == 1 or isinstance(one, EncodedItem | Removal | EncodedDecision):
            return True
        if isinstance(one, Reject):
            return shard_of_partition(one.raw.partition, self._shards) == shard
        return shard_of(one.event.user_id, self._shards) == shard

    def _joined(self, rendered: Rendered, vector: Vector | None) -> Encoded:
        raw, one, text = rendered.raw, rendered.one, rendered.text
        if isinstance(one, EventRecord):
            return EncodedEvent(raw, one, vector, text, self._decisions.of_event(one))
        if isinstance(one, ItemRecord):
            return EncodedItem(raw, one, text, vector)
        if isinstance(one, RemovedItem):
            return Removal(raw, one)
        if isinstance(one, LabelDecision):
            return EncodedDecision(raw, one)
        assert one is not None  # noqa: S101 - a mark is not encoded
        return one
