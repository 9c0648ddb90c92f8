"""The lists that were handed out lately, so that a next page holds nothing of those before it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from hashlib import blake2b

import msgspec

from dataflows.serve.answers import BadRequestError

MOST_LISTS = 20_000
MOST_PLACES = 1_000_000
"""So many lists, of so many places together, are remembered; the oldest are forgotten first."""

Whose = str | None


class HandedOut:
    """What lists held, by user (None: anonymous) and list id. Safe between threads."""

    def __init__(self, lists: int = MOST_LISTS, places: int = MOST_PLACES) -> None:
        self._lists = lists
        self._most = places
        self._places = 0
        self._held: OrderedDict[tuple[Whose, str], tuple[str, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._held)

    def put(self, whose: Whose, list_id: str, item_ids: tuple[str, ...]) -> None:
        """Remember what a list held, and the pages before it."""
        with self._lock:
            self._places += len(item_ids) - len(self._held.pop((whose, list_id), ()))
            self._held[whose, list_id] = item_ids
            while len(self._held) > self._lists or self._places > self._most:
                self._places -= len(self._held.popitem(last=False)[1])

    def held(self, whose: Whose, list_id: str) -> tuple[str, ...]:
        """Return what a list and the pages before it held. Raises BadRequestError where unknown."""
        with self._lock:
            found = self._held.get((whose, list_id))
        if found is None:
            raise BadRequestError(
                f"after is {list_id!a}, which is no list of this user that is remembered (the "
                f"newest {self._lists:,} are); ask by offset, or begin with the first page"
            )
        return found


def list_id(sequence: int, asked: msgspec.Struct, item_ids: tuple[str, ...]) -> str:
    """Return the id of a list made at the door: equal ones of one moment and request share it."""
    digest = blake2b(msgspec.json.encode((asked, item_ids)), digest_size=4)
    return f"{sequence}.{digest.hexdigest()}"
