"""What each user was last sent, for a bounded number of users.

Needed to tell whether a list has changed, and to score the list that a user really
had. Users are kept in two generations: when the newer one is full, the older one is
dropped. Which users are kept depends on the order of events alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge
from operator import itemgetter
from typing import Any

import msgspec
from msgspec.structs import replace

from dataflows.state.records import Load, Record, Scan, ScanFrom
from learners.codec import decode

KIND = "served"
KIND_STATE = "served:state"
IN_MEMORY = 20_000


class LastList(msgspec.Struct, array_like=True):
    """The item ids of the last list sent, best first, and the top needs told with it.

    `intent` is that of the newest event, `belief` that of the session. `changes` is how many
    changes of the catalogue the list is as of. `partition` and `offset` are those of the user's
    newest event, "" where an earlier release stored it. `is_refreshed`: it was made for no event
    of the user, and none came since.
    """

    ids: tuple[str, ...] = ()
    intent: str | None = None
    belief: str | None = None
    changes: int = 0
    partition: str = ""
    offset: int = 0
    is_refreshed: bool = False

    def says_same(self, other: LastList) -> bool:
        """Return whether somebody who has this one need not be sent the other."""
        told = (self.ids, self.intent, self.belief)
        return told == (other.ids, other.intent, other.belief)


_STORED: Any = LastList | None


class _Generation(msgspec.Struct, array_like=True):
    number: int = 0
    users: int = 0


class _Entry(msgspec.Struct):
    """`sequence` is that of the list in `last`, 0 where it was sent before this run.

    It is not stored: which of equal lists is sent depends on where micro-batches end.
    """

    generation: int
    last: LastList | None
    is_changed: bool
    sequence: int = 0


class LastSent:
    """Last lists of the users touched most recently: at least `limit // 2`, at most `limit`.

    With `after_crash` what is stored may be older than what was sent: the run that broke
    off may have sent lists that it did not live to store. They were made for events that
    come again now, so a user is uncertain until this run has sent them a list.

    `changes` is how many changes of the catalogue there were: whoever counts them sets it, and
    each list is kept with what it was then.
    """

    def __init__(self, load: Load, limit: int = 200_000, *, after_crash: bool = False) -> None:
        if limit < 2:
            raise ValueError(f"the limit of users is {limit}; it must be at least 2")
        self._load = load
        self._limit = limit
        self._state = _Generation()
        self._is_state_changed = False
        self._entries: dict[str, _Entry] = {}
        self._deleted: set[tuple[int, str]] = set()
        self._dropped: list[int] = []
        self._renewed: dict[str, int] = {}
        self.changes = 0
        self._certain: set[str] | None = set() if after_crash else None

    def __len__(self) -> int:
        """Return for how many users something may be kept, at most."""
        return self._state.users + (self._limit // 2 if self._state.number else 0)

    def note_event(self, user_id: str, partition: str, offset: int) -> LastList | None:
        """Note an event of this user and where it stood; return what they were last sent.

        An empty `LastList`: nothing so far. None: something may have been sent, and is forgotten.
        """
        entry = self._touched(user_id)
        last = entry.last
        if last is not None:
            as_of = {"partition": partition, "offset": offset, "changes": self.changes}
            entry.last = replace(last, **as_of, is_refreshed=False)
            entry.is_changed = True
        return last

    def sure(self, user_id: str) -> LastList | None:
        """Touch this user; return what they were last sent for sure, empty for nothing so far.

        None: it is forgotten, or what is stored of it may be older.
        """
        entry = self._touched(user_id)
        return entry.last if self._certain is None or user_id in self._certain else None

    def list_of(self, user_id: str, sequence: str) -> tuple[str, ...] | None:
        """Return the items of a user's newest list if this is its `sequence`, as text.

        None where it is another, or was sent before this run.
        """
        entry = self._entries.get(user_id)
        if entry is None or entry.last is None or not entry.sequence:
            return None
        return entry.last.ids if sequence == str(entry.sequence) else None

    def send(self, user_id: str, last: LastList, sequence: int | None = None) -> None:
        """Note what the user, who has been touched, is sent.

        `sequence` is that of the list; None where it is the one that they have.
        """
        entry = self._entries[user_id]
        entry.sequence = entry.sequence if sequence is None else sequence
        entry.last = replace(last, changes=self.changes)
        entry.is_changed = True
        if self._certain is not None:
            if len(self._certain) >= self._limit:
                self._certain.clear()
            self._certain.add(user_id)

    def refresh(self, user_id: str, ids: tuple[str, ...], sequence: int = 0) -> None:
        """Note a list that was made for no event of this user, who has one that is known.

        They count as touched no more than before, and as no more certain: after a crash their
        own events come again, and are yet to be told of.
        """
        entry = self._entries.get(user_id) or self._stored(user_id)
        if entry is not None and entry.last is not None:
            entry.last = replace(entry.last, ids=ids, is_refreshed=True, changes=self.changes)
            entry.is_changed, entry.sequence = True, sequence
            self._entries[user_id] = entry

    def doubt(self) -> None:
        """Forget who is certain to have what they were sent."""
        self._certain = set()

    @property
    def is_empty(self) -> bool:
        """Whether nobody was ever touched."""
        return self._state == _Generation()

    @property
    def generations(self) -> tuple[int, int]:
        """The numbers of the two generations, the older one first."""
        return max(0, self._state.number - 1), self._state.number

    def walk(
        self, generation: int, after: str, scan: ScanFrom
    ) -> Iterator[tuple[str, LastList | None]]:
        """Yield the users of a generation behind `after`, by their ids, with what they were sent.

        None: that is forgotten. Whatever of them is stored by now, they are the same. `scan` lists
        what is stored. Touch nobody in between.
        """
        unsaved = sorted(
            user_id
            for user_id, number in self._renewed.items()
            if number == generation and user_id > after
        )
        stored = scan(_kind(generation), f"{after}\0" if after else "")
        rows = merge(((user_id, b"") for user_id in unsaved), stored, key=itemgetter(0))
        for user_id, blob in rows:
            if blob and (generation, user_id) in self._deleted:
                continue
            entry = self._entries.get(user_id)
            yield user_id, decode(blob, _STORED) if entry is None else entry.last

    def known(self, scan: Scan) -> Iterator[str]:
        """Yield the users who have a list, as far as that is stored."""
        for generation in (self._state.number - 1, self._state.number):
            for user_id, blob in scan(_kind(generation)):
                last: LastList | None = decode(blob, _STORED)
                if last is not None and last.ids:
                    yield user_id

    def changed(self, scan: Scan) -> Iterator[Record]:
        """Yield the records changed since the last call; `scan` lists what is stored."""
        for generation in self._dropped:
            kind = _kind(generation)
            yield from [(kind, key, None) for key, _ in scan(kind)]
        for generation, user_id in sorted(self._deleted):
            yield _kind(generation), user_id, None
        for user_id, entry in self._entries.items():
            if entry.is_changed:
                entry.is_changed = False
                yield _kind(entry.generation), user_id, msgspec.msgpack.encode(entry.last)
        if self._is_state_changed:
            yield KIND_STATE, "", msgspec.msgpack.encode(self._state)
        self._dropped, self._deleted, self._is_state_changed = [], set(), False
        self._renewed = {}
        self._trim()

    def restore(self, scan: Scan) -> None:
        """Restore what is stored; users are read when they turn up."""
        for _, blob in scan(KIND_STATE):
            self._state = decode(blob, _Generation)

    def _touched(self, user_id: str) -> _Entry:
        """Return the entry of a user who is touched now, which is of the newest generation."""
        entry = self._entries.pop(user_id, None) or self._stored(user_id)
        if entry is None or entry.generation != self._state.number:
            return self._renew(user_id, entry)
        self._entries[user_id] = entry  # now the newest in memory
        return entry

    def _stored(self, user_id: str) -> _Entry | None:
        for generation in (self._state.number, self._state.number - 1):
            if generation in self._dropped or (generation, user_id) in self._deleted:
                continue
            blob = self._load(_kind(generation), user_id)
            if blob is not None:
                return _Entry(generation, decode(blob, _STORED), is_changed=False)
        return None

    def _renew(self, user_id: str, entry: _Entry | None) -> _Entry:
        if self._state.users >= self._limit // 2:
            self._rotate()
        if entry is not None and entry.generation < self._state.number:
            self._deleted.add((entry.generation, user_id))
        never = LastList() if self._state.number < 2 else None  # none was dropped, or some were
        last = entry.last if entry is not None else never
        renewed = self._entries[user_id] = _Entry(self._state.number, last, is_changed=True)
        self._renewed[user_id] = self._state.number
        self._state.users += 1
        self._is_state_changed = True
        return renewed

    def _rotate(self) -> None:
        self._state = _Generation(self._state.number + 1, 0)
        oldest = self._state.number - 2
        self._dropped.append(oldest)
        gone = [user for user, entry in self._entries.items() if entry.generation <= oldest]
        for user_id in gone:
            del self._entries[user_id]

    def _trim(self) -> None:
        for user_id in list(self._entries)[: max(0, len(self._entries) - IN_MEMORY)]:
            del self._entries[user_id]


def _kind(generation: int) -> str:
    return f"{KIND}:{generation}"
