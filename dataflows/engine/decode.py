"""Raw records to typed ones and their texts: what an encoder is given, in the stream's order."""

from __future__ import annotations

from dataflows.config.events import EventSettings
from dataflows.engine.catalogue.known_items import EARLY, Joined, KnownItems, tell_joined
from dataflows.engine.item_store import Catalogue
from dataflows.messages.decisions import DecisionReader
from dataflows.messages.decoded_records import Decoded, Rendered
from dataflows.messages.events import EventRecord, decode_event
from dataflows.messages.items import ItemRecord, RemovedItem, decode_item
from dataflows.messages.raw import Raw
from encoders.text import render_event, render_item


class Renderer:
    """Decodes records and gives them their texts; titles follow the items of the stream.

    So each record is rendered once, in the order in which it is learnt; it may be decoded
    before that order is known.
    """

    def __init__(
        self,
        settings: EventSettings,
        catalogue: Catalogue,
        items_topic: str = "items",
        decisions: DecisionReader | None = None,
    ) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._items_topic = items_topic
        self._decisions = decisions or DecisionReader()
        self._known = KnownItems()

    @property
    def joined(self) -> Joined:
        """How many items of the events so far the catalogue knows."""
        return self._known.joined(len(self._catalogue))

    def decode(self, raw: Raw) -> Rendered:
        """Decode a record; it has no text yet. Never raises: what cannot be read is a reject."""
        return Rendered(raw, None if raw.is_mark else self._decode(raw), None)

    def render(self, record: Raw | Rendered) -> Rendered:
        """Return a record with its text, decoded if that was not done."""
        decoded = record if isinstance(record, Rendered) else self.decode(record)
        text = self._text(decoded.one)
        return decoded if text is None else Rendered(decoded.raw, decoded.one, text)

    def _decode(self, raw: Raw) -> Decoded:
        if raw.topic == self._items_topic:
            return decode_item(raw, self._settings)
        if raw.topic == self._decisions.topic:
            return self._decisions.read(raw, self._settings)
        one = decode_event(raw, self._settings)
        refused = self._decisions.refused(raw, one) if isinstance(one, EventRecord) else None
        return one if refused is None else refused

    def _text(self, one: Decoded | None) -> str | None:
        if isinstance(one, EventRecord):
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
