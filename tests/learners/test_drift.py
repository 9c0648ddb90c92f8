"""Drift is noticed when it is there, not when it is not, and the same after a restart."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
import river
from hypothesis import given, settings
from hypothesis import strategies as st
from river.drift import ADWIN

from learners.classifiers.label_drift import LabelAlarm
from learners.classifiers.softmax import IntentLearner
from learners.codec import pack, unpack
from learners.drift import (
    HIT,
    INTENT_LOSS,
    Alarm,
    DriftMonitor,
    DriftSettings,
    adwin_class,
    effect_size,
    means_apart,
)


def hits(rate: float, n: int, seed: int) -> list[float]:
    draw = random.Random(seed)
    return [float(draw.random() < rate) for _ in range(n)]


@given(
    st.lists(st.tuples(st.integers(0, 255), st.integers(1, 120)), min_size=1, max_size=8),
    st.sampled_from([1, 8, 32]),
)
@settings(deadline=None)
def test_alarms_are_those_of_rivers_adwin(runs: list[tuple[int, int]], clock: int) -> None:
    monitor = DriftMonitor(DriftSettings(clock=clock, keep=1000, effect=0.0))
    detector = ADWIN(clock=clock)
    expected = []
    values = [level / 255 for level, times in runs for _ in range(times)]
    for place, value in enumerate(values):
        monitor.update(value, None)
        detector.update(value)
        if detector.drift_detected:
            expected.append(place)
    assert [alarm.position for alarm in monitor.alarms] == expected
    assert monitor.counts[HIT] == len(expected)


def test_the_detector_is_rivers_own(monkeypatch, tmp_path) -> None:
    alone = adwin_class()
    assert alone.__qualname__ == ADWIN.__qualname__
    assert alone.update.__code__.co_filename == ADWIN.update.__code__.co_filename
    monkeypatch.setattr(river, "__path__", [str(tmp_path)])
    assert adwin_class() is ADWIN, "the file is not where it was"
    (tmp_path / "drift").mkdir()
    (tmp_path / "drift" / "adwin.py").write_text("from river.nowhere import Window")
    assert adwin_class() is ADWIN, "the file needs what is not there"
    (tmp_path / "drift" / "adwin.py").write_text("")
    assert adwin_class() is ADWIN, "the class is elsewhere"


def test_a_steady_stream_raises_nothing() -> None:
    monitor = DriftMonitor()
    draw = random.Random(2)
    for hit in hits(0.2, 20_000, seed=1):
        assert monitor.update(hit, draw.expovariate(1.0)) == []
    assert monitor.counts == {HIT: 0, INTENT_LOSS: 0, "intent_label": 0}
    assert monitor.mean(HIT) == pytest.approx(0.2, abs=0.02)
    assert monitor.width(HIT) > 8_000


def test_a_fall_of_the_hit_rate_is_noticed_with_its_means() -> None:
    monitor = DriftMonitor()
    found = [
        alarm
        for hit in hits(0.3, 3_000, seed=3) + hits(0.1, 1_000, seed=4)
        for alarm in monitor.update(hit, None)
    ]
    assert len(found) == 1
    assert found == monitor.alarms
    alarm = found[0]
    assert alarm.signal == HIT
    assert 3_000 < alarm.position < 3_600
    assert alarm.before > alarm.after
    assert alarm.before == pytest.approx(0.28, abs=0.03)


def test_what_is_certain_but_small_is_no_alarm() -> None:
    """A step of two and a half points, which ADWIN is sure of after thousands of values."""
    stream = hits(0.5, 9_000, seed=1) + hits(0.475, 9_000, seed=101)
    told, all_of_them = DriftMonitor(), DriftMonitor(DriftSettings(effect=0.0))
    for hit in stream:
        told.update(hit, None)
        all_of_them.update(hit, None)
    assert all_of_them.counts[HIT] >= 1
    assert told.counts[HIT] == 0
    assert told.alarms == []
    # What is told changes nothing of what is watched.
    assert told.mean(HIT) == all_of_them.mean(HIT)
    assert told.width(HIT) == all_of_them.width(HIT)


def test_small_steps_are_told_once_they_add_up() -> None:
    monitor = DriftMonitor()
    stream = [hit for step in range(16) for hit in hits(0.6 - 0.03 * step, 2_500, seed=step)]
    found = [alarm for hit in stream for alarm in monitor.update(hit, None)]
    assert len(found) >= 3
    for alarm in found:
        assert effect_size(alarm.before, alarm.after) >= monitor.settings.effect
    assert [alarm.before for alarm in found[1:]] == [alarm.after for alarm in found[:-1]]
    assert found[0].before == pytest.approx(0.6, abs=0.03)
    assert found[-1].after == pytest.approx(0.15, abs=0.04)


@given(st.integers(0, 10**6), st.integers(40, 400), st.integers(40, 400), st.sampled_from([1, 9]))
@settings(deadline=None)
def test_the_means_of_a_change_are_those_of_its_two_sides(seed, one, other, tenths) -> None:
    """A step that is plain to see is found where it is, give or take a few values."""
    before, after = tenths / 10, 1 - tenths / 10
    window = bytes(round(255 * hit) for hit in hits(before, one, seed) + hits(after, other, ~seed))
    left, right = means_apart(window)
    assert left == pytest.approx(before, abs=0.2)
    assert right == pytest.approx(after, abs=0.2)


@pytest.mark.parametrize("n", [2, 3, 8, 33, 200])
def test_means_apart_of_any_length_are_of_all_values(n: int) -> None:
    assert means_apart(bytes([51] * n)) == pytest.approx((0.2, 0.2))


def test_the_size_of_an_effect_is_cohens_h() -> None:
    assert effect_size(0.5, 0.5) == 0.0
    assert effect_size(0.25, 0.75) == pytest.approx(math.pi / 3)
    assert effect_size(0.0, 1.0) == pytest.approx(math.pi)
    assert effect_size(0.981, 0.981) < effect_size(0.2, 0.17) < 0.1 < effect_size(0.2, 0.15)


def test_a_state_that_does_not_know_what_was_told_is_read() -> None:
    monitor = DriftMonitor()
    for hit in hits(0.3, 3_000, seed=3):
        monitor.update(hit, None)
    state = monitor.state()
    del state["told"]
    del state["settings"]["effect"]
    restored = DriftMonitor.from_state(unpack(pack("drift", 1, state), "drift", 1))
    for hit in hits(0.05, 1_000, seed=4):
        assert restored.update(hit, None) == monitor.update(hit, None)
    assert restored.counts == monitor.counts
    assert restored.counts[HIT] == 1


def test_swapped_labels_raise_an_alarm_on_the_intent_loss() -> None:
    rng = np.random.default_rng(5)
    learner, monitor = IntentLearner(8), DriftMonitor()
    alarms: list[Alarm] = []
    for place in range(3_000):
        kind = int(rng.integers(2))
        vector = np.eye(8)[kind] + rng.normal(0, 0.2, 8)
        label = f"need-{kind if place < 2_000 else 1 - kind}"
        alarms += monitor.update(None, learner.learn(vector, label))
    assert alarms
    assert all(alarm.signal == INTENT_LOSS for alarm in alarms)
    after = [alarm.position for alarm in alarms if alarm.position >= 2_000]
    assert min(after) < 2_100
    swapped = next(alarm for alarm in alarms if alarm.position >= 2_000)
    assert swapped.after > swapped.before


@pytest.mark.parametrize("cut", [0, 1, 63, 64, 700, 1_205, 2_000])
@pytest.mark.parametrize("remember", [256, 500, 16_384])
def test_restored_equals_unbroken(cut: int, remember: int) -> None:
    chosen = DriftSettings(remember=remember, clock=4, keep=5)
    draw = random.Random(cut)
    stream = [
        (float(draw.random() < rate), draw.expovariate(1 / (1 + 3 * rate)))
        for rate in (0.1, 0.8, 0.3, 0.9)
        for _ in range(500)
    ]
    unbroken, stopped = DriftMonitor(chosen), DriftMonitor(chosen)
    for hit, loss in stream[:cut]:
        assert unbroken.update(hit, loss) == stopped.update(hit, loss)
    resumed = DriftMonitor.from_state(unpack(pack("drift", 1, stopped.state()), "drift", 1))
    for hit, loss in [*stream[cut:], *hits_and_losses(500)]:
        assert unbroken.update(hit, loss) == resumed.update(hit, loss)
        assert unbroken.mean(HIT) == resumed.mean(HIT)
        assert unbroken.width(INTENT_LOSS) == resumed.width(INTENT_LOSS)
    assert pack("drift", 1, unbroken.state()) == pack("drift", 1, resumed.state())
    assert unbroken.counts[HIT] >= 2
    assert len(unbroken.alarms) <= 5


def hits_and_losses(n: int) -> list[tuple[float, float]]:
    return [(hit, 2.0 * hit) for hit in hits(0.5, n, seed=9)]


def test_the_state_stays_small_and_a_short_memory_still_notices() -> None:
    monitor = DriftMonitor(DriftSettings(remember=1_000))
    for hit in hits(0.8, 5_000, seed=6):
        monitor.update(hit, 0.1)
        assert len(pack("drift", 1, monitor.state())) < 3_000
    alarms = [alarm for hit in hits(0.2, 500, seed=7) for alarm in monitor.update(hit, 0.1)]
    assert alarms


@pytest.mark.parametrize("nothing", [None, math.nan])
def test_no_value_changes_nothing_but_the_position(nothing: Any) -> None:
    monitor = DriftMonitor()
    monitor.update(1.0, 0.5)
    before = monitor.state()
    assert monitor.update(nothing, nothing) == []
    assert monitor.state() == {**before, "position": 2}


def test_values_outside_their_range_are_cut() -> None:
    monitor = DriftMonitor()
    for hit, loss in ((7.0, math.inf), (-3.0, -1.0), (math.inf, 1e9), (-math.inf, 0.0)):
        monitor.update(hit, loss)
    assert monitor.mean(HIT) == 0.5
    assert monitor.mean(INTENT_LOSS) == 0.5


def test_the_caller_may_name_the_position() -> None:
    monitor = DriftMonitor(DriftSettings(clock=1))
    found = [
        alarm
        for place in range(200)
        for alarm in monitor.update(float(place >= 100), None, position=10 * place)
    ]
    assert found
    assert all(alarm.position % 10 == 0 and alarm.position >= 1_000 for alarm in found)


def test_only_the_newest_alarms_are_kept() -> None:
    for keep in (0, 2):
        monitor = DriftMonitor(DriftSettings(clock=1, keep=keep))
        found = [
            alarm
            for place in range(2_000)
            for alarm in monitor.update(float(place // 200 % 2), None)
        ]
        assert len(found) == monitor.counts[HIT] > 4
        assert monitor.alarms == found[len(found) - keep :]


@pytest.mark.parametrize(
    "changes",
    [{"delta": 0.0}, {"delta": 1.0}, {"clock": 0}, {"remember": 1}, {"keep": -1}, {"effect": -0.1}],
)
def test_settings_that_cannot_work_are_refused(changes: Any) -> None:
    name, value = next(iter(changes.items()))
    with pytest.raises(ValueError, match=f"{name} is {value}"):
        DriftSettings(**changes)


def test_online_model_hands_out_its_alarms():
    """Users who always took the same few items suddenly take others: the hit rate falls."""
    from learners.online_model import OnlineModel
    from learners.settings import LearnerSettings
    from learners.types import Interaction

    model = OnlineModel(LearnerSettings(repeats="on", seed=1))
    alarms = []
    for position in range(2400):
        late = position >= 1600
        item = f"new-{position % 97}-{position % 89}" if late else f"old-{position % 5}"
        event = Interaction(position, f"e{position}", f"u{position % 20}", item, "view", position)
        alarms += model.learn(event)
    assert [alarm.signal for alarm in alarms][:1] == ["hit"]
    assert alarms[0].position > 1600
    assert alarms[0].after < alarms[0].before
    assert model.drift.counts["hit"] == len([a for a in alarms if a.signal == "hit"])


def test_a_label_that_changed_is_told_among_the_alarms() -> None:
    monitor = DriftMonitor()
    assert monitor.update(None, 0.1, 6) == []
    (alarm,) = monitor.update(None, 0.1, 7, LabelAlarm("war", 3, 0.9, 0.1))
    assert alarm == Alarm("intent_label", 7, 0.9, 0.1, "war")
    assert monitor.counts == {"hit": 0, "intent_loss": 0, "intent_label": 1}
    restored = DriftMonitor.from_state(unpack(pack("drift", 1, monitor.state()), "drift", 1))
    assert restored.alarms == [alarm]
    assert restored.counts == monitor.counts
