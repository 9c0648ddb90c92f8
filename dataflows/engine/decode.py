"""Raw records to typed ones and their texts: what an encoder is given, in the stream's order."""

from __future__ import annotations

from dataflows.config.event_types import INTENTS
from dataflows.config.events import EventSettings
from dataflows.engine.catalogue.known_items import EARLY, Joined, KnownItems, tell_joined
from dataflows.messages.decisions import DecisionReader
from dataflows.messages.decoded_records import Decoded, Rendered
from dataflows.messages.events import EventRecord, decode_event
from dataflows.messages.items import ItemRecord, RemovedItem, decode_item
from dataflows.messages.raw import Raw
from encoders.text import render_event, render_item


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
