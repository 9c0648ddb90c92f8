"""What was sent, taken into the store: the newest of each user, items, counts and positions."""

from __future__ import annotations

import logging
import sqlite3
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import msgspec

from dataflows.config.events import EventSettings
from dataflows.lifecycle.rare_warnings import RareWarnings
from dataflows.messages.items import RemovedItem, decode_item
from dataflows.messages.outgoing import Intents, Narrative, Recommendation, Versions
from dataflows.messages.partition_names import generation_name, outdated, split_generation
from dataflows.messages.raw import ITEMS, Raw, Reject
from dataflows.serve.stored.store.answer_store import AnswerStore
from dataflows.serve.stored.store.item_rows import ItemRows
from dataflows.serve.stored.store.user_rows import Message, UserRows
from dataflows.state.origins import KEPT
from dataflows.state.outbox import INTENTS, NARRATIVES, RECOMMENDATIONS

_DECODERS: dict[str, msgspec.json.Decoder[Message]] = {
    RECOMMENDATIONS: msgspec.json.Decoder(Recommendation),
    INTENTS: msgspec.json.Decoder(Intents),
    NARRATIVES: msgspec.json.Decoder(Narrative),
}
_log = logging.getLogger(__name__)


class StoreWriter:
    """Takes records into a store, a batch a transaction, for one thread.

    The topic of a record is its role here: `recommendations`, `intents`, `narratives`, `items`.
    Of a user the message with the highest sequence is kept, of those in one file; a file that
    takes the place of another may begin anew. A record that cannot be read is counted and told.
    """

    def __init__(self, store: AnswerStore, settings: EventSettings) -> None:
        self._store = store
        self._settings = settings
        self._seldom = RareWarnings(_log)

    def take(self, raws: Sequence[Raw]) -> list[tuple[str, bytes]]:
        """Write what the records say, and how far they reach.

        Returns the lists that changed: whose, and the message as it came. Raises InputError where
        the store cannot be written: nothing of the batch is in it then.
        """
        with self._store.transaction() as connection:
            batch = _Batch(connection, self._settings, self._seldom)
            for raw in raws:
                batch.take(raw)
            changed = batch.write()
        if batch.is_catalogue_changed:
            self._store.catalogue_version += 1
        return changed


class _Batch:
    """One transaction."""

    def __init__(
        self, connection: sqlite3.Connection, settings: EventSettings, seldom: RareWarnings
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._seldom = seldom
        self._items = ItemRows(connection)
        self._users = UserRows(connection, self._items)
        self._counts: Counter[str] = Counter()
        self._read: dict[str, Raw] = {}
        self._as_of: dict[str, int] = {}
        row = connection.execute("SELECT value FROM facts WHERE name = 'time'").fetchone()
        self._newest: str = "" if row is None else row[0]
        self._versions: Versions | None = None

    @property
    def is_catalogue_changed(self) -> bool:
        """Whether what the catalogue says is another now."""
        return self._items.is_catalogue_changed

    def take(self, raw: Raw) -> None:
        """Take in a record, or a mark: with `is_anew` what came of its topic is forgotten."""
        if raw.is_anew:
            self._forget(raw.topic)
        elif raw.is_mark:
            pass
        elif raw.topic == ITEMS:
            self._take_item(raw)
        elif raw.value is None:
            self._remove(raw)
        else:
            self._take_message(raw, raw.value)
        former = self._read.get(raw.partition)
        if former is not None:
            raw = msgspec.structs.replace(
                raw, origin=raw.origin or former.origin, log=raw.log or former.log
            )
        self._read[raw.partition] = raw

    def write(self) -> list[tuple[str, bytes]]:
        """Write all that was taken; return the lists that changed."""
        changed = self._users.write()
        self._items.write()
        self._write_positions()
        written = self._connection.executemany
        written(
            "INSERT INTO input VALUES (?, ?) ON CONFLICT (partition) DO UPDATE"
            " SET next = max(next, excluded.next)",
            self._as_of.items(),
        )
        written(
            "INSERT INTO counts VALUES (?, ?) ON CONFLICT (name) DO UPDATE"
            " SET count = count + excluded.count",
            self._counts.items(),
        )
        if self._versions is not None:
            facts = [("time", self._newest), ("versions", msgspec.json.encode(self._versions))]
            written("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts)
        return changed

    def _take_item(self, raw: Raw) -> None:
        found = decode_item(raw, self._settings)
        if isinstance(found, Reject):
            self._damaged(raw, found.detail)
        elif isinstance(found, RemovedItem):
            self._items.remove(found.item_id)
        else:
            self._items.put(found)

    def _take_message(self, raw: Raw, value: bytes) -> None:
        try:
            message = _DECODERS[raw.topic].decode(value)
            at = _seconds(message.time)
        except (ValueError, RecursionError) as error:
            self._damaged(raw, str(error))
            return
        order = split_generation(raw.partition)[1], message.sequence
        self._counts[raw.topic] += 1
        if not self._users.put(raw.topic, order, message, value, at):
            self._counts["older"] += 1
            return
        position = message.position
        newest = max(self._as_of.get(position.partition, 0), position.offset + 1)
        self._as_of[position.partition] = newest
        if message.time >= self._newest:
            self._newest, self._versions = message.time, message.versions

    def _remove(self, raw: Raw) -> None:
        user_id = (raw.key or b"").decode(errors="replace")
        if not user_id:
            self._damaged(raw, "a null value takes out the user in the key, but there is no key")
            return
        self._users.remove(raw.topic, user_id, self._last_time())
        self._counts["removed"] += 1

    def _forget(self, topic: str) -> None:
        """Forget what came of a topic, and how far it was read."""
        if topic == ITEMS:
            self._items.forget_catalogue()
        else:
            self._users.forget(topic, self._last_time())
        self._connection.execute("DELETE FROM positions WHERE topic = ?", (topic,))
        self._read = {name: raw for name, raw in self._read.items() if raw.topic != topic}

    def _last_time(self) -> float:
        """Return the time of the newest message: what has none happens then."""
        return _seconds(self._newest) if self._newest else 0.0

    def _damaged(self, raw: Raw, why: str) -> None:
        self._counts["damaged"] += 1
        self._seldom.warn(
            raw.topic,
            "%s, offset %d: %s; the record is passed over",
            *(raw.partition, raw.offset, why),
        )

    def _write_positions(self) -> None:
        names = [row[0] for row in self._connection.execute("SELECT partition FROM positions")]
        self._connection.executemany(
            "DELETE FROM positions WHERE partition = ?",
            ((old,) for name in self._read for old in (*outdated(name, names), *_long_ago(name))),
        )
        self._connection.executemany(
            "INSERT INTO positions VALUES (?, ?, ?, ?, ?) ON CONFLICT (partition) DO UPDATE"
            " SET next = excluded.next, origin = coalesce(excluded.origin, origin),"
            " log = coalesce(excluded.log, log)",
            (
                (name, raw.topic, raw.next_offset, _encoded(raw.origin), _encoded(raw.log))
                for name, raw in self._read.items()
            ),
        )


def _long_ago(partition: str) -> tuple[str, ...]:
    """Return the file of which nothing is needed any more, that so many others came after."""
    name, number = split_generation(partition)
    return (generation_name(name, number - KEPT),) if number > KEPT else ()


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()


def _encoded(known: msgspec.Struct | None) -> bytes | None:
    return None if known is None else msgspec.msgpack.encode(known)
