"""Chances of needs that hold what they promise: worked out by hand, learnt, stored, taken back."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learners.codec import pack, unpack
from learners.intent.calibration import FIRST, ChanceCalibrator, unseen
from learners.intent.event_buffer import LateLabel
from learners.intent.record import IntentRecord
from learners.intent.tracker import IntentTracker
from learners.intent.unlearn import retract
from learners.signals.undo import hash32
from learners.testing import unit
from learners.types import Interaction

DIM = 4
COUNTS = np.array([9.0, 4.0, 1.0, 2.0])


def event(number: int, text: int | None, user: str = "u", **more: Any) -> Interaction:
    vector = None if text is None else unit(text, dim=DIM)
    more = {"ts": float(number), "text": f"text {text}"} | more
    return Interaction(number, f"e{number}", user, None, "view", vector=vector, **more)


def by_hand(shares: Any, counts: Any, line: Any) -> Any:
    exponent, weight = np.exp(line[0]), 1 / (1 + np.exp(-line[1]))
    usual_part = 1 - (1 - weight) * counts.sum() / (FIRST + counts.sum())
    powers = np.maximum(shares, 1e-12) ** exponent
    usual = (counts + 0.5) / (counts + 0.5).sum()
    return (1 - usual_part) * powers / powers.sum() + usual_part * usual


@given(
    st.lists(st.floats(0, 1), min_size=4, max_size=4),
    st.floats(-1, 1),
    st.floats(-3, 3),
    st.integers(0, 12),
)
def test_what_is_told_equals_it_written_out(given_shares, log_a, logit_w, events) -> None:
    calibrator = ChanceCalibrator()
    calibrator.lines[0] = log_a, logit_w
    calibrator.lines[1:] = 0.2, -0.1
    shares = np.array(given_shares)
    shares = shares / shares.sum() if shares.sum() > 1e-6 else np.full(4, 0.25)
    told = calibrator.tell(shares, COUNTS, events)
    new = (1 + 1) / (16 + 2)  # one of the four was seen once
    assert unseen(COUNTS) == pytest.approx(new)
    assert told == pytest.approx(
        (1 - new) * by_hand(shares, COUNTS, (log_a + 0.2, logit_w - 0.1)), abs=1e-9
    )


@given(st.lists(st.floats(0.001, 1), min_size=2, max_size=6), st.floats(-0.9, 0.9))
def test_what_came_more_or_less_often_moves_the_highest_and_never_another_to_its_place(
    given_shares, offset
) -> None:
    shares, counts = np.array(given_shares), np.full(len(given_shares), 50.0)
    shares /= shares.sum()
    calibrator = ChanceCalibrator()
    before = calibrator.tell(shares, counts, 1)
    calibrator.offsets[:] = offset
    told = calibrator.tell(shares, counts, 1)
    assert told.argmax() == before.argmax()
    assert told.sum() == pytest.approx(1.0 - unseen(counts))
    assert (told > 0).all()
    rest = [slot for slot in range(len(shares)) if slot != told.argmax()]
    assert list(np.argsort(told[rest])) == list(np.argsort(before[rest]))


def test_one_step_goes_down_the_log_loss() -> None:
    shares = np.array([0.7, 0.2, 0.05, 0.05])

    def loss(line: Any, slot: int) -> float:
        return float(-np.log(by_hand(shares, COUNTS, line)[slot]))

    for slot in range(4):
        calibrator = ChanceCalibrator()
        line = calibrator.lines[0].copy()
        calibrator.learn(shares, COUNTS, 2, slot)
        for number in range(2):
            step = np.eye(2)[number] * 1e-6
            slope = (loss(line + step, slot) - loss(line - step, slot)) / 2e-6
            step = -0.2 * slope / np.sqrt(1 + slope * slope)
            assert calibrator.lines[0][number] == pytest.approx(line[number] + step, abs=1e-6)
            assert calibrator.lines[2][number] == pytest.approx(step, abs=1e-6)
        assert (calibrator.lines[[1, 3, 4, 5]] == 0.0).all()


@pytest.mark.parametrize("right", [0.3, 0.6, 0.95])
def test_one_that_says_90_percent_is_told_as_it_comes_true(right: float) -> None:
    draw, calibrator, counts = np.random.default_rng(3), ChanceCalibrator(), np.full(5, 400.0)
    told = []
    for _ in range(3_000):
        first = int(draw.integers(5))
        shares = np.full(5, 0.025)
        shares[first] = 0.9
        told.append(calibrator.tell(shares, counts, 3)[first])
        other = (first + int(draw.integers(1, 5))) % 5
        calibrator.learn(shares, counts, 3, first if draw.random() < right else other)
    assert np.mean(told[-1_000:]) == pytest.approx(right, abs=0.03)


def test_with_nothing_known_nothing_is_told_and_with_one_need_little_is_learnt() -> None:
    calibrator = ChanceCalibrator()
    assert calibrator.tell(np.zeros(0), np.zeros(0), 0).tolist() == []
    before = calibrator.state()
    calibrator.learn(np.ones(1), np.ones(1), 1, 0)
    assert all((before[name] == array).all() for name, array in calibrator.state().items())
    # Seen once, as all were that were seen: the next may well be another.
    assert calibrator.tell(np.ones(1), np.ones(1), 1) == pytest.approx([1 / 3])


def play(tracker: IntentTracker, user: IntentRecord, start: int, stop: int, labels: bool) -> None:
    for number in range(start, stop):
        label = f"need {number % 3}" if labels and number % 4 == 0 else None
        ts = number * 1_000.0 + number // 5 * 9_000.0  # a session ends after five
        tracker.learn(event(number, number % 5, ts=ts, intent=label), user, f"kind {number % 7}")


@pytest.mark.parametrize("labels", [False, True])
def test_it_goes_on_bit_for_bit_after_a_restart(labels: bool) -> None:
    whole, user = IntentTracker(DIM), IntentRecord()
    play(whole, user, 0, 60, labels)
    kept = unpack(pack("k", 1, whole.state()), "k", 1)
    records = [(kind, key, blob) for kind, key, blob in whole.changed() if blob is not None]
    halves, again = IntentTracker(DIM), msgspec.structs.replace(user)
    halves.restore(kept, lambda kind: iter([(k, b) for at, k, b in records if at == kind and b]))
    assert halves.report(again) == whole.report(user)
    play(whole, user, 60, 120, labels)
    play(halves, again, 60, 120, labels)
    assert halves.report(again) == whole.report(user)
    assert pack("k", 1, halves.told.state()) == pack("k", 1, whole.told.state())
    assert pack("k", 1, whole.told.state()) != pack("k", 1, IntentTracker(DIM).told.state())


def test_a_state_of_before_there_was_any_is_read() -> None:
    whole, user = IntentTracker(DIM), IntentRecord()
    play(whole, user, 0, 40, labels=True)
    state = whole.state()
    del state["told"]
    old = IntentTracker(DIM)
    old.restore(state, lambda kind: iter([]))
    assert list(old.report(user).intent) == list(whole.report(user).intent)
    play(old, user, 40, 60, labels=True)


def test_the_first_label_begins_it_anew() -> None:
    tracker, user = IntentTracker(DIM), IntentRecord()
    play(tracker, user, 0, 40, labels=False)
    assert pack("k", 1, tracker.told.state()) != pack("k", 1, IntentTracker(DIM).told.state())
    tracker.learn(event(40, 1, ts=9e6, intent="need"), user, None)
    assert pack("k", 1, tracker.told.state()) == pack("k", 1, IntentTracker(DIM).told.state())


def test_a_label_that_the_newest_event_brings_is_believed_as_it_stands() -> None:
    tracker, user = IntentTracker(DIM), IntentRecord()
    for number in range(6):
        tracker.learn(event(number, number, intent=f"need {number % 2}"), user, None)
    report = tracker.report(user)
    assert report.belief["need 1"] > 0.97
    assert report.intent["need 1"] < report.belief["need 1"]
    tracker.learn(event(6, 0), user, None)
    assert max(tracker.report(user).belief.values()) < 0.9


@pytest.mark.parametrize(("source", "learns"), [("label", True), ("teacher", False)])
@pytest.mark.parametrize("session", [None, "s"])
def test_late_labels_prove_what_was_told_and_a_teachers_do_not(source, learns, session) -> None:
    tracker, user = IntentTracker(DIM), IntentRecord()
    for number in range(4):
        tracker.learn(event(number, number, intent=f"need {number % 2}"), user, None)
    tracker.learn(event(4, 1, session_id="s", ts=9e6), user, None)
    before = pack("k", 1, tracker.told.state())
    late = LateLabel("u", "need 0", source, None if session else "e4", session)
    assert tracker.label(late) == "learn"
    assert (pack("k", 1, tracker.told.state()) != before) is learns


def test_what_was_taken_back_counts_for_no_event_of_the_session() -> None:
    tracker = IntentTracker(DIM)
    play(tracker, IntentRecord(), 0, 40, labels=False)
    for calibrator in (tracker.told._of_event, tracker.told._of_session):
        calibrator.lines[2] = 1.0, -1.0  # after two events
    one, other = IntentRecord(), IntentRecord()
    tracker.learn(event(50, 1, "one", ts=9e6), one, None)
    tracker.learn(event(51, 2, "one", ts=9e6 + 1), one, None)
    tracker.learn(event(52, 1, "other", ts=9e6), other, None)
    tracker.look_anew()
    assert tracker.report(one).intent != tracker.report(other).intent
    retract(tracker, one, "one", hash32("e51"))
    assert tracker.report(one).intent == pytest.approx(tracker.report(other).intent, abs=1e-4)
    assert tracker.report(one).belief == pytest.approx(tracker.report(other).belief, abs=1e-4)


def test_asking_in_between_changes_nothing() -> None:
    asked, quiet = IntentTracker(DIM), IntentTracker(DIM)
    one, other = IntentRecord(), IntentRecord()
    for number in range(40):
        play(asked, one, number, number + 1, labels=False)
        asked.report(one)
        play(quiet, other, number, number + 1, labels=False)
    assert pack("k", 1, asked.told.state()) == pack("k", 1, quiet.told.state())
    assert asked.report(one) == quiet.report(other)
