"""Values of items against sums over all that was said; the pace of a user against a plain count."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learners.online_model import OnlineModel
from learners.ranking.columns import FEATURES
from learners.signals.undo import UndoRecord
from learners.signals.values import Values
from learners.testing import Feed, RecordTable, small
from learners.users.user import User

_said = st.lists(st.tuples(st.integers(0, 4), st.floats(-1e6, 1e6)), max_size=60)


def table(items: int = 5) -> Values:
    values = Values()
    values.make_room(items)
    return values


@given(_said)
def test_levels_are_those_of_a_plain_reading(said: list[tuple[int, float]]) -> None:
    values, deviations = table(), {item: [] for item in range(5)}
    so_far: list[float] = []
    for item, value in said:
        before = np.mean(so_far) if so_far else 0.0
        so_far.append(value)
        spread = np.std(so_far)
        if spread > 1e-6 * max(1.0, *map(abs, so_far)):
            deviations[item].append(float(np.clip((value - before) / spread, -3, 3)))
        else:  # all alike, but for rounding
            deviations[item].append(None)
        values.learn(item, value)
    for item, found in deviations.items():
        if None not in found:
            wanted = sum(found) / (len(found) + 5)
            assert values.level[item] == pytest.approx(wanted, abs=1e-4)
        assert abs(values.level[item]) < 3


@given(_said, st.sampled_from([None, math.nan, math.inf, -math.inf, 1e13]))
def test_what_is_no_plain_number_teaches_nothing(
    said: list[tuple[int, float]], odd: float | None
) -> None:
    one, other = table(), table()
    for item, value in said:
        one.learn(item, value)
        other.learn(item, value)
        other.learn(item, odd)
    assert np.array_equal(one.level, other.level)
    assert one.state() == other.state()


def test_units_and_an_offset_change_nothing() -> None:
    stars, cents = table(), table()
    draw = np.random.default_rng(0)
    for item, value in zip(draw.integers(0, 5, 400), draw.integers(1, 6, 400), strict=True):
        stars.learn(int(item), float(value))
        cents.learn(int(item), 250.0 * float(value) + 7.0)
    assert np.ptp(stars.level) > 0.05
    assert cents.level == pytest.approx(stars.level, abs=1e-9)


def test_an_item_that_is_forgotten_is_as_usual() -> None:
    values = table()
    for value in (1.0, 5.0, 5.0):
        values.learn(2, value)
    assert values.level[2] != 0
    values.forget(2)
    assert not values.level.any()


def test_a_mean_follows_the_newest_thousand() -> None:
    values = table()
    for value in (1.0, 2.0) * 2_000:
        values.learn(0, value)
    for _ in range(4_000):
        values.learn(1, 1.0)
        values.learn(0, 2.0)
    assert values.sums[1, 0] <= 1_000
    assert values.level[0] > 0.5


_steps = st.lists(st.sampled_from([0.0, 5.0, 1_800.0, 1_801.0, 90_000.0]), max_size=70)


@given(_steps, st.sampled_from([None, 0.5, 1_000.0, 1_801.0]), st.integers(1, 20))
def test_pace_is_that_of_a_plain_count(steps: list[float], wait: float | None, most: int) -> None:
    user, at, times = User(), 1_000.0, []
    for step in steps:
        at += step
        user.add(1, at, UndoRecord(), 20, 100)
        times.append(at)
    before = None if wait is None else at + wait
    gap, session = user.look_back(before, most)[3:]
    if not times:
        assert (gap, session) == (0.0, 0)
        return
    wanted_gap = 0.0 if before is None else before - times[-1]
    moments = [*times, times[-1] + wanted_gap]
    count = 0
    for earlier, later in zip(moments[-2::-1], moments[:0:-1], strict=True):
        if later - earlier > 1_800:
            break
        count += 1
    assert (gap, session) == (wanted_gap, min(count, most))


def test_an_event_before_the_last_one_waited_no_time() -> None:
    user = User()
    user.add(1, 100.0, UndoRecord(), 20, 100)
    assert user.look_back(50.0, 20)[3:] == (0.0, 1)
    assert user.look_back(100.0, 20)[3:] == (0.0, 0)


def test_candidates_have_their_values_and_the_distance_from_the_recent_ones() -> None:
    feed = Feed(OnlineModel(small(repeats="off")))
    for number in range(60):
        feed(f"u{number % 6}", f"i{number % 7}", value=float(number % 7))
    feed("u-new", "i6", value=6.0)
    feed("u-new", "i0", value=0.0)
    signals = feed.model.signals
    level = {item: signals.values.level[number] for item, number in signals.items.index.items()}
    assert level["i0"] < level["i3"] < level["i6"]
    feed.model.rank("u-new", before=1e3)
    batch = feed.model.peek
    assert batch is not None
    columns = {name: batch.raw[:, place] for place, name in enumerate(FEATURES)}
    own = signals.values.level[batch.ids]
    share = math.exp(-1 / 3)
    usual = (level["i0"] + share * level["i6"]) / (1 + share)
    assert columns["value"] == pytest.approx(own, abs=1e-6)
    assert columns["value_from_last"] == pytest.approx(own - level["i0"], abs=1e-6)
    assert columns["value_off_recent"] == pytest.approx(np.abs(own - usual), abs=1e-6)
    assert columns["gap"] == pytest.approx(math.log1p(1e3 - feed.position + 1))
    assert columns["session"] == pytest.approx(math.log1p(2))


def test_values_outlive_a_restart() -> None:
    shelf = RecordTable()
    model = OnlineModel(small(), shelf.get)
    feed = Feed(model)
    for number in range(40):
        feed(f"u{number % 5}", f"i{number % 4}", value=float(number % 3))
    shelf.keep(model.changed())
    again = OnlineModel(small(), shelf.get)
    again.restore(shelf.scan)
    for known in (model, again):
        Feed(known)("u1", "i2", value=2.0)
    assert np.array_equal(again.signals.values.level, model.signals.values.level)
    assert again.recommend("u1") == model.recommend("u1")
