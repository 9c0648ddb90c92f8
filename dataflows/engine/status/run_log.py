"""What a running process tells in its log: how it began, how far it is, how it ended."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import msgspec

from dataflows.state.ledger import OUTCOMES, Ledger

_log = logging.getLogger(__name__)


class RunCounts(msgspec.Struct, frozen=True):
    """Figures of a shard as of its last commit: of its whole life, but `lists` of this run."""

    arrived: int = 0
    became: tuple[int, ...] = (0,) * len(OUTCOMES)
    lists: int = 0

    def __add__(self, other: RunCounts) -> RunCounts:
        became = tuple(map(sum, zip(self.became, other.became, strict=True)))
        return RunCounts(self.arrived + other.arrived, became, self.lists + other.lists)


class RunLog:
    """Tells every `seconds` how far all shards are, whether anything moved or not.

    `about` says what runs, `lag` how much of the input is still to be read. Safe between
    threads: the shards report from theirs, and the lines are written by one of its own.
    """

    def __init__(
        self,
        about: str,
        seconds: float,
        lag: Callable[[], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._about = about
        self._seconds = seconds
        self._lag = lag
        self._clock = clock
        self._shards: dict[int, RunCounts] = {}
        self._lock = threading.Lock()
        self._last = RunCounts()
        self._since = clock()
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def opened(self, shard: int, ledger: Ledger) -> None:
        """Note a shard as it was stored: what it holds is not counted as new."""
        counts = _counts(ledger, 0)
        with self._lock:
            self._shards[shard] = counts
            self._last += counts
        _log.info("shard %d holds %s records of earlier runs", shard, f"{counts.arrived:,}")

    def committed(self, shard: int, ledger: Ledger, lists: int) -> None:
        """Note where a shard is; `lists` is how many it has sent in this run."""
        counts = _counts(ledger, lists)
        with self._lock:
            self._shards[shard] = counts

    def begin(self) -> None:
        """Log what runs, and how far it is until `finish`."""
        self._since = self._clock()
        _log.info("began: %s", self._about)
        self._thread = threading.Thread(target=self._tell_on, name="run-log", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Log the last figures, while `lag` can still be asked. Nothing where it never began."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._end.set()
        thread.join()
        self.tell()
        _log.info("the flow ended")

    def tell(self) -> None:
        """Write one line: what is new since the last, and how all is."""
        at = self._clock()
        with self._lock:
            now, last = sum(self._shards.values(), RunCounts()), self._last
            self._last = now
        seconds, self._since = at - self._since, at
        new = now.arrived - last.arrived
        _log.info(
            "%s; in the last %.1f s %s records (%.0f/s), %s lists; %s",
            *(_sum(now), seconds, f"{new:,}", new / max(seconds, 1e-3)),
            *(f"{now.lists - last.lists:,}", self._lag()),
        )

    def last(self) -> str:
        """Describe what all shards had at their last commits."""
        with self._lock:
            now = sum(self._shards.values(), RunCounts())
        return f"{_sum(now)}; {now.lists:,} lists sent since the start"

    def _tell_on(self) -> None:
        while not self._end.wait(self._seconds):
            self.tell()


def _sum(counts: RunCounts) -> str:
    parts = " + ".join(
        f"{number:,} {name.replace('_', ' ')}"
        for name, number in zip(OUTCOMES, counts.became, strict=True)
    )
    return f"{counts.arrived:,} records in = {parts}"


def _counts(ledger: Ledger, lists: int) -> RunCounts:
    figures = ledger.as_dict()
    return RunCounts(figures["in"], tuple(figures[name] for name in OUTCOMES), lists)
