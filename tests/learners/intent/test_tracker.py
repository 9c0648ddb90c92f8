"""Intent in the recommender: what is learnt from, what is seen of a session, and what is shown."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learners.classifiers.mixture import MixtureLearner
from learners.classifiers.softmax import IntentLearner
from learners.intent.record import IntentRecord
from learners.intent.tracker import IntentTracker
from learners.settings import LearnerSettings
from learners.signals.items import ItemTable
from learners.testing import unit
from learners.types import Interaction, Item

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
    tracker, user = IntentTracker(DIM), IntentRecord()
    naive, stated = IntentLearner(2 * DIM), MixtureLearner(DIM)
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
        expected = naive.learn(before, category) if category else None
        session.append(one.vector)
        newest_at, session_id = ts, given_id or session_id
        if intent is not None:
            expected = stated.learn(one.vector, intent)
        loss = tracker.learn(one, user, category)
        assert (loss is None) == (expected is None)
        if loss is not None:
            assert loss == pytest.approx(expected, abs=1e-4)
        assert (tracker.next.labels, tracker.stated.labels) == (naive.labels, stated.labels)
        assert tracker.predict(user) == pytest.approx(naive.predict(view()), abs=1e-4)
        report = tracker.report(user)
        head = stated if stated.labels else naive
        for shares in (report.intent, report.belief):
            # The rest is kept for new needs; nothing is where a label just said which it is.
            whole = sum(shares.values()) if head.labels else 1.0 - new_need(head.counts)
            assert whole == pytest.approx(1.0 - new_need(head.counts), abs=1e-3) or (
                intent is not None and whole == pytest.approx(1.0, abs=1e-3)
            )
            assert bool(shares) is bool(head.labels)


def new_need(counts: Any) -> float:
    """Return what is kept for needs that nobody was after yet: the share of those seen once."""
    return float(((counts <= 1.0).sum() + 1.0) / (counts.sum() + 2.0))


def test_a_label_is_learnt_from_the_event_that_carries_it() -> None:
    tracker, user = IntentTracker(DIM), IntentRecord()
    for turn in range(40):
        tracker.learn(event(turn * 1e5, 1, intent="buy"), user, "war")
        tracker.learn(event(turn * 1e5 + 5e4, 2, intent="browse"), user, "war")
    assert set(tracker.stated.labels) == {"buy", "browse"}
    assert tracker.next.labels == ["war"]  # for the lists, and not told where labels are known
    tracker.learn(event(1e8, 1), user, None)
    report = tracker.report(user)
    assert next(iter(report.intent)) == next(iter(report.belief)) == "buy"
    assert "war" not in report.intent
    assert report.novelty is not None
    assert 0.0 < report.novelty < 0.5


def test_without_labels_what_is_taken_next_is_what_was_looked_for() -> None:
    tracker = IntentTracker(DIM)
    for turn in range(60):
        user = IntentRecord()
        search, found = ((1, "war"), (2, "love"))[turn % 2]
        tracker.learn(event(0.0, search), user, None)
        tracker.learn(event(1.0, None), user, found)
    for search, found in ((1, "war"), (2, "love")):
        user = IntentRecord()
        tracker.learn(event(0.0, search), user, None)
        intent = tracker.report(user).intent
        assert next(iter(intent)) == found
        assert intent[found] > 0.8


def test_an_old_session_says_nothing() -> None:
    tracker, user = IntentTracker(DIM), IntentRecord()
    tracker.learn(event(0.0, 1), user, None)
    assert user.view(DIM, GAP) is not None
    assert user.view(DIM, GAP + 1) is None
    assert IntentRecord().view(DIM) is None


def test_asking_changes_nothing() -> None:
    tracker, user = IntentTracker(DIM), IntentRecord()
    for turn in range(10):
        tracker.learn(event(float(turn), turn % 3), user, "war" if turn % 2 else "love")
    first = tracker.predict(user)
    for ts in (None, 3.0, 1e9):
        tracker.predict(user, ts)
    tracker.predict(IntentRecord())
    assert tracker.predict(user).tobytes() == first.tobytes()


def test_the_whole_distribution_is_told_best_first() -> None:
    tracker, user = IntentTracker(DIM), IntentRecord()
    for turn in range(90):
        tracker.learn(event(float(turn), turn % 5), user, f"need {turn % (1 + turn % 9)}")
    report, chances = tracker.report(user), tracker.predict(user)
    assert len(report.intent) == len(chances) == 9
    assert next(iter(report.intent)) == tracker.next.labels[int(chances.argmax())]
    for shares in (report.intent, report.belief):
        assert list(shares.values()) == sorted(shares.values(), reverse=True)
        assert sum(shares.values()) == pytest.approx(1.0 - new_need(tracker.next.counts), abs=1e-3)
    assert tracker.report(user) == report
    assert report.novelty is None  # nobody said what anything is
    nobody = IntentTracker(DIM).report(IntentRecord())
    assert (nobody.intent, nobody.belief, nobody.novelty) == ({}, {}, None)


def test_what_is_hardly_possible_is_not_named() -> None:
    tracker, user = IntentTracker(DIM), IntentRecord()
    for turn in range(400):
        tracker.learn(event(float(turn), turn % 3, intent=f"need {turn % 3}"), user, None)
    tracker.learn(event(400.0, 1), user, None)
    report = tracker.report(user)
    assert next(iter(report.belief)) == "need 1"
    assert all(share >= 1e-4 for share in (*report.intent.values(), *report.belief.values()))
    assert sum(report.intent.values()) > 0.997


def test_what_is_done_next_is_mixed_in_as_the_settings_say() -> None:
    tracker, user = IntentTracker(DIM, LearnerSettings(intent_inferred=0.25)), IntentRecord()
    for turn in range(20):
        tracker.learn(event(float(turn), turn % 2, intent="buy"), user, "war")
    report = tracker.report(user)
    assert report.intent == {"buy": pytest.approx(0.75 * (1.0 - 1 / 22)), "war": 0.25}
    tracker = IntentTracker(DIM, LearnerSettings(intent_labels=0.0, intent_actions=1.0))
    for turn in range(20):
        tracker.learn(event(float(turn) * 1e6, 1, intent="buy"), user, "war")
    assert tracker.stated.labels == []
    assert set(tracker.actions.labels) == {"view", "leave"}
    assert set(tracker.report(user).intent) == {"war", "view", "leave"}
    tracker = IntentTracker(DIM, LearnerSettings(intent_next=0.0))
    assert tracker.learn(event(0.0, 1), IntentRecord(), "war") is None


def test_intents_that_are_categories_count_for_them_also_when_these_come_later() -> None:
    user, items = IntentRecord(), ItemTable()
    tracker = IntentTracker(DIM, categories=items.category_index)
    tracker.learn(event(0.0, 1), user, "war")
    tracker.learn(event(1.0, 2, intent="just looking"), user, None)
    assert tracker.per_category(tracker.predict(user), items).tolist() == [0.0]
    items.put(Item("a", "", ("love", "war")), 0)
    chances = tracker.predict(user)
    spread = tracker.per_category(chances, items)
    assert spread.dtype == np.float32
    expected = dict(zip(tracker.next.labels, chances, strict=True))["war"]
    assert spread[items.category_index["war"]] == pytest.approx(expected)
    assert spread[items.category_index["love"]] == 0.0
    assert spread[0] == 0.0
    tracker.learn(event(2.0, 3, intent="love"), user, "war")  # a label that is a category
    assert tracker.next.labels == ["war", "love"]
    assert tracker.per_category(tracker.predict(user), items)[items.category_index["love"]] > 0.0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_vectors_that_cannot_be_used(bad: float) -> None:
    tracker = IntentTracker(DIM)
    assert tracker.is_usable(unit(1, dim=DIM))
    assert not tracker.is_usable(np.array([0, 0, 0, bad], np.float32))
    with pytest.raises(ValueError, match=r"shape \(5,\); \(4,\) is expected"):
        tracker.is_usable(unit(1, dim=5))
    assert not IntentTracker(0).is_usable(unit(1, dim=5))


def test_without_vectors_the_labels_frequencies_are_known() -> None:
    tracker, user = IntentTracker(0), IntentRecord()
    for turn in range(10):
        tracker.learn(event(float(turn), 1), user, "war" if turn < 8 else "love")
    chances = dict(zip(tracker.next.labels, tracker.predict(user), strict=True))
    assert chances["war"] > chances["love"] > 0.0
    assert sum(chances.values()) == pytest.approx(1.0)
