"""Lists as they were sent lately, kept as they are and read only where one of them is asked for."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import deque

import msgspec

from dataflows.state.feedback import ListPart

MOST_BYTES = 32 << 20
"""Messages of so many bytes together are kept at most."""
DIGITS = 19
"""A sequence has no more."""


class _Head(msgspec.Struct, gc=False):
    sequence: int


class _Place(msgspec.Struct, gc=False):
    item_id: str


class _List(msgspec.Struct, gc=False):
    items: list[_Place]
    sequence: int


_head = msgspec.json.Decoder(_Head)
_list = msgspec.json.Decoder(_List)


class SentLists:
    """The newest lists that were sent, by user and sequence. Safe between threads.

    Arguments:
        most: of how many lists; the oldest are forgotten first.
        most_bytes: how long their messages may be together.
    """

    def __init__(self, most: int, most_bytes: int = MOST_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._by_user: dict[str, deque[bytes]] = {}
        self._users: deque[str] = deque()  # of each list, the oldest first
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._users)

    def put(self, user_id: str, message: bytes) -> None:
        """Remember a message of the topic `recommendations`, which is not looked into."""
        with self._lock:
            self._by_user.setdefault(user_id, deque()).append(message)
            self._users.append(user_id)
            self._bytes += len(message)
            while len(self._users) > self._most or self._bytes > self._most_bytes:
                self._forget_oldest()

    def find(self, user_id: str, list_id: str) -> ListPart | None:
        """Return a list by its sequence as text; None where it is not remembered."""
        if not (list_id.isdecimal() and len(list_id) <= DIGITS):
            return None
        wanted = int(list_id)
        with self._lock:
            messages = list(self._by_user.get(user_id, ()))
        place = bisect_left(messages, wanted, key=lambda one: _head.decode(one).sequence)
        if place == len(messages):
            return None
        found = _list.decode(messages[place])
        if str(found.sequence) != list_id:
            return None
        return ListPart(tuple([one.item_id for one in found.items]))

    def _forget_oldest(self) -> None:
        user_id = self._users.popleft()
        messages = self._by_user[user_id]
        self._bytes -= len(messages.popleft())
        if not messages:
            del self._by_user[user_id]
