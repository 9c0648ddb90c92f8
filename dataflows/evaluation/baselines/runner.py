"""One baseline along the trace of a replay: asked before each group, told after it.

Clock, candidates and tie rule are the judge's (docs/explanation/replay.md): one answer serves all
members of a group, the candidates are the items met before it less those that the user has
where repeats are off, and ties count against the baseline.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from dataflows.evaluation.baselines.protocol import Baseline, HasNotes, Scores
from dataflows.evaluation.judging.trace import Trace
from dataflows.evaluation.metrics.rank_metrics import MISS, Ranks

GROUPS_A_TICK = 256


class BaselineRun(NamedTuple):
    """`ranks` `(scored,)` in the order of the scored rows; CPU time of asking and learning.

    `events` are the interactions learnt, scored or not; `notes` is what the baseline declares.
    """

    ranks: Ranks
    cpu_seconds: float
    events: int
    notes: tuple[str, ...] = ()


class BaselineRunner:
    """Follows a trace with one baseline, also while the trace still grows.

    `cpu_seconds` is what the baseline's own calls took, on all threads; ranking is not in it.
    """

    def __init__(self, baseline: Baseline, trace: Trace, *, repeats_on: bool) -> None:
        self.cpu_seconds = 0.0
        self.done = 0
        self._baseline = baseline
        self._trace = trace
        self._repeats_on = repeats_on
        self._ranks = array("q")
        self._own: dict[int, set[int]] = {}

    def ranks(self, newest: int | None = None) -> Ranks:
        """Return the ranks so far, all or the newest n, int64 `(n,)`."""
        kept = self._ranks if newest is None else self._ranks[-newest:] if newest else []
        return np.array(kept, dtype=np.int64)

    def advance(self, groups: int | None = None) -> None:
        """Advance to before the group with this number; to before the newest, which may grow."""
        for number in range(self.done, len(self._trace) - 1 if groups is None else groups):
            self._take(number)
            self.done = number + 1

    def finish(self) -> BaselineRun:
        """Advance to the end of the trace, which is whole by now."""
        self.advance(len(self._trace))
        notes = tuple(self._baseline.notes) if isinstance(self._baseline, HasNotes) else ()
        return BaselineRun(self.ranks(), self.cpu_seconds, self._trace.interactions, notes)

    def _take(self, number: int) -> None:
        group, (seen, rows) = self._trace.group(number), self._trace.question(number)
        own = set() if self._repeats_on else self._own.setdefault(group.user, set())
        if rows:
            scores = self._ask(group.user, group.ts, seen)
            self._ranks.extend(rank_in(scores, row, own) for row in rows)
        if len(group.items):
            started = time.process_time()
            self._baseline.learn(group)
            self.cpu_seconds += time.process_time() - started
            own.update(group.items.tolist())

    def _ask(self, user: int, ts: float, seen: int) -> Scores:
        if not seen:
            return np.empty(0)
        started = time.process_time()
        scores = self._baseline.scores(user, ts, seen)
        self.cpu_seconds += time.process_time() - started
        if scores.shape != (seen,):
            name = type(self._baseline).__name__
            raise ValueError(f"{name} gave scores of shape {scores.shape} for {seen} items")
        return scores


def warm_up(baseline: Baseline, trace: Trace, groups: int = 20) -> None:
    """Run a baseline that is thrown away over the first groups.

    What is imported, compiled or read at the first call is no part of a method's speed.
    """
    for number in range(min(groups, len(trace))):
        group, (seen, _) = trace.group(number), trace.question(number)
        if seen:
            baseline.scores(group.user, group.ts, seen)
        if len(group.items):
            baseline.learn(group)


def rank_in(scores: Scores, row: int, own: set[int]) -> int:
    """Return the pessimistic rank of `row` among all scored rows but those in `own`.

    `MISS` where it has no score: beyond the end, NaN or minus infinity.
    """
    if row >= len(scores) or not scores[row] > -np.inf:
        return MISS
    rivals = scores >= scores[row]
    mine = np.fromiter(own, np.int64, len(own))
    return int(np.count_nonzero(rivals)) - int(np.count_nonzero(rivals[mine]))


def run_baseline(
    baseline: Baseline,
    trace: Trace,
    *,
    repeats_on: bool,
    tick: Callable[[int], object] | None = None,
) -> BaselineRun:
    """Run a baseline over a whole trace. `tick` is called with how many groups are done."""
    runner = BaselineRunner(baseline, trace, repeats_on=repeats_on)
    for number in range(GROUPS_A_TICK, len(trace), GROUPS_A_TICK):
        runner.advance(number)
        if tick is not None:
            tick(number)
    return runner.finish()
