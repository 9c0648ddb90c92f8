"""Events of several partitions, merged by their time.

Read one after the other, the partitions of a backlog would be learnt so: hours of one, then
the same hours of the next. So an event waits until each other partition has one to compare,
or is read to its end. A partition that has more at the broker and does not give it is waited
for a while, and then no more until it does. A stream that has caught up has every partition at
its end, and nothing is held.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from heapq import heappop, heappush
from math import inf
from time import monotonic
from typing import NamedTuple

from dataflows.messages.decoded_records import Rendered
from dataflows.messages.events import EventRecord
from dataflows.messages.raw import EARLIEST_BROKER_TIME, Raw

GRACE = 0.1
"""The part of the time for which a partition may be waited for that each stall may take unseen.

A record that is far ahead of all others waits for many reads of theirs.
"""


class _Held(NamedTuple):
    """A record, the time it is merged by, and when it came.

    `came` is what the clock of stalls showed then, `read` what the clock itself did.
    """

    record: Rendered
    time: float
    came: float
    read: float


class Merge:
    """Records in as they are read, out by event time; those of one partition in their order.

    `partitions` gives the names of the events topic's, `is_ended` says of one whether it is
    read to its end for now. An event's time counts as no later than the broker's and
    `max_skew` seconds; what cannot be read, or is no event, goes by the broker's. Records of
    other topics, and those without any time, are not held. No record waits for others for
    more than `seconds` in all, moments apart (`GRACE`); `given_up` is told which are not
    waited for any more.
    """

    def __init__(
        self,
        partitions: Callable[[], Collection[str]],
        is_ended: Callable[[str], bool],
        *,
        seconds: float,
        max_skew: float,
        given_up: Callable[[Collection[str]], None] = lambda _: None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.bytes_held = 0
        self.is_stalled = False
        self._partitions = partitions
        self._is_ended = is_ended
        self._seconds = seconds
        self._max_skew = max_skew
        self._tell = given_up
        self._clock = clock
        self._free: deque[_Held] = deque()
        self._queues: dict[str, deque[_Held]] = {}
        self._heads: list[tuple[float, str]] = []
        self._given_up: set[str] = set()
        self._stalled = 0.0
        self._since: float | None = None

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to merge, or anything is held."""
        return len(self._partitions()) > 1 or bool(self._heads)

    def waiting(self) -> dict[str, int]:
        """Return how many records are held, by partition. From any thread."""
        return {name: len(queue) for name, queue in list(self._queues.items())}

    @property
    def is_holding(self) -> bool:
        """Whether anything is held."""
        return bool(self._heads)

    @property
    def is_lopsided(self) -> bool:
        """Whether a partition has nothing to compare, at its end or not."""
        return any(not self._queues.get(name) for name in self._partitions())

    def lacking(self) -> set[str]:
        """Return the partitions that are to be waited for: not at their end, and with nothing."""
        return {
            name
            for name in self._partitions()
            if not self._queues.get(name) and name not in self._given_up
            if not self._is_ended(name)
        }

    def put(self, records: Iterable[Rendered]) -> None:
        """Add what was read, decoded."""
        now = self._clock()
        names, came = self._partitions(), self._stall_clock(now)
        for record in records:
            name = record.raw.partition
            if name not in names:
                self._free.append(_Held(record, -inf, came, now))
                continue
            self._given_up.discard(name)
            queue = self._queues.setdefault(name, deque())
            held = _Held(record, self._time(record), came, now)
            if not queue:
                heappush(self._heads, (held.time, name))
            queue.append(held)
            self.bytes_held += _size(record.raw)

    def take(self, most: int, *, is_full: bool = False) -> list[Rendered]:
        """Return the next records, at most so many; none while a partition is waited for.

        `is_full`: no more can be read before some are given, so that waiting is in vain.
        """
        taken: list[Rendered] = []
        while self._free and len(taken) < most:
            taken.append(self._free.popleft().record)
        lacking = set() if is_full else self.lacking()
        self.is_stalled = False
        while self._heads and len(taken) < most:
            if lacking and self._heads[0][0] > -inf and self._waits(lacking):
                self.is_stalled = True
                return taken
            self._go_on()
            held, is_last = self._pop()
            taken.append(held.record)
            name = held.record.raw.partition
            if not is_last or is_full or name in self._given_up or self._is_ended(name):
                continue
            lacking.add(name)
        self._go_on()
        return taken

    def let_go(self, ends: Mapping[str, float], before: float) -> tuple[list[Rendered], int]:
        """Return, in their order, the records of partitions that are read no more, and hold none.

        `ends` says of these partitions where the logs end that have taken their place. Only
        what cannot be of those is given: what lies beyond, or was put in before a moment, by
        the clock. Also gives how many others of these partitions were held. What is held of
        partitions that are read on comes again.
        """
        held = [*self._free]
        self._free.clear()
        while self._heads:
            held.append(self._pop()[0])
        theirs = [each for each in held if each.record.raw.partition in ends]
        given = [
            each.record
            for each in theirs
            if each.read < before or each.record.raw.offset >= ends[each.record.raw.partition]
        ]
        return given, len(theirs) - len(given)

    def _pop(self) -> tuple[_Held, bool]:
        """Take the record that is next by time; whether it is the last held of its partition."""
        _, name = heappop(self._heads)
        queue = self._queues[name]
        held = queue.popleft()
        self.bytes_held -= _size(held.record.raw)
        if queue:
            heappush(self._heads, (queue[0].time, name))
        return held, not queue

    def _waits(self, lacking: set[str]) -> bool:
        """Return whether to wait for these still; after too long they are given up for now."""
        now = self._clock()
        if self._since is None:
            self._since = now
        if now - self._since < self._grace:
            return True
        first = min(self._queues[name][0].came for _, name in self._heads)
        if self._stall_clock(now) - first < self._seconds:
            return True
        self._given_up |= lacking
        self._tell(sorted(lacking))
        lacking.clear()
        self._go_on()
        return False

    @property
    def _grace(self) -> float:
        """Seconds of a stall that are not held against anybody: to read on takes a moment."""
        return GRACE * self._seconds

    def _go_on(self) -> None:
        """Stop the clock of stalls."""
        if self._since is not None:
            self._stalled, self._since = self._stall_clock(self._clock()), None

    def _stall_clock(self, now: float) -> float:
        lasted = 0.0 if self._since is None else now - self._since
        return self._stalled + (lasted if lasted >= self._grace else 0.0)

    def _time(self, record: Rendered) -> float:
        broker = record.raw.timestamp
        if broker is not None and broker < EARLIEST_BROKER_TIME:
            broker = None
        if isinstance(record.one, EventRecord):
            ts = record.one.ts
            return ts if broker is None else min(ts, broker + self._max_skew)
        return -inf if broker is None else broker


def _size(raw: Raw) -> int:
    return len(raw.value or b"") + len(raw.key or b"")
