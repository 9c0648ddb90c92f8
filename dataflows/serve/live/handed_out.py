"""The lists that were handed out lately: for the page after one, and for feedback on one."""

from __future__ import annotations

import threading
from collections import OrderedDict
from hashlib import blake2b

import msgspec

from dataflows.serve.answers import BadRequestError
from dataflows.serve.live.sent_lists import SentLists
from dataflows.serve.stored.list_ids import part_named
from dataflows.state.feedback import ListPart

MOST_LISTS = 20_000
MOST_PLACES = 1_000_000
"""So many lists, of so many places together, are remembered; the oldest are forgotten first."""

Whose = str | None


class HandedOut:
    """What lists held, by user (None: anonymous) and list id. Safe between threads.

    Lists that were made for a request are `put`, those that were sent are among `sent`, each as
    many as `lists`.
    """

    def __init__(self, lists: int = MOST_LISTS, places: int = MOST_PLACES) -> None:
        self.sent = SentLists(lists)
        self._lists = lists
        self._most = places
        self._places = 0
        self._held: OrderedDict[tuple[Whose, str], ListPart] = OrderedDict()
        self._names: dict[Whose, dict[str, None]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._held)

    def put(
        self, whose: Whose, list_id: str, item_ids: tuple[str, ...], earlier: tuple[str, ...] = ()
    ) -> None:
        """Remember what a list held, and `earlier` what the places before it did."""
        part = ListPart((*earlier, *item_ids), len(earlier))
        with self._lock:
            gone = self._held.pop((whose, list_id), None)
            self._places += len(part.item_ids) - (0 if gone is None else len(gone.item_ids))
            self._held[whose, list_id] = part
            names = self._names.setdefault(whose, {})
            names.pop(list_id, None)
            names[list_id] = None
            while len(self._held) > self._lists or self._places > self._most:
                (oldest, name), gone = self._held.popitem(last=False)
                self._places -= len(gone.item_ids)
                del self._names[oldest][name]
                if not self._names[oldest]:
                    del self._names[oldest]

    def newest(self, whose: Whose, lists: int) -> list[tuple[str, ...]]:
        """Return what the newest lists held that were made for a request, the newest first."""
        with self._lock:
            names = list(self._names.get(whose, ()))[-lists:]
            parts = [self._held[whose, name] for name in reversed(names)]
        return [part.item_ids[part.first :] for part in parts]

    def held(self, whose: Whose, list_id: str) -> tuple[str, ...]:
        """Return what a list and the pages before it held. Raises BadRequestError where unknown."""
        found = self._find(whose, list_id)
        if found is None:
            raise BadRequestError(
                f"after is {list_id!a}, which is no list of this user that is remembered (the "
                f"newest {self._lists:,} are); ask by offset, or begin with the first page"
            )
        return found.item_ids

    def named(self, user_id: str, list_id: str) -> ListPart | None:
        """Return the list that an event of a user names, also one made for somebody anonymous.

        Of a list that was sent also a part that a `penchant serve` by itself handed out. None
        where it is not remembered.
        """
        return (
            self._find(user_id, list_id)
            or self._find(None, list_id)
            or self._stored_part(user_id, list_id)
        )

    def _stored_part(self, user_id: str, list_id: str) -> ListPart | None:
        part = part_named(list_id)
        found = None if part is None else self.sent.find(user_id, part.sequence)
        if part is None or found is None:
            return None
        return ListPart(found.item_ids[: part.end], part.first)

    def _find(self, whose: Whose, list_id: str) -> ListPart | None:
        with self._lock:
            found = self._held.get((whose, list_id))
        return self.sent.find(whose, list_id) if found is None and whose is not None else found


def list_id(sequence: int, asked: msgspec.Struct, item_ids: tuple[str, ...]) -> str:
    """Return the id of a list made at the door: equal ones of one moment and request share it."""
    digest = blake2b(msgspec.json.encode((asked, item_ids)), digest_size=4)
    return f"{sequence}.{digest.hexdigest()}"
