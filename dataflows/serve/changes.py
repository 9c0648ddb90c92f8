"""Changes of lists, told as they happen to those who follow them.

Publishing never waits for a reader. The newest changes are kept in a ring, so that a reader who
was away can go on where it stopped. Who follows everybody reads from the ring by a position of its
own; who follows one user has a short queue. Who falls too far behind is dropped, and told why.
"""

from __future__ import annotations

import secrets
import threading
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

TOLD_SLOW = "too slow: more than {limit} changes behind"


class ListChange(NamedTuple):
    """A list that changed. `number` grows by one with each change of the hub, from 1."""

    number: int
    user_id: str
    message: bytes


class ListenerError(Exception):
    """One more cannot follow: the text names the limit and the remedy."""


class Subscription:
    """What one reader follows. `is_resumed` is false where changes since its position are lost.

    `dropped` says why nothing more will come, None while it is followed.
    """

    def __init__(self, hub: ChangeHub, user_id: str | None, position: int) -> None:
        self.user_id = user_id
        self.is_resumed = True
        self.dropped: str | None = None
        self._hub = hub
        self.position = position
        self.queue: deque[ListChange] = deque()

    def __bool__(self) -> bool:
        """Return whether there is something to read, or it was dropped."""
        if self.dropped is not None or self.queue:
            return True
        return self.user_id is None and self.position < self._hub.newest

    def drain(self, most: int = 100) -> list[ListChange]:
        """Return what changed since the last call, the oldest first, at most so many."""
        return self._hub.drain(self, most)

    def close(self) -> None:
        """Follow no longer."""
        self._hub.leave(self)


class ChangeHub:
    """Hands changes to whoever follows them; all methods may be called from any thread.

    `kept` changes are there for those who come back, and so far may who follows all fall behind;
    `queued` is how far who follows one user may, `clients` how many may follow at once. `run`
    tells numbers of this hub from those of another: they begin anew with each process.
    """

    def __init__(self, kept: int = 10_000, queued: int = 1_000, clients: int = 1_000) -> None:
        self.run = secrets.token_hex(4)
        self.newest = 0
        self.published = 0
        self.dropped = 0
        self._kept = kept
        self._queued = queued
        self._clients = clients
        self._ring: list[ListChange | None] = [None] * kept
        self._lock = threading.Lock()
        self._all: set[Subscription] = set()
        self._by_user: dict[str, list[Subscription]] = {}
        self._wakers: list[Callable[[], None]] = []

    def __len__(self) -> int:
        """Return how many follow now."""
        with self._lock:
            return len(self._all) + sum(map(len, self._by_user.values()))

    def publish(self, user_id: str, message: bytes) -> None:
        """Tell a change of a user's list; `message` is JSON, in one line. Never waits."""
        with self._lock:
            number = self.newest + 1
            change = ListChange(number, user_id, message)
            self._ring[number % self._kept] = change
            self.newest = number
            for reader in self._by_user.get(user_id, ()):
                if reader.dropped is not None:
                    continue
                if len(reader.queue) < self._queued:
                    reader.queue.append(change)
                else:
                    self._drop(reader, TOLD_SLOW.format(limit=self._queued))
        for wake in self._wakers:
            wake()

    def subscribe(self, user_id: str | None = None, after: str | None = None) -> Subscription:
        """Follow one user, or all (None), from now on or from after a position (`place` gave it).

        Raises ListenerError where as many follow already as may.
        """
        with self._lock:
            if len(self._all) + sum(map(len, self._by_user.values())) >= self._clients:
                raise ListenerError(
                    f"{self._clients} follow already, the limit of serve.stream_clients; ask "
                    "again later, or raise it"
                )
            reader = Subscription(self, user_id, self.newest)
            if after is not None:
                self._resume(reader, after)
            if user_id is None:
                self._all.add(reader)
            else:
                self._by_user.setdefault(user_id, []).append(reader)
        return reader

    def place(self, number: int) -> str:
        """Return what `subscribe` takes as `after` to go on behind a change."""
        return f"{self.run}-{number}"

    def drain(self, reader: Subscription, most: int) -> list[ListChange]:
        """Return what a subscription has to read, at most so many."""
        with self._lock:
            if reader.dropped is not None:
                return []
            if reader.user_id is not None:
                return [reader.queue.popleft() for _ in range(min(most, len(reader.queue)))]
            if self.newest - reader.position > self._kept:
                self._drop(reader, TOLD_SLOW.format(limit=self._kept))
                return []
            found = self._between(reader.position, min(self.newest, reader.position + most))
            reader.position += len(found)
            return found

    def drop(self, reader: Subscription, why: str) -> None:
        """Let a reader have nothing more, for a reason; the first counts."""
        with self._lock:
            if reader.dropped is None:
                self._drop(reader, why)

    def leave(self, reader: Subscription) -> None:
        """Forget a subscription; nothing where it is forgotten already."""
        with self._lock:
            self._all.discard(reader)
            of_user = self._by_user.get(reader.user_id or "", [])
            if reader in of_user:
                of_user.remove(reader)
                if not of_user:
                    del self._by_user[reader.user_id or ""]

    def wake_by(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Have `wake` called after each change, quickly and from any thread; return its undoing."""
        self._wakers = [*self._wakers, wake]

        def undo() -> None:
            self._wakers = [each for each in self._wakers if each is not wake]

        return undo

    def _resume(self, reader: Subscription, after: str) -> None:
        """Put a subscription where it was; what is lost since then is not made up for."""
        run, _, number = after.rpartition("-")
        here = int(number) if number.isascii() and number.isdigit() and len(number) < 20 else -1
        if run != self.run or not 0 <= here <= self.newest:
            reader.is_resumed = False
            return
        oldest = max(here, self.newest - self._kept)
        reader.is_resumed = oldest == here
        reader.position = oldest
        if reader.user_id is not None:
            missed = self._between(oldest, self.newest)
            mine = [each for each in missed if each.user_id == reader.user_id]
            reader.is_resumed &= len(mine) <= self._queued
            reader.queue.extend(mine[-self._queued :])

    def _between(self, after: int, last: int) -> list[ListChange]:
        found = (self._ring[number % self._kept] for number in range(after + 1, last + 1))
        return [each for each in found if each is not None]

    def _drop(self, reader: Subscription, why: str) -> None:
        reader.dropped = why
        reader.queue.clear()
        self.dropped += 1
