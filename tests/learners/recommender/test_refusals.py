"""What cannot be meant is refused by name, in one line, and nothing is learnt of it."""

from __future__ import annotations

import contextlib
import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from learners import Event, Item, LearnerSettings, Recommender

GOOD = Event("u", "a", 1.0, event_id="e", session_id="s", intent="n", text="t", vector=(1.0, 0.0))
ITEM = Item("a", "A", ("c",), vector=[1.0, 0.0], text="t")

EVENTS = [
    ("user_id", "", ValueError, r"user_id is '' \(str\); it must be a text that is not blank"),
    ("user_id", " \t", ValueError, "user_id is "),
    ("user_id", 7, TypeError, r"user_id is 7 \(int\); it must be text: write str\(...\)"),
    ("user_id", None, TypeError, "user_id is None"),
    ("user_id", "\ud800", ValueError, "user_id is .* no file can hold"),
    ("item_id", "", ValueError, "item_id is ''"),
    ("item_id", b"a", TypeError, r"item_id is b'a' \(bytes\)"),
    ("item_id", ["a"], TypeError, "item_id is "),
    ("type", "", ValueError, "type is ''"),
    ("type", None, TypeError, "type is None"),
    ("ts", math.nan, ValueError, "ts is nan"),
    ("ts", math.inf, ValueError, "ts is inf"),
    (
        "ts",
        1.7e12,
        ValueError,
        "ts is 1700000000000.0 .*to 253,402,300,799: .*divide milli",
    ),
    ("ts", "2024-01-01", TypeError, "ts is '2024-01-01' .*seconds since 1970"),
    ("ts", datetime(2024, 1, 1, tzinfo=UTC), TypeError, r"ts is .*timestamp\(\)"),
    ("ts", None, TypeError, "ts is None"),
    ("ts", True, TypeError, "ts is True"),
    ("ts", Decimal(1), TypeError, "ts is Decimal"),
    ("ts", 1j, TypeError, "ts is 1j"),
    ("weight", math.nan, ValueError, "weight is nan.*from -1,000 to 1,000"),
    ("weight", -math.inf, ValueError, "weight is -inf"),
    ("weight", 1e9, ValueError, "weight is 1000000000.0"),
    ("weight", "1", TypeError, "weight is '1'"),
    ("weight", None, TypeError, "weight is None"),
    ("value", math.nan, ValueError, "value is nan"),
    ("value", math.inf, ValueError, "value is inf"),
    ("value", "five", TypeError, "value is 'five'"),
    ("value", False, TypeError, "value is False"),
    ("rest", -1.0, ValueError, "rest is -1.0"),
    ("rest", math.nan, ValueError, "rest is nan"),
    ("text", 5, TypeError, "text is 5"),
    ("intent", "", ValueError, "intent is ''"),
    ("intent", 5, TypeError, "intent is 5"),
    ("session_id", 5, TypeError, "session_id is 5"),
    ("event_id", "", ValueError, "event_id is ''"),
    ("vector", [1.0, math.nan], ValueError, "vector holds NaN"),
    ("vector", [math.inf, 0.0], ValueError, "vector holds NaN or infinity"),
    ("vector", [0.0, 0.0], ValueError, "vector is all zeros"),
    ("vector", [], ValueError, r"vector has the shape \(0,\)"),
    ("vector", [[1.0, 0.0]], ValueError, r"vector has the shape \(1, 2\)"),
    ("vector", [1.0, [0.0]], ValueError, "vector is no array"),
    ("vector", ["1.0", "0.0"], TypeError, "vector is of <U3"),
    ("vector", np.array([1j, 0]), TypeError, "vector is of complex128"),
    ("vector", [True, False], TypeError, "vector is of bool"),
    ("vector", "10", TypeError, "vector is '10'"),
    ("vector", {1.0, 2.0}, TypeError, "vector is "),
    ("position", 5, ValueError, "position is 5"),
    ("position", -1, ValueError, "position is -1"),
    ("position", 0.0, TypeError, "position is 0.0"),
    ("position", True, TypeError, "position is True"),
    ("position", math.nan, TypeError, "position is nan"),
]
ITEMS = [
    ("item_id", "", ValueError, "item_id is ''"),
    ("item_id", 3, TypeError, r"item_id is 3 \(int\)"),
    ("title", None, None, ""),
    ("title", 3, TypeError, "title is 3"),
    ("text", 3, TypeError, "text is 3"),
    ("categories", "lamps", TypeError, "categories is 'lamps' .* write "),
    ("categories", None, TypeError, "categories is None"),
    ("categories", {"a"}, TypeError, "categories is "),
    ("categories", (1,), TypeError, r"categories\[0\] is 1"),
    ("categories", ("a", ""), ValueError, r"categories\[1\] is ''"),
    ("available", 1, TypeError, "available is 1 .* True or False"),
    ("available", None, TypeError, "available is None"),
    ("vector", [1.0, math.nan], ValueError, "vector holds NaN"),
    ("vector", [0.0, 0.0], ValueError, "vector is all zeros"),
    ("vector", [1.0], ValueError, r"vector has the shape \(1,\); it must be \(2,\)"),
]


def recommender() -> Recommender:
    return Recommender(settings=LearnerSettings(dim=2))


@pytest.mark.parametrize(("name", "value", "kind", "said"), EVENTS, ids=range(len(EVENTS)))
def test_a_field_of_an_event(name: str, value: Any, kind: type[Exception], said: str) -> None:
    one = recommender()
    with pytest.raises(kind, match=rf"^the event: {said}") as told:
        one.learn(msgspec.structs.replace(GOOD, **{name: value}))
    assert "\n" not in str(told.value)
    assert one.position == -1
    assert one.recommend("u").entries == ()


@pytest.mark.parametrize(("name", "value", "kind", "said"), ITEMS, ids=range(len(ITEMS)))
def test_a_field_of_an_item(name: str, value: Any, kind: type[Exception] | None, said: str) -> None:
    one = recommender()
    item = msgspec.structs.replace(ITEM, **{name: value})
    if kind is None:
        one.put_item(item)
        return
    with pytest.raises(kind, match=rf"^the item: {said}") as told:
        one.put_item(item)
    assert "\n" not in str(told.value)
    assert one.recommend("u").entries == ()


def test_what_is_good_is_taken_as_it_is() -> None:
    one = recommender()
    one.put_item(ITEM)
    assert one.learn(GOOD) == (0, "e", ())
    numbers = {"ts": np.float32(5), "weight": np.int64(2), "value": np.float16(3), "position": 1}
    given = msgspec.structs.replace(GOOD, **numbers, user_id=np.str_("u"), item_id=np.str_("b"))
    assert one.learn(given).position == 1
    assert one.learn(Event("u", "c", -1e9, rest=5)).position == 2
    found = one.recommend("v")
    assert {entry.item_id for entry in found.entries} == {"a", "b", "c"}
    assert {type(entry.item_id) for entry in found.entries} == {str}


CALLS = [
    (lambda one: one.learn([GOOD]), TypeError, "the event is .*of Event: .*learn_many"),
    (lambda one: one.learn({"user_id": "u"}), TypeError, "the event is .*of Event"),
    (lambda one: one.learn(ITEM), TypeError, "the event is Item"),
    (lambda one: one.learn_many(GOOD), TypeError, "events is .*one alone goes to learn"),
    (lambda one: one.learn_many("ab"), TypeError, "events is 'ab'"),
    (lambda one: one.learn_many([GOOD, None]), TypeError, "event 1 is None"),
    (lambda one: one.put_item([ITEM]), TypeError, "the item is .*put_items"),
    (lambda one: one.put_items(ITEM), TypeError, "items is "),
    (lambda one: one.put_items([ITEM, GOOD]), TypeError, "item 1 is Event"),
    (lambda one: one.recommend(7), TypeError, "user_id is 7"),
    (lambda one: one.recommend(""), ValueError, "user_id is ''"),
    (lambda one: one.recommend("u", 0), ValueError, "k is 0; it must be from 1 to 250"),
    (lambda one: one.recommend("u", 251), ValueError, "k is 251"),
    (lambda one: one.recommend("u", 2.0), TypeError, "k is 2.0"),
    (lambda one: one.recommend_many("ada"), TypeError, "user_ids is 'ada'"),
    (lambda one: one.recommend_many(["ada", 7]), TypeError, r"user_ids\[1\] is 7"),
    (lambda one: one.similar(7), TypeError, "item_id is 7"),
    (lambda one: one.similar("a", 0), ValueError, "k is 0"),
    (lambda one: one.explain("u", None), TypeError, "item_id is None"),
    (lambda one: one.explain(None, "a"), TypeError, "user_id is None"),
    (lambda one: one.remove_item(None), TypeError, "item_id is None"),
    (lambda one: one.retract("u"), ValueError, "event_id is None and type None: give one"),
    (lambda one: one.retract("u", "e", "view"), ValueError, "event_id is 'e' and type 'view'"),
    (lambda one: one.retract("u", 7), TypeError, "event_id is 7"),
    (lambda one: one.retract("", "e"), ValueError, "user_id is ''"),
    (lambda one: one.label("u", "", "e"), ValueError, "intent is ''"),
    (lambda one: one.label("u", "n"), ValueError, "event_id is None and session_id None"),
    (lambda one: one.label("u", "n", "e", source="x"), ValueError, "source is 'x'"),
    (lambda one: Recommender(settings={"k": 5}), TypeError, "settings is .*LearnerSettings"),
    (lambda one: Recommender("hashing"), TypeError, "encoder is 'hashing' .*load_encoder"),
    (lambda one: Recommender(object()), TypeError, r"encoder is .*object with encode\(texts\)"),
    (lambda one: Recommender(signals=["mine"]), TypeError, r"signals\[0\] is 'mine' .*Signal"),
    (lambda one: Recommender(signals=Recommender), TypeError, "signals is "),
    (lambda one: Recommender.load(7), TypeError, "folder is 7"),
    (lambda one: one.save(None), TypeError, "folder is None"),
    (lambda one: one.save(b"x"), TypeError, "folder is b'x'"),
    (lambda one: LearnerSettings(k=0), ValueError, "k is 0"),
]


@pytest.mark.parametrize(("call", "kind", "said"), CALLS, ids=range(len(CALLS)))
def test_a_call(call: Any, kind: type[Exception], said: str) -> None:
    one = recommender()
    with pytest.raises(kind, match=said) as told:
        call(one)
    assert "\n" not in str(told.value)
    assert one.position == -1


ANY = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.binary(max_size=2),
    st.lists(st.floats(), max_size=3),
    st.sampled_from(["a", "b", 1.0, 2.0, 0, 1]),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(st.sampled_from(Event.__struct_fields__), ANY), max_size=8))
def test_whatever_is_handed_in_scores_are_finite(changes: list[dict[str, Any]]) -> None:
    one = recommender()
    for change in changes:
        position = one.position
        with contextlib.suppress(TypeError, ValueError):
            assert one.learn(msgspec.structs.replace(GOOD, **change)).position == position + 1
            position += 1
        assert one.position == position
    for user in ("u", "v"):
        scores = [entry.score for entry in one.recommend(user).entries]
        assert np.isfinite(scores).all()
