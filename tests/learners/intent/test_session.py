"""A session is the decayed mean of its events' vectors, and ends by id or by silence."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from learners.codec import pack, unpack_as
from learners.intent.record import (
    IntentRecord,
    SessionMean,
    SessionSettings,
    extended,
    is_over,
    mean_vector,
)

_vectors = st.none() | st.lists(st.integers(-8, 8), min_size=3, max_size=3).map(
    lambda values: np.array(values, dtype=np.float32) / 8
)


def one(place: int) -> NDArray[np.float32]:
    return np.eye(4, dtype=np.float32)[place]


@given(st.lists(_vectors, min_size=1, max_size=20), st.sampled_from([0.0, 0.5, 0.8, 1.0]))
def test_the_mean_equals_the_weighted_mean(stream: list[Any], decay: float) -> None:
    chosen = SessionSettings(decay=decay)
    mean: SessionMean | None = None
    for ts, vector in enumerate(stream):
        mean = extended(mean, vector, float(ts), settings=chosen)
    known = [vector for vector in stream if vector is not None]
    got = mean_vector(mean, float(len(stream)), settings=chosen)
    if not known:
        assert got is None
        return
    weights = [decay**age for age in reversed(range(len(known)))]
    expected = np.average(np.array(known), axis=0, weights=weights)
    assert got is not None
    assert got.dtype == np.float32
    assert got == pytest.approx(expected, abs=1e-5)


def test_silence_ends_a_session() -> None:
    mean = extended(None, one(0), 1000.0)
    assert mean_vector(mean, 2800.0) == pytest.approx(one(0))
    assert mean_vector(mean, 2800.5) is None
    assert mean_vector(extended(mean, one(1), 9000.0), 9000.0) == pytest.approx(one(1))


def test_two_ids_decide_and_one_does_not() -> None:
    mean = extended(None, one(0), 0.0, "a")
    assert is_over(mean, 1.0, "b")
    assert not is_over(mean, 1e6, "a")
    assert not is_over(mean, 1.0, None)
    assert is_over(mean, 1e6, None)
    assert extended(mean, one(1), 1.0).session_id == "a"


def test_a_late_event_joins_the_session_that_is_on() -> None:
    mean = extended(extended(None, one(0), 5000.0), one(1), 100.0)
    assert mean.ts == 5000.0
    assert mean.weight == pytest.approx(1.8)


def test_what_has_no_usable_vector_keeps_the_mean() -> None:
    mean = extended(None, one(2), 0.0)
    for vector in (None, np.full(4, math.nan, np.float32), np.full(4, math.inf, np.float32)):
        mean = extended(mean, vector, 60.0)
    assert mean.ts == 60.0
    assert mean_vector(mean, 60.0) == pytest.approx(one(2))


def test_a_vector_of_another_size_begins_anew() -> None:
    mean = extended(extended(None, one(0), 0.0), np.ones(2, np.float32), 1.0)
    assert mean_vector(mean, 1.0) == pytest.approx(np.ones(2))


def test_nothing_is_shared_with_the_event() -> None:
    vector = one(0).copy()
    first = extended(None, vector, 0.0)
    second = extended(first, vector, 1.0)
    vector[:] = 9.0
    assert first.total == pytest.approx(one(0))
    assert second.total == pytest.approx(one(0) * 1.8)


def test_a_session_is_stored_bit_for_bit() -> None:
    mean = extended(extended(None, one(0) / 3, 0.1, "s"), one(1) / 7, 0.2, "s")
    for value in (mean, extended(None, None, 3.0)):
        back = unpack_as(pack("session", 1, value), "session", 1, SessionMean)
        assert (back.ts, back.session_id, back.weight) == (value.ts, value.session_id, value.weight)
        assert (back.total is None) == (value.total is None)
        if back.total is not None and value.total is not None:
            assert back.total.tobytes() == value.total.tobytes()


def test_features_stand_side_by_side() -> None:
    session = extended(None, one(3), 1.0)
    both = IntentRecord(session, one(0)).view(4)
    assert both is not None
    assert both.tolist() == [1, 0, 0, 0, 0, 0, 0, 1]
    assert both.dtype == np.float32
    newest_without_text = IntentRecord(session).view(4)
    assert newest_without_text is not None
    assert newest_without_text.tolist() == [0, 0, 0, 0, 0, 0, 0, 1]
    assert IntentRecord(newest=one(0)).view(4) is None
    assert IntentRecord(session, one(0)).view(0) is None
    with pytest.raises(ValueError, match="shape"):
        IntentRecord(session, one(0)).view(3)


@pytest.mark.parametrize("changes", [{"gap": 0.0}, {"decay": 1.5}, {"decay": math.nan}])
def test_settings_outside_their_range_are_refused(changes: Any) -> None:
    with pytest.raises(ValueError, match=r"is (0\.0|1\.5|nan)"):
        SessionSettings(**changes)
