"""The encode step: raw records to typed ones with vectors, one encoder call per micro-batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dataflows.batch import (
    Batch,
    Encoded,
    EncodedDecision,
    EncodedEvent,
    EncodedItem,
    Removal,
    shard_key,
    shard_of,
    shard_of_partition,
)
from dataflows.catalogue import Catalogue
from dataflows.decisions import Decision, DecisionReader
from dataflows.event_settings import EventSettings
from dataflows.events import Event, decode_event
from dataflows.items import ItemRecord, RemovedItem, decode_item
from dataflows.known_items import EARLY, Joined, KnownItems, tell_joined
from dataflows.record import Raw, Reject
from dataflows.swap.turn import Turns
from encoders.optional import encode_optional
from encoders.protocol import Encoder
from encoders.text import render_event, render_item
from learners.interaction import Vector

Decoded = Event | ItemRecord | RemovedItem | Decision | Reject


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
        self._settings = settings
        self._catalogue = catalogue
        self._shards = shards
        self._items_topic = items_topic
        self._turns = turns
        self._decisions = decisions or DecisionReader()
        self._known = KnownItems()

    @property
    def joined(self) -> Joined:
        """How many items of the events so far the catalogue knows."""
        return self._known.joined(len(self._catalogue))

    def __call__(self, raws: Sequence[Raw]) -> Iterator[tuple[str, Batch]]:
        """Give one (key, batch) for each shard."""
        turn = None if self._turns is None else self._turns.turn(raws)
        if turn is not None:
            self._encoder = turn.encoder
            self._catalogue.encoder = turn.encoder.version
        switch = None if turn is None else turn.switch
        version = self._encoder.version
        encoded = self.encode([raw for raw in raws if not raw.is_mark])
        positions: dict[str, int] = {}
        for raw in raws:
            positions[raw.partition] = max(raw.next_offset, positions.get(raw.partition, 0))
        origins = {raw.partition: raw.origin for raw in raws if raw.origin is not None}
        for shard in range(self._shards):
            mine = [one for one in encoded if self._is_for(one, shard)]
            yield shard_key(shard), Batch(shard, mine, positions, version, switch, origins)

    def encode(self, raws: Sequence[Raw]) -> list[Encoded]:
        """Decode and encode; one answer for each record, in the same order."""
        decoded = [self._decode(raw) for raw in raws]
        texts = [self._text(one) for one in decoded]
        vectors = self._vectors(decoded, texts)
        return [
            self._joined(raw, one, text, vector)
            for raw, one, text, vector in zip(raws, decoded, texts, vectors, strict=True)
        ]

    def _decode(self, raw: Raw) -> Decoded:
        if raw.topic == self._items_topic:
            return decode_item(raw, self._settings)
        if raw.topic == self._decisions.topic:
            return self._decisions.read(raw, self._settings)
        one = decode_event(raw, self._settings)
        refused = self._decisions.refused(raw, one) if isinstance(one, Event) else None
        return one if refused is None else refused

    def _text(self, one: Decoded) -> str | None:
        if isinstance(one, Event):
            if one.item_id is not None:
                self._note(one.item_id)
            if one.retracts is not None:
                return None
            return render_event(one.type, self._catalogue.title(one.item_id), one.text)
        if isinstance(one, ItemRecord):
            self._catalogue.put(one)
            return render_item(one.title, one.text, one.categories)
        if isinstance(one, RemovedItem):
            self._catalogue.remove(one.item_id)
        return None

    def _note(self, item_id: str) -> None:
        self._known.note(item_id, item_id in self._catalogue)
        if self._known.events == EARLY:
            tell_joined(self.joined, is_end=False)

    def _vectors(
        self, decoded: Sequence[Decoded], texts: Sequence[str | None]
    ) -> list[Vector | None]:
        known: dict[int, Vector] = {}
        for place, (one, text) in enumerate(zip(decoded, texts, strict=True)):
            if isinstance(one, ItemRecord) and text is not None:
                vector = self._catalogue.vector(one.item_id, text)
                if vector is not None:
                    known[place] = vector
        wanted = [None if place in known else text for place, text in enumerate(texts)]
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

    def _joined(self, raw: Raw, one: Decoded, text: str | None, vector: Vector | None) -> Encoded:
        if isinstance(one, Event):
            return EncodedEvent(raw, one, vector, text, self._decisions.of_event(one))
        if isinstance(one, ItemRecord):
            return EncodedItem(raw, one, text, vector)
        if isinstance(one, RemovedItem):
            return Removal(raw, one)
        if isinstance(one, Decision):
            return EncodedDecision(raw, one)
        return one
