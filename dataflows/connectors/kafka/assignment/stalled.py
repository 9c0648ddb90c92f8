"""Partitions that have more at the broker and give nothing, though there is room for it.

A client library may stop reading one partition of many and say nothing, for days. That is seen
only by whoever compares where a partition ends with how far it is read. It is looked at while
the consumer has nothing in hand: what waits in its queue, or behind records of others, does
not stand still.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import msgspec

from dataflows.config.kafka import KafkaSettings
from dataflows.connectors.kafka.assignment.end_offsets import Ends
from dataflows.connectors.kafka.assignment.log_identity import Where, partition_name
from dataflows.connectors.kafka.health import Statistics

MOST_SECONDS = 60.0
"""Between two times that a partition which goes on giving nothing is fetched anew."""
TWICE = 2
WAIT = "fetch.wait.max.ms"
_WAIT_MS = 500


def patience(settings: KafkaSettings) -> float:
    """Return the seconds of silence that are too long: more than a broker may wait for more."""
    wait = (settings.client | settings.consumer).get(WAIT, _WAIT_MS)
    return max(settings.degraded_seconds, 2 * float(wait) / 1000)


class _Seen(msgspec.Struct, gc=False):
    """How far a partition is read, since when, where it ends, and what was done about it.

    `asked` and `fetched` are its end as the broker answered to a question, and as the consumer
    last saw it. `ended`: the end that was known when the broker said that there was nothing
    more. `behind`: since when it has more and the consumer nothing in hand, None where not.
    `short`: how many answers in a row named an end before the position.
    """

    at: int
    since: float
    asked: int = -1
    fetched: int = -1
    ended: int = -1
    behind: float | None = None
    tries: int = 0
    short: int = 0

    @property
    def end(self) -> int:
        return max(self.asked, self.fetched)

    @property
    def has_more(self) -> bool:
        return self.end > max(self.at, self.ended)

    def rest(self) -> None:
        """Note that nothing is amiss."""
        self.behind, self.tries = None, 0


class Standstill:
    """Finds partitions that give nothing for `seconds` while `ends` has more of them."""

    def __init__(
        self, seconds: float, ends: Ends, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._every = min(1.0, seconds / 2)
        self._ends = ends
        self._clock = clock
        self._next = clock()
        self._seen: dict[Where, _Seen] = {}

    @property
    def is_time(self) -> bool:
        """Whether `starving` has something to do."""
        return self._clock() >= self._next

    def starving(self, positions: Mapping[Where, int]) -> list[Where]:
        """Note that the consumer has nothing in hand; return the partitions to fetch anew.

        `positions`: where each partition is to be read on. A partition that gives nothing is
        given again after a time that doubles. Quick: it may be called after each empty poll.
        """
        now = self._clock()
        if now < self._next:
            return []
        self._next = now + self._every
        self.look(positions)
        for where, end in self._ends.answers().items():
            if (seen := self._seen.get(where)) is not None:
                seen.asked = end
                seen.short = seen.short + 1 if 0 <= end < seen.at else 0
        quiet = [where for where, seen in self._seen.items() if now - seen.since >= self._every]
        if quiet:
            self._ends.ask(quiet)
        return [where for where, seen in self._seen.items() if self._is_due(seen, now)]

    def short(self) -> list[Where]:
        """Return the partitions that the broker says end before the position, asked twice.

        The first answer may be to a question of before the last records came.
        """
        return [where for where, seen in self._seen.items() if seen.short >= TWICE]

    def look(self, positions: Mapping[Where, int]) -> None:
        """Note which partitions have moved; those that are not named are not read for now."""
        now = self._clock()
        for where in self._seen.keys() - positions.keys():
            del self._seen[where]
        for where, at in positions.items():
            seen = self._seen.get(where)
            if seen is None or at < seen.at:  # new to us, or another topic of that name
                self._seen[where] = _Seen(at, now)
            elif seen.at != at:
                seen.at, seen.since, seen.short = at, now, 0
                seen.rest()

    def take(self, statistics: Statistics) -> None:
        """Note where the consumer itself saw partitions end."""
        for where, seen in self._seen.items():
            topic = statistics.topics.get(where[0])
            known = topic.partitions.get(str(where[1])) if topic is not None else None
            if known is not None:
                seen.fetched = known.ls_offset

    def interrupted(self) -> None:
        """Note that a broker does not answer: what gives nothing meanwhile has its reason."""
        for seen in self._seen.values():
            seen.rest()

    def reached_end(self, where: Where) -> None:
        """Note that the broker has nothing more in this partition for now."""
        seen = self._seen.get(where)
        if seen is not None:
            seen.ended, seen.since = seen.end, self._clock()
            seen.rest()

    def end(self, where: Where) -> int:
        """Return where a partition ends as far as is known, -1 where nothing is."""
        seen = self._seen.get(where)
        return -1 if seen is None else seen.end

    def said(self) -> str | None:
        """Return which partition stands still though it was fetched anew, None where none does."""
        standing = [(where, seen) for where, seen in self._seen.items() if seen.tries]
        if not standing:
            return None
        where, seen = standing[0]
        more = f", and {len(standing) - 1} more" if standing[1:] else ""
        return (
            f"{partition_name(where)} has given nothing for {self._clock() - seen.since:.0f} s "
            f"at offset {seen.at}, {seen.end - seen.at} records short of its end{more}"
        )

    def _is_due(self, seen: _Seen, now: float) -> bool:
        if not seen.has_more:
            seen.rest()
            return False
        if seen.behind is None:
            seen.behind = now
        wait = min(self._seconds * 2**seen.tries, max(MOST_SECONDS, self._seconds))
        if now - seen.behind < wait:
            return False
        seen.behind, seen.tries = now, seen.tries + 1
        return True
