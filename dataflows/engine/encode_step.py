"""The encode step: records to typed ones with vectors, one encoder call per micro-batch."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dataflows.config.event_types import INTENTS
from dataflows.config.events import EventSettings
from dataflows.engine.batch import (
    Batch,
    Encoded,
    EncodedDecision,
    EncodedEvent,
    EncodedItem,
    Removal,
    Switch,
    Turn,
    Turns,
    shard_key,
    shard_of,
    shard_of_partition,
)
from dataflows.engine.catalogue.known_items import EARLY, Joined, KnownItems, tell_joined
from dataflows.engine.item_store import Catalogue
from dataflows.engine.status.logs_read import LogsRead
from dataflows.engine.status.stage_times import UNTIMED, StageTimes
from dataflows.messages.decisions import DecisionReader, LabelDecision
from dataflows.messages.decoded_records import Arrived, Decoded, Rendered
from dataflows.messages.events import EventRecord, decode_event
from dataflows.messages.items import ItemRecord, RemovedItem, decode_item
from dataflows.messages.raw import Origin, Raw, Reject
from encoders.base import Encoder
from encoders.text import encode_optional, render_event, render_item, tokens_ahead
from encoders.throughput import FIRST_RATE, Foresees
from learners.types import Vector


def _is_readable(rendered: Rendered) -> bool:
    return not isinstance(rendered.one, Reject)


def _texts(_: Encoder, texts: Sequence[str | None]) -> int:
    return len(texts) - texts.count(None)


def _vectors(vectors: Sequence[Vector | None]) -> int:
    return sum(vector is not None for vector in vectors)


class Decoder:
    """Decodes records and gives them their texts; titles follow the items of the stream.

    So each record is rendered once, in the order in which it is learnt; it may be decoded
    before that order is known. `titles` are those of the catalogue by item, and change with it.
    """

    def __init__(
        self,
        settings: EventSettings,
        titles: dict[str, str],
        items_topic: str = "items",
        decisions: DecisionReader | None = None,
    ) -> None:
        self._settings = settings
        self._titles = titles
        self._items_topic = items_topic
        self._decisions = decisions or DecisionReader()
        self._known = KnownItems()
        self._named: list[tuple[str, bool]] = []
        """Items of events that are not counted yet, and whether each was known."""

    @property
    def joined(self) -> Joined:
        """How many items of the events so far the catalogue knows."""
        self._count()
        return self._known.joined(len(self._titles))

    def decode(self, raw: Raw) -> Rendered:
        """Decode a record; it has no text yet. Never raises: what cannot be read is a reject."""
        one: Decoded | None
        if raw.is_mark:
            one = None
        elif raw.topic == self._items_topic:
            one = decode_item(raw, self._settings)
        elif raw.topic == self._decisions.topic:
            one = self._decisions.read(raw, self._settings)
        else:
            one = decode_event(raw, self._settings)
            if isinstance(one, EventRecord) and one.type == INTENTS:
                one = self._decisions.refused(raw, one) or one
        return Rendered(raw, one, None)

    def render(self, record: Raw | Rendered) -> Rendered:
        """Return a record with its text, decoded if that was not done."""
        decoded = record if isinstance(record, Rendered) else self.decode(record)
        one = decoded.one
        if isinstance(one, EventRecord):
            text = self._render_event(one)
        elif isinstance(one, ItemRecord):
            self._titles[one.item_id] = one.title
            text = render_item(one.title, one.text, one.categories)
        else:
            text = None
            if isinstance(one, RemovedItem):
                self._titles.pop(one.item_id, None)
        return decoded if text is None else Rendered(decoded.raw, one, text)

    def _render_event(self, event: EventRecord) -> str | None:
        title = None
        if event.item_id is not None:
            title = self._titles.get(event.item_id)
            self._named.append((event.item_id, title is not None))
            if len(self._named) == EARLY:
                self._count()
        if event.retracts is not None:
            return None
        return render_event(event.type, title, event.text)

    def _count(self) -> None:
        named, self._named = self._named, []
        self._known.note_all(named)
        if self._known.events == EARLY and named:
            tell_joined(self._known.joined(len(self._titles)), is_end=False)


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
        times: StageTimes = UNTIMED,
    ) -> None:
        self._encoder = encoder
        self._catalogue = catalogue
        self._shards = shards
        self._turns = turns
        self._decisions = decisions or DecisionReader()
        self._logs = LogsRead()
        self._decoder = Decoder(settings, catalogue.titles, items_topic, self._decisions)
        self._render = times.wrapped("decode", self._decoder.render, given=_is_readable)
        self._encode = times.wrapped("encode", encode_optional, taken=_texts, given=_vectors)
        self._keys = [shard_key(shard) for shard in range(shards)]

    @property
    def joined(self) -> Joined:
        """How many items of the events so far the catalogue knows."""
        return self._decoder.joined

    @property
    def tokens_per_second(self) -> float:
        """How fast the encoder in force is, as measured (see `encoders.throughput`)."""
        encoder = self._encoder
        return encoder.pace.tokens_per_second if isinstance(encoder, Foresees) else FIRST_RATE

    def decode(self, raws: Sequence[Raw]) -> list[Rendered]:
        """Decode records before their order is known; `render` gives them their texts."""
        return [self._decoder.decode(raw) for raw in raws]

    def render(self, records: Sequence[Arrived]) -> list[Rendered]:
        """Decode records before their micro-batch is made, and foresee what each costs.

        For a source that cuts by that; what it renders is learnt in the same order.
        """
        rendered = [self._render(record) for record in records]
        tokens = tokens_ahead(self._encoder, [one.text for one in rendered])
        return [
            msgspec.structs.replace(one, tokens=count) if count else one
            for one, count in zip(rendered, tokens, strict=True)
        ]

    def __call__(self, arrived: Sequence[Arrived]) -> list[tuple[str, Batch]]:
        """Return one (key, batch) for each shard."""
        raws = [one if isinstance(one, Raw) else one.raw for one in arrived]
        switch = None if self._turns is None else self._take_turn(self._turns.turn(raws))
        whole = self._batch(arrived, raws, switch)
        if self._shards == 1:
            return [(self._keys[0], whole)]
        return [
            (key, msgspec.structs.replace(whole, shard=shard, records=self._part(whole, shard)))
            for shard, key in enumerate(self._keys)
        ]

    def encode(self, arrived: Sequence[Arrived]) -> list[Encoded]:
        """Encode, and decode what is not yet; one answer for each record, in the same order.

        None of them may be a mark.
        """
        rendered: list[Rendered] = []
        texts: list[str | None] = []
        known: dict[int, Vector] = {}
        for place, record in enumerate(arrived):
            each = record if isinstance(record, Rendered) else self._render(record)
            rendered.append(each)
            texts.append(each.text)
            if isinstance(each.one, ItemRecord) and each.text is not None:
                vector = self._catalogue.vector(each.one.item_id, each.text)
                if vector is not None:
                    known[place], texts[place] = vector, None
        vectors = self._encode(self._encoder, texts)
        for place, vector in known.items():
            vectors[place] = vector
        return list(map(self._joined, rendered, vectors))

    def _take_turn(self, turn: Turn | None) -> Switch | None:
        """Go on with another encoder where one is due; return the marker of it."""
        if turn is None:
            return None
        self._encoder = turn.encoder
        self._catalogue.encoder = turn.encoder.version
        return turn.switch

    def _batch(
        self, arrived: Sequence[Arrived], raws: Sequence[Raw], switch: Switch | None
    ) -> Batch:
        """Encode what are no marks, and tell what all of them say of their partitions."""
        records: list[Arrived] = []
        positions: dict[str, int] = {}
        origins: dict[str, Origin] = {}
        anew: list[str] = []
        is_of_log = False
        for one, raw in zip(arrived, raws, strict=True):
            if not raw.is_mark:
                records.append(one)
            if raw.next_offset > positions.get(raw.partition, -1):
                positions[raw.partition] = raw.next_offset
            if raw.origin is not None:
                origins[raw.partition] = raw.origin
            if raw.is_anew:
                anew.append(raw.partition)
            is_of_log |= raw.log is not None
        encoded = self.encode(records)
        logs = self._logs.take(raws) if is_of_log or self._logs.known else {}
        version = self._encoder.version
        return Batch(0, encoded, positions, version, switch, origins, logs, tuple(anew))

    def _part(self, whole: Batch, shard: int) -> list[Encoded]:
        return [one for one in whole.records if self._is_for(one, shard)]

    def _is_for(self, one: Encoded, shard: int) -> bool:
        if isinstance(one, EncodedItem | Removal | EncodedDecision):
            return True
        if isinstance(one, Reject):
            return shard_of_partition(one.raw.partition, self._shards) == shard
        return shard_of(one.event.user_id, self._shards) == shard

    def _joined(self, rendered: Rendered, vector: Vector | None) -> Encoded:
        raw, one, text = rendered.raw, rendered.one, rendered.text
        if isinstance(one, EventRecord):
            decision = self._decisions.of_event(one) if one.type == INTENTS else None
            return EncodedEvent(raw, one, vector, text, decision)
        if isinstance(one, ItemRecord):
            return EncodedItem(raw, one, text, vector)
        if isinstance(one, RemovedItem):
            return Removal(raw, one)
        if isinstance(one, LabelDecision):
            return EncodedDecision(raw, one)
        assert one is not None  # noqa: S101 - a mark is not encoded
        return one
