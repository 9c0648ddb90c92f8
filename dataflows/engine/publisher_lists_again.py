"""Lists that are sent again after a topic was made anew: the topics of the lists may be empty too.

Some at a time, so that fresh events do not wait for all of them; that it is not yet done is
stored, and after a restart it begins again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from dataflows.messages.outgoing import Position
from dataflows.state.last_sent import LastSent
from dataflows.state.records import Record, Records
from learners.codec import pack, unpack_as

KIND = "again"
VERSION = 1
AT_ONCE = 200
"""Users whose lists are made in one go."""


class ListsAgain:
    """The users who are to be sent their lists again; state goes through `changed` and `restore`.

    `as_of` is the input position that those lists tell: the last of the log that was replaced.
    """

    def __init__(self, last_sent: LastSent) -> None:
        self._last_sent = last_sent
        self._waiting: deque[str] = deque()
        self._is_changed = False
        self.as_of: Position | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def begin(self, as_of: Position, store: Records) -> None:
        """Send again all lists that `store` knows of, as if nobody had had one."""
        self.as_of, self._is_changed = as_of, True
        self._fill(store)

    def take(self) -> list[str]:
        """Return the next users, at most `AT_ONCE`."""
        users = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
        if users and not self._waiting:
            self._is_changed = True
        return users

    def changed(self) -> Iterator[Record]:
        """Yield (kind, key, blob) of what changed since the last call."""
        if self._is_changed:
            self._is_changed = False
            is_on = self._waiting and self.as_of is not None
            yield KIND, "", pack(KIND, VERSION, self.as_of) if is_on else None

    def restore(self, store: Records) -> None:
        """Restore what was begun. Raises `learners.codec.StateError` if damaged."""
        blob = store.get(KIND, "")
        if blob is not None:
            self.as_of = unpack_as(blob, KIND, VERSION, Position)
            self._fill(store)

    def _fill(self, store: Records) -> None:
        self._last_sent.doubt()
        self._waiting = deque(self._last_sent.known(store.scan))
