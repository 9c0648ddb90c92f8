"""The belief over a session: a hidden Markov model that is filtered, learnt and stored."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learners.codec import pack, unpack, unpack_as
from learners.intent.record import Belief
from learners.intent.session_belief import BeliefSettings, SessionFilter

SURE = 0.9


def says(need: int, n: int, sure: float = SURE) -> Any:
    """A posterior that is this sure of one need."""
    shares = np.full(n, (1.0 - sure) / (n - 1))
    shares[need] = sure
    return shares


def held(filtered: SessionFilter, needs: list[int], n: int, sure: float = SURE) -> list[int]:
    """The need believed in after each event of one session."""
    belief, found = None, []
    for need in needs:
        belief = filtered.step(belief, says(need, n, sure), 0, n)
        found.append(int(belief.shares.argmax()))
    return found


@pytest.mark.parametrize("n", [2, 3, 12, 77, 150])
def test_one_odd_event_does_not_flip_it_and_a_change_shows_within_three(n: int) -> None:
    filtered = SessionFilter()
    for need in list(range(n)) * 3:  # all needs are equally common
        filtered.step(None, says(need, n), 0, n)
    assert held(filtered, [0] * 5 + [1] + [0] * 5, n) == [0] * 11
    assert held(filtered, [0] * 20 + [1] + [0], n) == [0] * 22
    after = held(filtered, [0] * 20 + [1, 1, 1], n)
    assert after[20] == 0
    assert after[22] == 1


def test_noisy_sessions_are_read_better_than_event_by_event() -> None:
    draw, n = np.random.default_rng(3), 8
    filtered = SessionFilter()
    right = alone = events = 0
    for session in range(300):
        need, belief = int(draw.integers(n)), None
        for _ in range(10):
            if draw.random() < 0.08:
                need = int(draw.integers(n))
            seen = need if draw.random() < 0.6 else int(draw.integers(n))
            belief = filtered.step(belief, says(seen, n, 0.65), 0, n)
            if session >= 100:
                events += 1
                right += int(belief.shares.argmax()) == need
                alone += seen == need
    assert right / events > alone / events + 0.08


def test_staying_and_switching_are_learnt_from_labels() -> None:
    n, draw = 3, np.random.default_rng(0)
    filtered = SessionFilter()
    for _ in range(400):  # need 0 stays 19 times of 20, need 1 leads to 2 every other time
        belief, need = None, int(draw.integers(n))
        for _ in range(8):
            belief = filtered.tell(filtered.step(belief, says(need, n), 0, n), need)
            if need == 0:
                need = 0 if draw.random() < 0.95 else 2
            elif need == 1:
                need = 1 if draw.random() < 0.5 else 2
    stay, entry = filtered.stay, filtered.entry
    assert stay[0] == pytest.approx(0.95, abs=0.02)
    assert stay[1] == 0.6  # the least that is believed
    assert stay[2] == 0.99  # the most
    assert entry[2] > entry[0] > 0.0
    assert entry.sum() == pytest.approx(1.0)


def test_labels_far_apart_count_the_steps_between_them() -> None:
    near, far = SessionFilter(), SessionFilter()
    for filtered, silent in ((near, 0), (far, 4)):
        for _ in range(60):
            belief = filtered.tell(filtered.step(None, None, 0, 2), 0)
            for _ in range(silent + 1):
                belief = filtered.step(belief, None, 0, 2)
            filtered.tell(belief, 1)
    assert far.stay[0] > 0.75 > near.stay[0]


def test_a_label_is_believed_at_once() -> None:
    filtered = SessionFilter()
    belief = None
    for _ in range(10):
        belief = filtered.step(belief, says(0, 4), 0, 4)
    assert belief is not None
    told = filtered.tell(belief, 3)
    assert told.shares[3] > 0.95
    assert told.shares.sum() == pytest.approx(1.0, abs=1e-6)
    assert belief.shares[0] > 0.9  # what was handed in is as it was
    assert int(filtered.step(told, says(0, 4), 0, 4).shares.argmax()) == 3


def test_events_that_repeat_one_another_are_trusted_less() -> None:
    """Ten events that say what the first one says are one piece of evidence, not ten."""
    draw, n = np.random.default_rng(5), 4
    filtered = SessionFilter()
    assert filtered.trust.value == 1.0
    for _ in range(300):
        need = int(draw.integers(n))
        seen = need if draw.random() < 0.6 else int(draw.integers(n))
        filtered.tell_all([says(seen, n, 0.6)] * 10, need)
    assert filtered.trust.value < 0.5


def test_what_is_common_is_not_believed_twice() -> None:
    n, filtered = 3, SessionFilter()
    common = np.array([0.7, 0.2, 0.1])
    for _ in range(2_000):
        filtered.step(None, common, 0, n)
    belief = None
    for _ in range(30):
        belief = filtered.look(belief, common, 0, n)
    assert belief is not None
    assert belief.shares == pytest.approx(filtered.entry, abs=0.05)


def test_looking_learns_nothing() -> None:
    filtered = SessionFilter()
    belief = filtered.step(None, says(1, 5), 0, 5)
    before = pack("f", 1, filtered.state())
    seen = filtered.look(belief, says(2, 5), 0, 5)
    assert pack("f", 1, filtered.state()) == before
    assert filtered.step(belief, says(2, 5), 0, 5).shares.tobytes() == seen.shares.tobytes()


def test_new_needs_and_another_edition() -> None:
    filtered = SessionFilter()
    belief = filtered.step(None, says(0, 2), 0, 2)
    wider = filtered.step(belief, says(2, 3), 0, 3)
    assert wider.shares.shape == (3,)
    assert wider.shares[0] > wider.shares[1]
    again = filtered.step(wider, None, 1, 3)  # the labels are others: begin anew
    assert again.shares == pytest.approx(filtered.entry)
    assert SessionFilter().step(None, None, 0, 0).shares.shape == (0,)
    filtered.clear(0)
    assert np.isfinite(filtered.stay).all()


_steps = st.lists(
    st.tuples(st.integers(0, 5), st.floats(0.2, 1.0), st.sampled_from(["", "tell", "observe"])),
    max_size=30,
)


@given(_steps)
@settings(deadline=None)
def test_it_equals_the_forward_step_written_out(steps: Any) -> None:
    n = 6
    filtered, belief = SessionFilter(), None
    for need, sure, label in steps:
        stay, entry, usual = filtered.stay.copy(), filtered.entry.copy(), filtered.usual.copy()
        before, posterior = belief, says(need, n, sure)
        belief = filtered.step(before, posterior, 0, n)
        if len(stay):
            if before is None:
                prior = entry
            else:
                moves = np.diag(stay) + (1 - stay)[:, None] * entry[None, :]
                prior = before.shares @ moves
            odd = 0.05 if before is None else 0.2
            evidence = (odd + (1 - odd) * posterior / usual) ** belief.trust
            expected = prior * evidence / (prior * evidence).sum()
            assert belief.shares == pytest.approx(expected, abs=1e-5)
        if label:
            belief = getattr(filtered, label)(belief, need)
        assert belief.shares.sum() == pytest.approx(1.0, abs=1e-5)


@given(_steps, st.integers(0, 30))
@settings(deadline=None)
def test_stored_and_restored_it_goes_on_bit_for_bit(steps: Any, cut: int) -> None:
    n = 6
    one, belief = SessionFilter(), None
    two, other = SessionFilter(), None
    for place, (need, sure, label) in enumerate(steps):
        if place == cut:
            two = SessionFilter.from_state(unpack(pack("f", 1, two.state()), "f", 1))
            if other is not None:
                other = unpack_as(pack("b", 1, other), "b", 1, Belief)
        belief = one.step(belief, says(need, n, sure), 0, n)
        other = two.step(other, says(need, n, sure), 0, n)
        if label:
            belief, other = getattr(one, label)(belief, need), getattr(two, label)(other, need)
        one.tell_all([says(need, n, sure)] * 2, need)
        two.tell_all([says(need, n, sure)] * 2, need)
    assert pack("f", 1, one.state()) == pack("f", 1, two.state())
    assert pack("b", 1, belief) == pack("b", 1, other)


@pytest.mark.parametrize(
    "wrong", [{"odd": 0.0}, {"stay": 1.0}, {"prior": 0.5}, {"half_life": float("nan")}]
)
def test_settings_outside_their_range_are_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="is "):
        BeliefSettings(**wrong)
