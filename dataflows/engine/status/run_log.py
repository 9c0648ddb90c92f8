"""What a running process tells in its log: how it began, how far it is, how it ended."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import msgspec

from dataflows.engine.status.stage_times import UNTIMED
from dataflows.state.ledger import OUTCOMES, Ledger

_log = logging.getLogger(__name__)


class RunCounts(msgspec.Struct, frozen=True):
    """Figures of a shard as of its last commit: of its whole life, but `lists` of this run.

    `refreshed` are lists of this run that no event of their user made; `stale` is for how many
    changed items lists are yet to be looked through.
    """

    arrived: int = 0
    became: tuple[int, ...] = (0,) * len(OUTCOMES)
    lists: int = 0
    refreshed: int = 0
    stale: int = 0

    def __add__(self, other: RunCounts) -> RunCounts:
        became = tuple(map(sum, zip(self.became, other.became, strict=True)))
        return RunCounts(
            *(self.arrived + other.arrived, became, self.lists + other.lists),
            *(self.refreshed + other.refreshed, self.stale + other.stale),
        )


class RunLog:
    """Tells every `seconds` how far all shards are, whether anything moved or not.

    `about` says what runs, `lag` how much of the input is still to be read; what `times` count is
    told at the end. Safe between
    threads: the shards report from theirs, and the lines are written by one of its own.
    """

    def __init__(
        self,
        about: str,
        seconds: float,
        lag: Callable[[], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.times = UNTIMED
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
        counts = _counts(ledger)
        with self._lock:
            self._shards[shard] = counts
            self._last += counts
        _log.info("shard %d holds %s records of earlier runs", shard, f"{counts.arrived:,}")

    def committed(
        self, shard: int, ledger: Ledger, lists: int, refreshed: int = 0, stale: int = 0
    ) -> None:
        """Note where a shard is; see `RunCounts` for `lists`, `refreshed` and `stale`."""
        counts = _counts(ledger, lists, refreshed, stale)
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
        if self.times.passed:
            _log.info("stages: %s", self.times.summary())
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
            "%s; in the last %.1f s %s records (%.0f/s), %s lists%s; %s",
            *(_sum(now), seconds, f"{new:,}", new / max(seconds, 1e-3)),
            *(f"{now.lists - last.lists:,}", _stale(now, now.refreshed - last.refreshed)),
            self._lag(),
        )

    def last(self) -> str:
        """Describe what all shards had at their last commits."""
        with self._lock:
            now = sum(self._shards.values(), RunCounts())
        return f"{_sum(now)}; {now.lists:,} lists sent since the start{_stale(now, now.refreshed)}"

    def _tell_on(self) -> None:
        while not self._end.wait(self._seconds):
            self.tell()


def _sum(counts: RunCounts) -> str:
    parts = " + ".join(
        f"{number:,} {name.replace('_', ' ')}"
        for name, number in zip(OUTCOMES, counts.became, strict=True)
    )
    return f"{counts.arrived:,} records in = {parts}"


def _stale(now: RunCounts, refreshed: int) -> str:
    """Describe lists made anew for changed items, "" while there are none."""
    apart = f" and {refreshed:,} made anew for changed items" if refreshed else ""
    left = f", lists yet to be looked through for {now.stale:,} changed items" if now.stale else ""
    return apart + left


def _counts(ledger: Ledger, lists: int = 0, refreshed: int = 0, stale: int = 0) -> RunCounts:
    figures = ledger.as_dict()
    became = tuple(figures[name] for name in OUTCOMES)
    return RunCounts(figures["in"], became, lists, refreshed, stale)
