"""How many events each user sends within a minute, in bounded memory: what bots give away.

A minute begins with a user's first event in it, and is known by the time of the
events, so that a replay of a log judges as the live stream did. An event dated a
minute or more before or after that begins a new one. Only the users of the last
events are remembered (`capacity` of them); by the time that one is forgotten, that
many others have been active since, so their minute is over in any stream that
is not far beyond the limits of one process.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

import msgspec

from dataflows.state.records import Record, Scan
from learners.codec import pack, unpack_as

KIND = "clean:rates"
VERSION = 1
MINUTE = 60.0


class _Minute(msgspec.Struct, array_like=True):
    """`start` in seconds since 1970, events `count`ed, and when last touched, as a serial."""

    start: float
    count: int
    touched: int


class EventRates:
    """Events per user within their current minute, for the `capacity` users seen last."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._minutes: OrderedDict[str, _Minute] = OrderedDict()
        self._serial = 0
        self._dirty: set[str] = set()
        self._gone: set[str] = set()

    def __len__(self) -> int:
        return len(self._minutes)

    def add(self, user_id: str, ts: float) -> int:
        """Count an event dated `ts`. Returns the count of the user's minute, this one included."""
        self._serial += 1
        minute = self._minutes.get(user_id)
        if minute is None:
            minute = self._minutes[user_id] = _Minute(ts, 0, 0)
            self._gone.discard(user_id)
            self._forget()
        else:
            self._minutes.move_to_end(user_id)
            if not -MINUTE < ts - minute.start < MINUTE:
                minute.start, minute.count = ts, 0
        minute.count += 1
        minute.touched = self._serial
        self._dirty.add(user_id)
        return minute.count

    def changed(self) -> Iterator[Record]:
        """Return the records of users counted or forgotten since the last call."""
        dirty, gone = sorted(self._dirty), sorted(self._gone)
        self._dirty, self._gone = set(), set()
        records: list[Record] = [(KIND, user, None) for user in gone]
        records += ((KIND, user, pack(KIND, VERSION, self._minutes[user])) for user in dirty)
        return iter(records)

    def restore(self, scan: Scan) -> None:
        """Restore the minutes of an earlier run; a smaller capacity forgets the oldest."""
        found = [(key, unpack_as(blob, KIND, VERSION, _Minute)) for key, blob in scan(KIND)]
        found.sort(key=lambda entry: entry[1].touched)
        self._minutes = OrderedDict(found)
        self._serial = found[-1][1].touched if found else 0
        self._dirty, self._gone = set(), set()
        self._forget()

    def _forget(self) -> None:
        while len(self._minutes) > self._capacity:
            user_id, _ = self._minutes.popitem(last=False)
            self._dirty.discard(user_id)
            self._gone.add(user_id)
