"""Curves of the last minutes: a thread takes a point now and then, and the newest are kept."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable

from dataflows.engine.status.histogram import SecondsHistogram
from dataflows.lifecycle.rare_warnings import RareWarnings
from dataflows.serve.metrics.process import ProcessFigures
from dataflows.serve.metrics.shard import ShardFigures
from dataflows.serve.status import NEEDS, SAMPLES, IntentShares, Sample

_log = logging.getLogger(__name__)


class Samples:
    """Takes a point of each curve every `seconds` while `begin` was called and not yet `finish`.

    `points` and `intents` are the newest `SAMPLES`, the oldest first; to be read by anybody.
    """

    def __init__(
        self, figures: ProcessFigures, seconds: float, clock: Callable[[], float] = time.time
    ) -> None:
        self.points: deque[Sample] = deque(maxlen=SAMPLES)
        self.intents: deque[IntentShares] = deque(maxlen=SAMPLES)
        self._figures = figures
        self._seconds = seconds
        self._clock = clock
        self._at = clock()
        self._records: dict[int, int] = {}
        self._lists: dict[int, int] = {}
        self._delays: dict[int, list[int]] = {}
        self._end = threading.Event()
        self._thread: threading.Thread | None = None
        self._seldom = RareWarnings(_log)

    def begin(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="samples", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """End the thread."""
        self._end.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    def take(self) -> None:
        """Take a point of each curve now."""
        now = self._clock()
        seconds = max(now - self._at, 1e-3)
        self._at = now
        shards = self._figures.read()
        records = sum(self._new(self._records, one, one.ledger["in"]) for one in shards)
        lists = sum(
            self._new(
                self._lists,
                one,
                one.counts.get("lists_sent", 0) + one.counts.get("lists_refreshed", 0),
            )
            for one in shards
        )
        delays = self._new_delays()
        self.points.append(
            Sample(
                time=now,
                seconds=seconds,
                events_per_second=records / seconds,
                lists_per_second=lists / seconds,
                latency_p50=delays.quantile(0.5),
                latency_p99=delays.quantile(0.99),
                lag=sum(self._figures.around.unread().values()),
            )
        )
        needs: Counter[str] = Counter()
        for watch in list(self._figures.watches.values()):
            needs.update(watch.take_needs())
        if needs:
            self.intents.append(_shares(needs, now))

    def _new(self, known: dict[int, int], one: ShardFigures, now: int) -> int:
        """Return how many are new of a shard since the last point; of its first, none."""
        before = known.get(one.shard, now)
        known[one.shard] = now
        return max(0, now - before)

    def _new_delays(self) -> SecondsHistogram:
        """Return how long the lists took that left since the last point."""
        all_new = SecondsHistogram()
        for shard, watch in list(self._figures.watches.items()):
            counts = list(watch.delay.counts)
            all_new.merge(watch.delay.since(self._delays.get(shard, [0] * len(counts))))
            self._delays[shard] = counts
        return all_new

    def _run(self) -> None:
        while True:
            try:
                if self._figures.history is not None:
                    self._figures.history.look()
                self.take()
            # Figures must never end what they tell of; the next point is tried.
            except Exception as error:  # noqa: BLE001
                self._seldom.warn("sample", "no point of the curves could be taken: %s", error)
            if self._end.wait(self._seconds):
                return


def _shares(needs: Counter[str], now: float) -> IntentShares:
    whole = needs.total()
    shares = {need: count / whole for need, count in needs.most_common(NEEDS)}
    return IntentShares(time=now, shares=shares, rest=max(0.0, 1.0 - sum(shares.values())))
