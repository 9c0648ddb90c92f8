"""What users were sent, in one transaction: read when first needed, written at its end."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterable, Sequence

import numpy as np

from dataflows.messages.outgoing import Intents, Narrative, Recommendation
from dataflows.serve.stored.store.answer_store import MESSAGE
from dataflows.serve.stored.store.checksums import DamagedRowError, checksum, whole
from dataflows.serve.stored.store.item_rows import ItemRow, ItemRows
from dataflows.serve.stored.store.list_answers import KnownItem, decode_list, plain_answer
from dataflows.state.outbox import RECOMMENDATIONS

Message = Recommendation | Intents | Narrative
Order = tuple[int, int]
"""Number of the file that a message came from, and its sequence: the higher one is the newer."""
NEVER: Order = (0, -1)


class UserRow:
    """What is stored of a user on one topic, and what a transaction made of it.

    `items` are the numbers of those in their list. `raw` is the message as it came, None where
    none came in this transaction.
    """

    def __init__(self, order: Order, items: array[int]) -> None:
        self.order = order
        self.items = items
        self.raw: bytes | None = None
        self.message: Message | None = None
        self.is_removed = False


class UserRows:
    """The messages that a transaction reads and changes; `items` are told which lists hold them."""

    def __init__(self, connection: sqlite3.Connection, items: ItemRows) -> None:
        self._connection = connection
        self._items = items
        self._rows: dict[tuple[str, str], UserRow] = {}
        self._known: dict[str, KnownItem] = {}

    def put(self, topic: str, order: Order, message: Message, raw: bytes, at: float) -> bool:
        """Take in a message made at `at`; whether it is none older than what is stored."""
        row = self._row(topic, message.user_id)
        if order < row.order:
            return False
        row.order, row.raw, row.message, row.is_removed = order, raw, message, False
        if isinstance(message, Recommendation):
            titles = {place.item_id: place.title for place in message.items}
            self._relist(row, [self._items.named(*one) for one in titles.items()], at)
        return True

    def remove(self, topic: str, user_id: str, at: float) -> None:
        """Forget what a user was sent on a topic."""
        row = self._row(topic, user_id)
        self._relist(row, [], at)
        row.order, row.raw, row.message, row.is_removed = NEVER, None, None, True

    def forget(self, topic: str, at: float) -> None:
        """Forget what all users were sent on a topic."""
        users = "SELECT user_id FROM messages WHERE topic = ?"
        for (user_id,) in self._connection.execute(users, (topic,)).fetchall():
            self.remove(topic, user_id, at)
        for row_topic, user_id in self._rows:
            if row_topic == topic:
                self.remove(topic, user_id, at)

    def write(self) -> list[tuple[str, bytes]]:
        """Write what changed; return the lists that did: whose, and the message as it came."""
        lists = [
            (user_id, row)
            for (topic, user_id), row in self._rows.items()
            if topic == RECOMMENDATIONS
        ]
        self._write_messages()
        self._connection.executemany(
            "INSERT OR REPLACE INTO listed VALUES (?, ?)",
            ((user_id, row.items.tobytes()) for user_id, row in lists if row.raw is not None),
        )
        self._write_answers(
            (user_id, row.message)
            for user_id, row in lists
            if isinstance(row.message, Recommendation)
        )
        for table in ("listed", "answers"):
            self._connection.executemany(
                f"DELETE FROM {table} WHERE user_id = ?",  # noqa: S608 - names of our own
                ((user_id,) for user_id, row in lists if row.is_removed),
            )
        changed = [(user_id, row.raw) for user_id, row in lists if row.raw is not None]
        self._render_again({user_id for user_id, _ in changed})
        return changed

    def _row(self, topic: str, user_id: str) -> UserRow:
        row = self._rows.get((topic, user_id))
        if row is None:
            found = self._connection.execute(
                "SELECT generation, sequence FROM messages WHERE topic = ? AND user_id = ?",
                (topic, user_id),
            ).fetchone()
            items: array[int] = array("i")
            if found is not None and topic == RECOMMENDATIONS:
                listed = self._connection.execute(
                    "SELECT items FROM listed WHERE user_id = ?", (user_id,)
                ).fetchone()
                items.frombytes(b"" if listed is None else listed[0])
            row = self._rows[topic, user_id] = UserRow(found or NEVER, items)
        return row

    def _relist(self, row: UserRow, items: Sequence[ItemRow], at: float) -> None:
        """Count which items came into a list, and which left it."""
        now = array("i", (item.number for item in items))
        if now == row.items:
            return
        before, after = set(row.items), set(now)
        for number in row.items:
            if number not in after:
                self._items.listed(self._items.numbered(number), -1, at)
        for item in items:
            if item.number not in before:
                self._items.listed(item, 1, at)
        row.items = now

    def _write_messages(self) -> None:
        self._connection.executemany(
            "INSERT OR REPLACE INTO messages VALUES (?, ?, ?, ?, ?, ?)",
            (
                (topic, user_id, *row.order, row.raw, checksum(user_id, row.raw))
                for (topic, user_id), row in self._rows.items()
                if row.raw is not None
            ),
        )
        self._connection.executemany(
            "DELETE FROM messages WHERE topic = ? AND user_id = ?",
            (where for where, row in self._rows.items() if row.is_removed),
        )

    def _write_answers(self, lists: Iterable[tuple[str, Recommendation]]) -> None:
        answers = ((user_id, plain_answer(message, self._lookup)) for user_id, message in lists)
        self._connection.executemany(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?)",
            ((user_id, answer, checksum(user_id, answer)) for user_id, answer in answers),
        )

    def _render_again(self, fresh: set[str]) -> None:
        """Make answers anew whose items look different now, but for those that are `fresh`."""
        changed = np.array(sorted(self._items.looks_changed), np.int32)
        if len(changed):
            self._write_answers(
                (user_id, message)
                for user_id in self._holding(changed)
                if user_id not in fresh and (message := self._stored(user_id)) is not None
            )

    def _holding(self, numbers: np.ndarray[tuple[int], np.dtype[np.int32]]) -> list[str]:
        """Return the users whose list holds one of these items."""
        rows = self._connection.execute("SELECT user_id, items FROM listed").fetchall()
        held = np.frombuffer(b"".join(items for _, items in rows), np.int32)
        owner = np.repeat(np.arange(len(rows)), [len(items) // 4 for _, items in rows])
        return [rows[place][0] for place in np.unique(owner[np.isin(held, numbers)])]

    def _stored(self, user_id: str) -> Recommendation | None:
        row = self._connection.execute(MESSAGE, (RECOMMENDATIONS, user_id)).fetchone()
        try:
            return None if row is None else decode_list(whole(user_id, *row))
        except DamagedRowError:
            return None  # whoever asks for it is told

    def _lookup(self, item_id: str) -> KnownItem:
        known = self._known.get(item_id)
        if known is None:
            item = self._items.get(item_id)
            known = self._known[item_id] = KnownItem(item.is_gone, item.decoded())
        return known
