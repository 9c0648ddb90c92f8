"""Intent in the recommender: what is learnt from, what is seen of a session, and what is shown."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learners.history import User
from learners.intent import IntentLearner
from learners.interaction import Interaction, Item
from learners.items import ItemTable
from learners.needs import Needs
from tests.learners.worlds import unit

DIM = 4
GAP = 1_800.0  # seconds of silence after which a session is over


def event(ts: float, text: int | None = None, **more: Any) -> Interaction:
    vector = None if text is None else unit(text, dim=DIM)
    return Interaction(0, "e", "u", "i", "view", ts, vector=vector, **more)


_events = st.lists(
    st.tuples(
        st.sampled_from([0.0, 1.0, 100.0, 2_000.0]),
        st.sampled_from([None, 1, 2, 3]),
        st.sampled_from([None, None, "buy", "browse"]),
        st.sampled_from([None, "war", "love", ""]),
        st.sampled_from([None, None, "s1", "s2"]),
    ),
    max_size=25,
)


@given(_events)
@settings(deadline=None)
def test_it_equals_doing_it_by_hand(events: Any) -> None:
    needs, user = Needs(DIM), User()
    naive = IntentLearner(2 * DIM)
    session: list[Any] = []  # the vectors of the session so far, None where an event had none
    newest_at, session_id, ts = None, None, 1_000.0

    def view() -> Any:
        vectors = [vector for vector in session if vector is not None]
        if not vectors:
            return None
        weights = 0.8 ** np.arange(len(vectors))[::-1]
        mean = (weights[:, None] * np.array(vectors)).sum(axis=0) / weights.sum()
        newest = session[-1] if session[-1] is not None else np.zeros(DIM)
        return np.concatenate((newest, mean)).astype(np.float32)

    for later, text, intent, category, given_id in events:
        ts += later
        one = event(ts, text, intent=intent, session_id=given_id)
        if given_id is not None and session_id is not None:
            over = given_id != session_id
        else:
            over = newest_at is not None and ts - newest_at > GAP
        if over:
            before: Any = None
            session, session_id = [], None
        else:
            before = view()
        if intent is None and category:
            expected = naive.learn(before, category)
        session.append(one.vector)
        newest_at, session_id = ts, given_id or session_id
        if intent is not None:
            expected = naive.learn(view(), intent)
        elif not category:
            expected = None
        loss = needs.learn(one, user, category)
        assert (loss is None) == (expected is None)
        if loss is not None:
            assert loss == pytest.approx(expected, abs=1e-4)
        assert needs.learner.labels == naive.labels
        assert needs.predict(user) == pytest.approx(naive.predict(view()), abs=1e-4)


def test_a_label_is_learnt_from_the_event_that_carries_it() -> None:
    needs, user = Needs(DIM), User()
    for turn in range(40):
        needs.learn(event(turn * 1e5, 1, intent="buy"), user, "war")
        needs.learn(event(turn * 1e5 + 5e4, 2, intent="browse"), user, "war")
    assert set(needs.learner.labels) == {"buy", "browse"}  # an explicit label stands alone
    needs.learn(event(1e8, 1), user, None)
    assert next(iter(needs.shown(needs.predict(user)))) == "buy"


def test_without_labels_what_is_taken_next_is_what_was_looked_for() -> None:
    needs = Needs(DIM)
    for turn in range(60):
        user = User()
        search, found = ((1, "war"), (2, "love"))[turn % 2]
        needs.learn(event(0.0, search), user, None)
        needs.learn(event(1.0, None), user, found)
    for search, found in ((1, "war"), (2, "love")):
        user = User()
        needs.learn(event(0.0, search), user, None)
        intent = needs.shown(needs.predict(user))
        assert next(iter(intent)) == found
        assert intent[found] > 0.8


def test_an_old_session_says_nothing() -> None:
    needs, user = Needs(DIM), User()
    needs.learn(event(0.0, 1), user, None)
    assert needs.view(user, GAP) is not None
    assert needs.view(user, GAP + 1) is None
    assert needs.view(User()) is None


def test_asking_changes_nothing() -> None:
    needs, user = Needs(DIM), User()
    for turn in range(10):
        needs.learn(event(float(turn), turn % 3), user, "war" if turn % 2 else "love")
    first = needs.predict(user)
    for ts in (None, 3.0, 1e9):
        needs.predict(user, ts)
    needs.predict(User())
    assert needs.predict(user).tobytes() == first.tobytes()


def test_the_most_probable_are_shown_best_first() -> None:
    needs, user = Needs(DIM), User()
    for turn in range(90):
        needs.learn(event(float(turn), turn % 5), user, f"need {turn % (1 + turn % 9)}")
    chances = needs.predict(user)
    shown = needs.shown(chances)
    assert len(shown) == 5 < len(chances)
    assert list(shown.values()) == sorted(shown.values(), reverse=True)
    assert list(shown.values()) == pytest.approx(sorted(chances, reverse=True)[:5], abs=1e-6)
    assert needs.shown(Needs(DIM).predict(User())) == {}


def test_intents_that_are_categories_count_for_them_also_when_these_come_later() -> None:
    needs, user, items = Needs(DIM), User(), ItemTable()
    needs.learn(event(0.0, 1), user, "war")
    needs.learn(event(1.0, 2, intent="just looking"), user, None)
    assert needs.per_category(needs.predict(user), items).tolist() == [0.0]
    items.put(Item("a", "", ("love", "war")), 0)
    chances = needs.predict(user)
    spread = needs.per_category(chances, items)
    assert spread.dtype == np.float32
    expected = dict(zip(needs.learner.labels, chances, strict=True))["war"]
    assert spread[items.category_index["war"]] == pytest.approx(expected)
    assert spread[items.category_index["love"]] == 0.0
    assert spread[0] == 0.0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_vectors_that_cannot_be_used(bad: float) -> None:
    needs = Needs(DIM)
    assert needs.is_usable(unit(1, dim=DIM))
    assert not needs.is_usable(np.array([0, 0, 0, bad], np.float32))
    with pytest.raises(ValueError, match=r"shape \(5,\); \(4,\) is expected"):
        needs.is_usable(unit(1, dim=5))
    assert not Needs(0).is_usable(unit(1, dim=5))


def test_without_vectors_the_labels_frequencies_are_known() -> None:
    needs, user = Needs(0), User()
    for turn in range(10):
        needs.learn(event(float(turn), 1), user, "war" if turn < 8 else "love")
    chances = dict(zip(needs.learner.labels, needs.predict(user), strict=True))
    assert chances["war"] > chances["love"] > 0.0
    assert sum(chances.values()) == pytest.approx(1.0)
