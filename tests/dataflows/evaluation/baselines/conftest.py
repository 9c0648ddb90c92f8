"""What the tests of baselines share: a trace of a small log, written by the judge itself."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import strategies as st

from dataflows.evaluation.judging.prequential import Prequential
from dataflows.evaluation.judging.trace import Trace
from learners.types import Interaction

Event = tuple[str, str | None, float, float]


class Nothing(NamedTuple):
    ids: list[str]
    scores: np.ndarray


class Silent:
    """A recommender that ranks nothing: only what the judge writes down is wanted here."""

    def rank(self, user_id: str, before: float | None = None) -> Nothing:
        return Nothing([], np.empty(0))

    def is_known(self, item_id: str) -> bool:
        return False


@pytest.fixture(scope="session")
def judged():
    """Judge a log of (user, item, ts, weight)."""

    def judge_log(events: list[Event], warmup: int = 0, *, repeats_on: bool = False) -> Prequential:
        judge = Prequential(warmup, repeats_on=repeats_on, ranks_from=0)
        for position, (user, item, ts, weight) in enumerate(events):
            interaction = Interaction(position, f"e{position}", user, item, "view", ts, weight)
            judge.before_learn(Silent(), interaction, None)
        return judge

    return judge_log


@pytest.fixture(scope="session")
def traced(judged):
    """The trace of a log of (user, item, ts, weight)."""

    def trace_log(events: list[Event], warmup: int = 0, *, repeats_on: bool = False) -> Trace:
        return judged(events, warmup, repeats_on=repeats_on).trace

    return trace_log


@pytest.fixture(scope="session")
def logs():
    """Small random logs, with groups, events without an item, and some that are not wanted."""
    step = st.tuples(
        st.sampled_from(["u", "v", "w"]),
        st.sampled_from([None, "a", "b", "c", "d", "e"]),
        st.sampled_from([0.0, 1.0, 4000.0]),
        st.sampled_from([1.0, 1.0, 3.0, -1.0]),
    )

    def timed(steps: list[tuple[str, str | None, float, float]]) -> list[Event]:
        clock, events = 0.0, []
        for user, item, wait, weight in steps:
            clock += wait
            events.append((user, item, clock, weight))
        return events

    return st.lists(step, max_size=40).map(timed)


@pytest.fixture(scope="session")
def long_log() -> list[Event]:
    """2,000 events of 30 users over 80 items, by taste and popularity, a fifth in groups."""
    rng = np.random.default_rng(5)
    clock, events, last = 0.0, [], "u0"
    for _ in range(2000):
        if rng.random() > 0.2:
            clock += float(rng.exponential(900.0))
            last = f"u{rng.integers(30)}"
        taste = int(last[1:]) % 4
        item = (taste * 20 + int(40 * rng.random() ** 2)) % 80
        events.append((last, f"i{item}", clock, 1.0))
    return events
