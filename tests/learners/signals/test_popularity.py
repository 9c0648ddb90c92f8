"""Decayed counts equal counting everything again, and the best lists equal a full sort."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learners.signals import popularity
from learners.signals.popularity import (
    CHANNELS,
    FIRST_STAGE,
    LONG,
    SHORT,
    STAGES,
    TOP,
    TOTAL,
    Popularity,
    stage_of,
)

ITEMS = 14
ALL = np.arange(ITEMS)
HALF_LIVES = {LONG: 4.0, SHORT: 0.05, TOTAL: 50.0}  # the shortest brings a rebase every 10
STAGE = 9.0
_ops = st.lists(
    st.tuples(
        st.sampled_from(["learn"] * 9 + ["forget"]),
        st.integers(0, ITEMS - 1),
        st.sampled_from([0, 1, 4, 300]),
    ),
    max_size=80,
)


def ready() -> Popularity:
    counts = Popularity(HALF_LIVES[LONG], HALF_LIVES[SHORT], HALF_LIVES[TOTAL], STAGE)
    counts.make_room(ITEMS)
    return counts


def decayed(log: list[tuple[int, int, int]], channel: int, now: int) -> Any:
    counts = np.zeros(ITEMS)
    half_life = HALF_LIVES.get(channel, STAGE)
    for position, item, length in log:
        if channel < FIRST_STAGE or channel == stage_of(length):
            counts[item] += 0.5 ** ((now - position) / half_life)
    return counts


def assert_top_is_a_full_sort(counts: Popularity, channel: int, now: int, most: int) -> None:
    read = counts.read(channel, ALL, now)
    top = counts.top(channel).tolist()
    others = np.setdiff1d(ALL, top)
    assert len(set(top)) == len(top) <= most
    assert len(top) >= min(most, int((read > 0).sum()))
    if top and len(others):
        assert read[top].min() >= read[others].max()


@given(_ops)
@settings(deadline=None)
def test_counts_and_best_lists_equal_doing_all_again(ops: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(popularity, "TOP", 4)
        counts, log = ready(), []
        for position, (act, item, length) in enumerate(ops):
            if act == "learn":
                counts.learn(item, length, position)
                log.append((position, item, length))
            else:
                counts.forget(item)
                log = [event for event in log if event[1] != item]
            for channel in (LONG, SHORT, TOTAL, *map(stage_of, (0, 1, 4, 300))):
                got = counts.read(channel, ALL, position)
                assert got == pytest.approx(decayed(log, channel, position), rel=1e-9, abs=1e-40)
                assert_top_is_a_full_sort(counts, channel, position, most=4)


def test_a_long_stream_with_many_items_stays_exact_and_finite() -> None:
    draw = np.random.default_rng(4)
    counts = Popularity(300.0, 20.0, 5_000.0, 900.0)
    counts.make_room(1_000)
    everything = np.arange(1_000)
    rebases = 0
    for position, item in enumerate(draw.zipf(1.4, 20_000) % 1_000):
        rebases += counts.learn(int(item), position % 50, position)
        if position % 997 == 0:
            counts.forget(int(item))
    assert rebases == 4  # every 200 of the shortest half-lives
    assert np.isfinite(counts.counts).all()
    for channel in range(CHANNELS):
        read = counts.read(channel, everything, 20_000)
        top = counts.top(channel)
        least = np.sort(read)[-len(top)]
        assert len(top) == min(TOP, int((read > 0).sum()))
        assert (read[top] >= least).all()


def test_the_next_best_moves_up_when_one_is_forgotten() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(popularity, "TOP", 2)
        counts = Popularity(1e6, 1e6, 1e6, 1e6)
        counts.make_room(ITEMS)
        for item, times in ((0, 3), (1, 2), (2, 1)):
            for _ in range(times):
                counts.learn(item, 0, 0)
        assert set(counts.top(LONG).tolist()) == {0, 1}
        counts.forget(0)
        assert set(counts.top(LONG).tolist()) == {1, 2}
        counts.forget(1)
        assert counts.top(LONG).tolist() == [2]
        counts.learn(0, 0, 1)
        assert set(counts.top(LONG).tolist()) == {0, 2}


def test_stages_cover_every_length() -> None:
    assert [stage_of(length) for length in STAGES] == list(range(FIRST_STAGE, CHANNELS))
    assert stage_of(10**9) == CHANNELS - 1
    assert [stage_of(length) - FIRST_STAGE for length in (0, 1, 2, 3, 4, 5)] == [0, 1, 2, 3, 3, 4]


def test_only_the_stage_of_the_user_is_counted() -> None:
    counts = ready()
    counts.learn(3, 6, 0)
    for channel in range(FIRST_STAGE, CHANNELS):
        expected = 1.0 if channel == stage_of(6) else 0.0
        assert counts.read(channel, np.array([3]), 0) == expected


@given(_ops, _ops)
@settings(deadline=None, max_examples=40)
def test_restored_goes_on_alike(before: Any, after: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(popularity, "TOP", 4)
        one, other = ready(), ready()
        for position, (_, item, length) in enumerate(before):
            one.learn(item, length, position)
        other.counts[:] = one.counts
        other.restore_top(one.base, [one.top(channel).copy() for channel in range(CHANNELS)])
        for position, (act, item, length) in enumerate(after, len(before)):
            for counts in (one, other):
                if act == "learn":
                    counts.learn(item, length, position)
                else:
                    counts.forget(item)
        assert one.counts.tobytes() == other.counts.tobytes()
        for channel in range(CHANNELS):
            assert one.top(channel).tolist() == other.top(channel).tolist()
