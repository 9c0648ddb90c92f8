"""The doubles are what they say: seeded, of a known form, and they find faults."""

from __future__ import annotations

import numpy as np
import pytest

from learners.online_model import OnlineModel
from learners.testing import (
    DIM,
    CountingEncoder,
    FakeClock,
    RecordTable,
    Tastes,
    WordEncoder,
    clusters,
    grown_model,
    listed,
    small,
    unit,
)
from learners.types import Entry, RecommendationList


def test_texts_that_share_words_are_near() -> None:
    texts = ["a red lamp", "Lamp, red: a", "tea pot", "", "a blue lamp"]
    rows = WordEncoder(64).encode(texts)
    assert rows.shape == (5, 64)
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1, 1, 1, 0, 1])
    assert rows[0] @ rows[1] == pytest.approx(1.0)
    assert rows[0] @ rows[4] > 0.4 > abs(rows[0] @ rows[2])
    assert np.array_equal(rows, WordEncoder(64).encode(texts))


def test_calls_are_written_down() -> None:
    encoder = CountingEncoder(WordEncoder(8))
    assert (encoder.dim, encoder.version) == (8, "words-8")
    assert encoder.encode(("a", "b")).shape == (2, 8)
    encoder.encode(["c"])
    assert encoder.calls == [["a", "b"], ["c"]]
    assert encoder.texts == ["a", "b", "c"]


def test_a_clock_stands_until_it_is_set() -> None:
    clock = FakeClock(5.0)
    assert (clock(), clock()) == (5.0, 5.0)
    clock.now += 1
    assert clock() == 6.0


def test_records_are_kept_found_and_deleted() -> None:
    table = RecordTable()
    table.keep([("a", "2", b"x"), ("a", "1", b"y"), ("b", "1", b"z")])
    assert list(table.scan("a")) == [("1", b"y"), ("2", b"x")]
    assert (table.get("b", "1"), table.get("b", "2"), table.count("a")) == (b"z", None, 2)
    table.keep([("a", "1", None), ("a", "9", None)])
    assert table.count("a") == 1


def test_vectors_are_what_they_say() -> None:
    one = unit(3)
    assert one.shape == (DIM,)
    assert np.linalg.norm(one) == pytest.approx(1.0)
    assert np.array_equal(one, unit(3))
    assert one @ unit(4, near=one) > 0.8
    vectors, labels = clusters(50, 3, seed=1)
    assert vectors.shape == (50, 16)
    assert set(labels) == {"need-0", "need-1", "need-2"}
    nearest = [f"need-{place}" for place in vectors[:, :3].argmax(axis=1)]
    assert np.mean([one == label for one, label in zip(nearest, labels, strict=True)]) > 0.95


def test_a_world_repeats_itself() -> None:
    one, other = (grown_model(Tastes(seed=4), 60) for _ in range(2))
    assert listed(one.model, "u1") == listed(other.model, "u1")
    assert one.position == 60
    events = Tastes(topics=2, items=3, users=4).events(50)
    assert len(events) == 12  # every user has all of their topic then
    assert {event.item_id.split("-")[0] for event in events if event.user_id == "u1"} == {"topic1"}


@pytest.mark.parametrize(
    ("entries", "rule"),
    [
        ((Entry("a", 1.0, ("x",)), Entry("a", 0.0, ("x",))), "each item once"),
        ((Entry("a", float("nan"), ("x",)),), "scores are finite"),
        ((Entry("a", 1.0, ("x",)), Entry("b", 2.0, ("x",))), "scores fall"),
        ((Entry("a", 1.0, ()),), "each has reasons"),
        ((Entry("a", 1.0, ("",)),), "each has reasons"),
    ],
    ids=range(5),
)
def test_a_list_that_is_not_as_it_must_be_is_found(entries, rule, monkeypatch) -> None:
    model = OnlineModel(small())
    made = RecommendationList("u", entries, {}, (), 0, 0)
    monkeypatch.setattr(model, "recommend", lambda user, k: made)
    with pytest.raises(AssertionError, match=rule):
        listed(model, "u")
