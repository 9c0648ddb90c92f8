"""Durations by bucket, and stages that are timed into them."""

import bisect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.engine.status.histogram import BOUNDS, SecondsHistogram
from dataflows.engine.status.stage_histograms import StageHistograms


def test_a_bound_belongs_to_its_bucket():
    histogram = SecondsHistogram((1.0, 2.0))
    for seconds in (0.5, 1.0, 1.5, 2.0, 2.5):
        histogram.add(seconds)
    assert histogram.counts == [2, 2, 1]
    assert histogram.total == 7.5
    histogram.add(0.25, 4)
    assert (histogram.counts, histogram.total, len(histogram)) == ([6, 2, 1], 8.5, 9)


@given(st.lists(st.floats(0.0, 40.0), min_size=1, max_size=50), st.sampled_from([0.5, 0.9, 0.99]))
def test_a_quantile_lies_in_the_bucket_of_the_true_one(durations, share):
    histogram = SecondsHistogram()
    for seconds in durations:
        histogram.add(seconds)
    true = float(np.quantile(durations, share, method="inverted_cdf"))
    place = bisect.bisect_left(BOUNDS, true)
    low = 0.0 if place == 0 else BOUNDS[place - 1]
    assert low <= histogram.quantile(share) <= BOUNDS[place]


def test_without_durations_there_is_no_quantile():
    assert SecondsHistogram().quantile(0.5) is None


def test_what_is_new_since_then_is_apart_from_what_was():
    histogram = SecondsHistogram((1.0,))
    histogram.add(0.5)
    before = list(histogram.counts)
    histogram.add(3.0)
    assert histogram.since(before).counts == [0, 1]
    other = SecondsHistogram((1.0,))
    other.merge(histogram)
    assert (other.counts, other.total) == ([1, 1], 3.5)


def test_each_stage_is_timed_and_a_call_that_raises_is_not():
    ticks = iter([1.0, 1.5, 2.0])
    times = StageHistograms(clock=lambda: next(ticks))

    def work(number):
        if number < 0:
            raise ValueError(number)
        return number

    timed = times.wrapped("learn", work)
    assert timed(3) == 3
    assert times.seconds["learn"].total == 0.5
    with pytest.raises(ValueError, match="-1"):
        timed(-1)
    assert len(times.seconds["learn"]) == 1
    assert times.passed == {}


def test_stages_can_be_counted_besides():
    times = StageHistograms(is_on=True)
    assert times.wrapped("list", lambda: [1, 2], given=len)() == [1, 2]
    assert (times.passed["list"].entered, times.passed["list"].stayed) == (1, 2)
    assert len(times.seconds["list"]) == 1
