"""Whether Kafka answers: good or degraded, said once at each change and now and then between.

An outage rarely ends at one stroke: connections come back one by one, and on a busy machine an
answer may come a moment before the next is late again. So an outage is over once all has been
well for as long as it takes to notice one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable

import msgspec

from dataflows.connectors.kafka.refusals import Refusals
from dataflows.lifecycle.rare_warnings import RareWarnings

TELL_EVERY = 30.0
"""Seconds between two log lines that say the same."""
SETTLE = 3.0
"""Seconds for which all must have been well before an outage is over, unless said."""


class Health:
    """The state of one side (`source` or `sink`), safe to read and to report to from any thread.

    An outage is over once `good` has been said for `settle` seconds without a word to the
    contrary; what goes wrong again within them belongs to the same one.
    `counts` holds what happened since the start: `outages`, `errors`, and what the sides
    themselves count (`jumped`, `refused`, `cut`, ...).
    """

    def __init__(
        self, name: str, clock: Callable[[], float] = time.monotonic, settle: float = SETTLE
    ) -> None:
        self.name = name
        self.counts: Counter[str] = Counter()
        self.refusals = Refusals()
        self._clock = clock
        self._settle = settle
        self._well_since: float | None = None
        self._lock = threading.Lock()
        self._log = logging.getLogger(f"{__name__}.{name}")
        self._reason: str | None = None
        self._since = clock()
        self._seldom = RareWarnings(self._log, TELL_EVERY, clock)

    @property
    def is_good(self) -> bool:
        """Whether all that was asked is answered."""
        return self._reason is None

    @property
    def reason(self) -> str | None:
        """Why it is degraded, or None where it is good."""
        return self._reason

    @property
    def seconds(self) -> float:
        """How long it has been as it is."""
        return self._clock() - self._since

    def degraded(self, reason: str) -> None:
        """Note that something does not answer, or refuses us; it is being tried again."""
        refused = self.refusals.reason
        reason = f"{reason} ({refused})" if refused else reason
        with self._lock:
            self._well_since = None
            began, lasted = self._reason is None, self._clock() - self._since
            if began:
                self.counts["outages"] += 1
                self._since = self._clock()
            self._reason = reason
        if began:
            self._log.warning("Kafka %s degraded: %s. It is tried again.", self.name, reason)
            self._seldom.logged("still")
        else:
            self.tell("still", "Kafka %s degraded for %.0f s: %s", self.name, lasted, reason)

    def good(self) -> None:
        """Note that all answers; the end of an outage where that has been so for a while."""
        with self._lock:
            if self._reason is None:
                return
            now = self._clock()
            well_since = self._well_since = now if self._well_since is None else self._well_since
            if now - well_since < self._settle:
                return
            lasted, self._since = well_since - self._since, well_since
            self._reason = self._well_since = None
        self.refusals.forget()
        self._log.warning("Kafka %s good again after %.1f s", self.name, lasted)

    def heard(self, name: str, text: str) -> None:
        """Note an error of librdkafka itself: its name and its text."""
        self.refusals.heard(name, text)
        self.error(name, text)

    def error(self, word: str, detail: str) -> None:
        """Count an error and tell it, each word at most once in `TELL_EVERY` seconds."""
        with self._lock:
            self.counts["errors"] += 1
        self.tell(word, "Kafka %s: %s: %s", self.name, word, detail)

    def count(self, word: str, number: int = 1) -> None:
        """Count something that a side did."""
        with self._lock:
            self.counts[word] += number

    def tell(self, word: str, text: str, *arguments: object) -> None:
        """Log a warning; leave it out and count it where the same word was logged just before."""
        self._seldom.warn(word, text, *arguments)


def describe_health(health: Health) -> str:
    """Describe the health of one side in a few words, with all that it counted."""
    state = "good" if health.is_good else f"degraded ({health.reason})"
    counts = ", ".join(f"{number:,} {word}" for word, number in sorted(health.counts.items()))
    return f"Kafka {health.name} {state}" + (f", {counts}" if counts else "")


class BrokerStatistics(msgspec.Struct, frozen=True):
    """librdkafka's view of a connection; `rxidle` is microseconds since it last answered."""

    nodeid: int = -1
    state: str = ""
    rxidle: int = 0
    waitresp_cnt: int = 0


class PartitionStatistics(msgspec.Struct, frozen=True):
    """librdkafka's view of a partition; -1 where it has no leader, or no offset is known.

    `hi_offset` is its end, `ls_offset` that of what may be read: open transactions lie behind it.
    """

    leader: int = -1
    desired: bool = False
    unknown: bool = False
    hi_offset: int = -1
    ls_offset: int = -1


class TopicStatistics(msgspec.Struct, frozen=True):
    """The partitions of a topic by their number as text; "-1" is librdkafka's own."""

    partitions: dict[str, PartitionStatistics] = {}


class Statistics(msgspec.Struct, frozen=True):
    """The part of librdkafka's statistics (STATISTICS.md there) that is used here."""

    brokers: dict[str, BrokerStatistics] = {}
    topics: dict[str, TopicStatistics] = {}


def silent_leader(statistics: Statistics, limit: float) -> str | None:
    """Return words on a leader of our partitions that does not answer; None if all do.

    Without a connection it does not answer; with one, if a request of ours has waited for
    more than `limit` seconds. A partition without a leader counts too.
    """
    brokers = {
        broker.nodeid: (name, broker)
        for name, broker in statistics.brokers.items()
        if broker.nodeid >= 0  # -1 is the address to start from, and "no leader" too
    }
    for topic, answer in statistics.topics.items():
        for number, partition in answer.partitions.items():
            if not partition.desired or number == "-1":
                continue
            name, broker = brokers.get(partition.leader, (None, None))
            if name is None or broker is None:
                return f"topic {topic}, partition {number} has no leader"
            if broker.state not in {"UP", "UPDATE"}:
                return f"no connection to {name.partition('/')[0]}"
            if broker.waitresp_cnt and broker.rxidle > limit * 1e6:
                return f"{name.partition('/')[0]} has not answered for {broker.rxidle / 1e6:.0f} s"
    return None
