"""What cleaning remembers of the stream: how far its time has come, ids, how often users came.

The last two are in bounded memory: they are exact for what they hold, forget the oldest, and forget
alike whether a state was stored and restored in between or not.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from hashlib import blake2b

import msgspec

from dataflows.state.records import Record, Scan
from learners.codec import pack, unpack_as

KIND_IDS = "clean:ids"
KIND_RATES = "clean:rates"
VERSION = 1
SEGMENT = 512
"""Ids in a record."""
MINUTE = 60.0
_WIDTH = 8


class Watermark(msgspec.Struct):
    """State of event time, in seconds since 1970; None before the first two users.

    One event dated ahead must not make all honest ones late. So time moves on freely by up to
    `max_skew` seconds past where it stands; a longer step is believed when two users in a row make
    it (after a quiet night everybody does), and then only as far as the lower of the two. An event
    that still fits the old time disproves the step.

    `claim` is a longer step that waits for a second user, with `claimant` who made it.
    """

    time: float | None = None
    claim: float | None = None
    claimant: str = ""

    def lateness(self, ts: float) -> float:
        """Return the seconds by which `ts` lies behind event time; never negative."""
        return 0.0 if self.time is None or ts >= self.time else self.time - ts

    def advance(self, ts: float, user_id: str, max_skew: float) -> None:
        """Advance by an event of this user, dated `ts`."""
        time = self.time
        if time is None or ts > time + max_skew:
            self._step(ts, user_id, max_skew)
            return
        if ts >= time - max_skew:
            self.claim = None
        self.time = max(time, ts)

    def _step(self, ts: float, user_id: str, max_skew: float) -> None:
        if self.claim is None or user_id == self.claimant:
            self.claim, self.claimant = ts, user_id
            return
        self.time = min(self.claim, ts)
        ahead = max(self.claim, ts)
        if ahead <= self.time + max_skew:
            self.time, self.claim = ahead, None
        elif ts == ahead:
            self.claim, self.claimant = ts, user_id


class SeenIds:
    """Memory of the last `capacity` distinct ids, to drop redelivered events; 0 switches it off.

    Ids are kept as 64-bit BLAKE2b hashes, in the order of arrival, in segments of 512;
    when a new one begins, those that are no longer needed are forgotten. At least the
    last `capacity` ids are known, and fewer than 1,024 more. Two different ids share a hash with
    a probability of 1e-14 per event at the default capacity. A segment is one record,
    so that a commit rewrites 4 kB at most, whatever the capacity.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._known: set[bytes] = set()
        self._segments: deque[tuple[int, bytearray]] = deque()
        self._dirty: set[int] = set()
        self._gone: list[int] = []

    def __len__(self) -> int:
        return len(self._known)

    def add(self, event_id: str) -> bool:
        """Remember the id. Returns whether it is new."""
        if not self._capacity:
            return True
        mark = blake2b(event_id.encode(), digest_size=_WIDTH).digest()
        if mark in self._known:
            return False
        self._known.add(mark)
        if not self._segments or len(self._segments[-1][1]) == SEGMENT * _WIDTH:
            self._open()
        serial, marks = self._segments[-1]
        marks += mark
        self._dirty.add(serial)
        return True

    def changed(self) -> Iterator[Record]:
        """Return the records of segments filled, begun or forgotten since the last call."""
        gone, dirty = self._gone, self._dirty
        self._gone, self._dirty = [], set()
        records: list[Record] = [(KIND_IDS, _key(serial), None) for serial in gone]
        for serial, marks in self._segments:
            if serial in dirty:
                records.append((KIND_IDS, _key(serial), pack(KIND_IDS, VERSION, bytes(marks))))
        return iter(records)

    def restore(self, scan: Scan) -> None:
        """Restore the segments of an earlier run; a smaller capacity forgets the oldest."""
        found = sorted(
            (int(key), unpack_as(blob, KIND_IDS, VERSION, bytes)) for key, blob in scan(KIND_IDS)
        )
        self._segments = deque((serial, bytearray(marks)) for serial, marks in found)
        self._known = {
            bytes(marks[at : at + _WIDTH])
            for _, marks in found
            for at in range(0, len(marks), _WIDTH)
        }
        self._dirty, self._gone = set(), []
        self._forget()

    def _open(self) -> None:
        serial = self._segments[-1][0] + 1 if self._segments else 0
        self._segments.append((serial, bytearray()))
        self._forget()

    def _forget(self) -> None:
        # Only full segments count, so that a restored memory forgets when an unbroken one does.
        while len(self._segments) > 1:
            serial, oldest = self._segments[0]
            kept = len(self._known) - (len(oldest) + len(self._segments[-1][1])) // _WIDTH
            if kept < self._capacity:
                return
            self._segments.popleft()
            self._known.difference_update(
                bytes(oldest[at : at + _WIDTH]) for at in range(0, len(oldest), _WIDTH)
            )
            self._dirty.discard(serial)
            self._gone.append(serial)


def _key(serial: int) -> str:
    return f"{serial:012d}"


class _Minute(msgspec.Struct, array_like=True):
    """`start` in seconds since 1970, events `count`ed, and when last touched, as a serial."""

    start: float
    count: int
    touched: int


class EventRates:
    """Events per user within their current minute, for the `capacity` users seen last.

    That is what bots give away. A minute begins with a user's first event in it, and is known by
    the time of the events, so that a replay of a log judges as the live stream did. An event
    dated a minute or more before or after that begins a new one. By the time that a user is
    forgotten, `capacity` others have been active since, so their minute is over in any stream
    that is not far beyond the limits of one process.
    """

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
        records: list[Record] = [(KIND_RATES, user, None) for user in gone]
        records += (
            (KIND_RATES, user, pack(KIND_RATES, VERSION, self._minutes[user])) for user in dirty
        )
        return iter(records)

    def restore(self, scan: Scan) -> None:
        """Restore the minutes of an earlier run; a smaller capacity forgets the oldest."""
        found = [
            (key, unpack_as(blob, KIND_RATES, VERSION, _Minute)) for key, blob in scan(KIND_RATES)
        ]
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
