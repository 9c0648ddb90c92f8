"""How long what was taken rests, as the log shows, by kind of event."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learners.signals.rests import BINS, KINDS, OCTAVE, LastTaken, Rests, moment, seconds
from learners.signals.undo import NEVER, NO_RETURN

BUY, VIEW = 11, -22
DAY = 86_400.0


def rests(items: int = 4) -> Rests:
    made = Rests()
    made.make_room(items)
    return made


def takings(
    made: Rests, kind: int, gaps: list[float], alone: int, *, over: float = 100 * DAY
) -> None:
    """Takings of item 0 that come back after these gaps, and so many that do not."""
    n = 2 * len(gaps) + alone
    times = iter(np.linspace(0.0, over, n).tolist())
    for gap in gaps:
        made.learn(0, kind, next(times), None)
        ts = next(times)
        made.learn(0, kind, ts, LastTaken(ts - gap, kind))
    for _ in range(alone):
        made.learn(0, kind, next(times), None)


def test_nothing_rests_longer_than_it_takes_to_come_back() -> None:
    made = rests()
    takings(made, BUY, [10_000.0 + n for n in range(50)], 900)
    assert 10_000.0 / 2 ** (1 / OCTAVE) <= made.length(BUY) <= 10_000.0


def test_one_in_five_thousand_may_come_back_earlier_and_no_more() -> None:
    for early, expected in ((1, 20_000.0), (2, 300.0)):
        made = rests()
        takings(made, BUY, [300.0] * early + [20_000.0] * 20, 5_200)
        assert expected / 2 ** (1 / OCTAVE) <= made.length(BUY) <= expected


def test_where_more_than_one_in_a_hundred_come_back_at_this_visit_nothing_rests() -> None:
    for soon, expected in ((1, 1_700.0), (2, 0.0)):
        made = rests()
        takings(made, BUY, [1_700.0] * soon, 120)
        assert expected / 2 ** (1 / OCTAVE) <= made.length(BUY) <= expected


def test_what_was_looked_at_comes_back_at_once_and_what_was_bought_does_not() -> None:
    made = rests()
    for at in range(200):
        made.learn(1, VIEW, at * 100.0, None)
        made.learn(1, BUY, at * 100.0 + 5.0, LastTaken(at * 100.0, VIEW))
    assert made.length(VIEW) == 0.0
    assert made.length(BUY) == pytest.approx(19_900.0 / 50)  # of the time that was seen


def test_little_evidence_is_none() -> None:
    made = rests()
    takings(made, BUY, [], 19, over=DAY)
    assert made.length(BUY) == 0.0
    made.learn(0, BUY, DAY, None)
    assert made.length(BUY) == DAY / 50
    assert made.length(VIEW) == 0.0  # never met


def test_what_is_ruled_goes_before_what_was_learnt() -> None:
    made = rests()
    takings(made, BUY, [], 100)
    assert made.until(BUY, 5.0, None) == moment(5.0 + 2 * DAY)
    assert made.until(BUY, 5.0, 60.0) == moment(65.0)
    assert made.until(BUY, 5.0, 0.0) == NEVER
    assert made.until(VIEW, 5.0, None) == NEVER


def test_beyond_so_many_kinds_nothing_is_learnt() -> None:
    made = rests()
    for kind in range(KINDS + 1):
        for at in range(30):
            made.learn(0, kind, at * 100.0, LastTaken(0.0, kind) if at > 25 else None)
    assert len(made.rows) == KINDS
    assert made.length(KINDS - 1) > 0.0
    assert made.length(KINDS) == 0.0
    assert made.bin_of(KINDS, 5.0) == NO_RETURN


_EVENTS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from([BUY, VIEW]),
        st.floats(0, 1e9),
        st.none() | st.tuples(st.floats(0, 1e9), st.sampled_from([BUY, VIEW, 7])),
    ),
    max_size=30,
)


@given(_EVENTS, st.randoms())
def test_what_is_taken_back_leaves_nothing(events: Any, random: Any) -> None:
    made = rests()
    learnt = [
        (item, kind, made.learn(item, kind, ts, None if last is None else LastTaken(*last)))
        for item, kind, ts, last in events
    ]
    assert made.takings.sum() == len(events)
    assert made.returns.sum() == sum(returned != NO_RETURN for *_, returned in learnt)
    random.shuffle(learnt)
    for item, kind, returned in learnt:
        made.untake(kind)
        made.unlearn(item, returned)
    for counts in (made.takings, made.returns, made.sums):
        assert not counts.any()


@given(_EVENTS)
def test_it_is_restored_as_it_was(events: Any) -> None:
    made, other = rests(), rests()
    for item, kind, ts, last in events:
        made.learn(item, kind, ts, None if last is None else LastTaken(*last))
    other.restore(made.state())
    other.sums[:] = made.sums
    for kind in (BUY, VIEW, 7):
        assert other.length(kind) == made.length(kind)
        assert other.learn(2, kind, 2e9, LastTaken(1e9, BUY)) == made.learn(
            2, kind, 2e9, LastTaken(1e9, BUY)
        )
    for one, two in zip(made.state().values(), other.state().values(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_the_usual_time_is_the_items_own_once_it_is_known() -> None:
    made = rests()
    kinds = np.array([BUY, BUY, VIEW], np.int32)
    assert made.usual(np.array([0, 1, 2], np.int32), kinds).tolist() == [0.0, 0.0, 0.0]
    for at in range(400):
        made.learn(0, BUY, at * 100.0, LastTaken(at * 100.0 - DAY, BUY))
    for at in range(40):
        made.learn(1, BUY, at * 100.0, LastTaken(at * 100.0 - 60.0, BUY))
    one, other, of_all = made.usual(np.array([0, 1, 2], np.int32), kinds) / OCTAVE
    assert one == pytest.approx(math.log2(DAY), abs=0.3)
    assert other == pytest.approx(math.log2(60.0), abs=1.4)
    assert other < of_all < one
    made.forget(1)
    assert made.usual(np.array([1], np.int32), kinds[:1])[0] / OCTAVE == pytest.approx(of_all)


def test_a_gap_is_in_the_bin_between_its_edges() -> None:
    made = rests()
    made.learn(0, BUY, 0.0, None)
    assert made.bin_of(BUY, 0.0) == 0
    assert made.bin_of(BUY, 1.0) == 1
    assert made.bin_of(BUY, 2.0) == 1 + OCTAVE
    assert made.bin_of(BUY, -2.0) == 1 + OCTAVE  # what comes late is as far from it
    assert made.bin_of(BUY, 1e300) == BINS - 1
    made.learn(0, VIEW, 0.0, None)
    assert made.bin_of(VIEW, 1e300) == 2 * BINS - 1


@pytest.mark.parametrize(
    ("ts", "kept"),
    [(0.0, 0.0), (5.9, 5.0), (2e9, 2e9), (-3.0, 0.0), (1e300, 2.0**32 - 2), (4.2e9, 4.2e9)],
)
def test_moments_are_whole_seconds_from_1970_to_2106(ts: float, kept: float) -> None:
    found = moment(ts)
    assert seconds(found) == kept
    assert NEVER < found <= 2**31 - 1
    assert moment(math.nan) == moment(math.inf) == NEVER
