"""Reasons equal taking each signal away by hand, and what they say of a user is true."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learners.codec import pack, unpack
from learners.online_model import OnlineModel
from learners.online_model.stages import context_of
from learners.ranking.claims import LATELY, Claims
from learners.ranking.columns import (
    FEATURES,
    GENERATED,
    GROUPS,
    RETURNS,
    SEARCH,
    ColumnLayout,
    layout,
)
from learners.ranking.explanations import strongest_groups
from learners.ranking.preference_learner import PreferenceLearner
from learners.ranking.reason_words import WITHIN, WORDS, Claim
from learners.state.records import ITEM_KIND, SHARED_VERSION
from learners.testing import Feed, RecordTable, Tastes, grown_model, small
from learners.types import Item, Retraction

_named = [name for names in GROUPS.values() for name in names]


def test_groups_are_made_of_features_each_in_one() -> None:
    assert set(_named) <= set(FEATURES + GENERATED + SEARCH + RETURNS)
    assert len(set(_named)) == len(_named)


_more = st.sampled_from([(), (("price", ("price_near", "price_far")),)])
_columns = st.builds(layout, _more, generated=st.booleans(), searching=st.booleans())


@given(st.integers(0, 10_000), st.integers(1, 12), _columns, st.data())
def test_what_carried_equals_taking_each_group_away(
    seed: int, n: int, made: ColumnLayout, data: Any
) -> None:
    columns, groups = made.names, dict(GROUPS)
    if made.added:
        groups["price"] = columns[made.added["price"]]
    draw = np.random.default_rng(seed)
    rows = draw.normal(size=(n, len(columns))).astype(np.float32)
    preference = PreferenceLearner(len(columns), 3, 0.1)
    weights = draw.normal(size=len(preference.state()["averaged"])).astype(np.float32)
    preference.restore({**preference.state(), "averaged": weights})
    score = preference.score
    best = np.array(data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=10)))
    item_weights = draw.normal(size=n).astype(np.float32)
    got = strongest_groups(rows, best, preference, item_weights, made)
    assert len(got) == len(best)
    for place, names in zip(best, got, strict=True):
        gave = {}
        for group, features in groups.items():
            without = rows[place].copy()
            for feature in set(features) & set(columns):
                column = columns.index(feature)
                without[column] = rows[:, column].mean()
            gave[group] = float(score(rows[[place]])[0] - score(without[None])[0])
        gave["together"] += float(item_weights[place] - item_weights.mean())
        assert len(set(names)) == len(names)
        worth = [gave[name] for name in names]
        assert all(least > -1e-4 for least in worth)
        assert all(one > other - 1e-4 for one, other in pairwise(worth))
        assert all(gave[name] < 1e-4 for name in set(groups) - set(names))


def test_every_claim_has_words_and_names_what_it_is_about() -> None:
    assert set(WORDS) == set(Claim)
    assert len(set(WORDS.values())) == len(WORDS)
    assert "Cups, two, “blue”".translate(WITHIN) == "Cups, two, ‘blue’"  # noqa: RUF001
    assert WORDS[Claim.LIKING].format(name="{name}") == "fits a liking for “{name}”"
    for claim, words in WORDS.items():
        assert words.count("“{name}”") == words.count("{") <= 1, claim


def test_what_reasons_say_of_a_user_is_true() -> None:
    world = Tastes(topics=3, items=25, users=24)
    feed = grown_model(world, 400)
    model = feed.model
    said = 0
    for user in world.users[:12]:
        offered = model.recommend(user)
        had = {f"about {item}" for item in world.had[user]}
        for entry in offered.entries:
            assert 1 <= len(entry.reasons) <= 2
            for reason in entry.reasons:
                found = re.search(r"(together with|right after|in meaning to) “(about .*)”", reason)
                if found:
                    assert found[2] in had
                    said += 1
                liked = re.search(r"a liking for “(.*)”", reason)
                if liked:
                    assert entry.item_id.startswith(liked[1])
                wanted = re.search(r"looked for now: “(.*)”", reason)
                if wanted:
                    assert wanted[1] == next(iter(offered.intent))
    assert said > 20


def test_of_somebody_new_nothing_is_claimed() -> None:
    model = OnlineModel(small())
    feed = Feed(model)
    for number in range(20):
        model.put_item(Item(str(number), f"item {number}"))
    for step in range(60):
        feed(f"u{step}", str(step % 7))
    for entry in model.recommend("somebody new").entries:
        assert not any("item" in reason or "liking for" in reason for reason in entry.reasons)


def test_only_a_need_that_the_item_answers_is_named() -> None:
    """However likely another need is, an item is not said to fit it."""
    model, kinds = OnlineModel(small(repeats="on")), ("Kitchen", "Books")
    for number in range(40):
        model.put_item(Item(f"i{number}", f"Thing {number}", (kinds[number % 2],)))
    feed = Feed(model)
    for position in range(400):
        feed(f"u{position % 9}", f"i{(position * 7 + position // 40) % 40}")
    context = context_of(model, "u1", model.users.get("u1", model.position), None)
    books, kitchen = (model.signals.items.category_index[name] for name in ("Books", "Kitchen"))
    context.intent[:] = 0.0
    context.intent[kitchen], context.intent[books] = 0.4, 0.6
    item = model.signals.items.index["i1"]
    said = "fits what is looked for now: “Books”"
    assert reasons_of(model, "u1", item, ["intent"], context) == (said,)
    context.intent[kitchen], context.intent[books] = 0.6, 0.4
    assert reasons_of(model, "u1", item, ["intent"], context) == ("chosen by others",)
    for user in range(9):
        for entry in model.recommend(f"u{user}").entries:
            own = kinds[int(entry.item_id[1:]) % 2]
            for reason in entry.reasons:
                if reason.startswith("fits what is looked for now: "):
                    assert reason.endswith(f"“{own}”")


def reasons_of(
    model: OnlineModel, user_id: str, item: int, groups: list[str], context: Any = None
) -> tuple[str, ...]:
    """What is said of one item to a user, where these groups raised it."""
    user = model.users.get(user_id, model.position)
    context = context or context_of(model, user_id, user, None)
    _, rows = model.pipeline.batch(user_id, context, None, negatives=False)
    claims = Claims(model.signals, context, user, rows, np.array([item], np.int32))
    return claims.reasons([groups])[0]


def pairs(model: OnlineModel, people: int, first: str = "a", second: str = "b") -> None:
    """Let so many people take one thing and then another."""
    feed, start = Feed(model), model.position + 1
    for person in range(people):
        feed(f"p{start}-{person}", first)
        feed(f"p{start}-{person}", second)


def shop(**changes: Any) -> OnlineModel:
    model = OnlineModel(small(repeats="on", **changes))
    for item in "abcd":
        model.put_item(Item(item, f"{item.upper()}, a thing"))
    return model


@pytest.mark.parametrize("people", [1, 2, 3])
def test_often_stands_for_three_people(people: int) -> None:
    model = shop()
    pairs(model, people)
    feed = Feed(model)
    for _ in range(9):  # one who does it again and again is one
        feed("p0-0", "a")
        feed("p0-0", "b")
    feed("ann", "a")
    number = model.signals.items.index["b"]
    word = "often " if people >= 3 else ""
    assert reasons_of(model, "ann", number, ["together"]) == (
        f"{word}chosen together with “A, a thing”",
    )
    assert reasons_of(model, "ann", number, ["follows"]) == (
        f"{word}chosen right after “A, a thing”",
    )


def test_what_is_taken_at_one_time_follows_nothing() -> None:
    model = shop()
    feed = Feed(model)
    for person in range(5):
        feed(f"p{person}", "a", ts=float(person))
        feed(f"p{person}", "b", ts=float(person))
    feed("late", "a", ts=50.0)
    feed("late", "c", ts=40.0)  # comes after, and happened before
    feed("ann", "a", ts=60.0)
    number = model.signals.items.index
    together = ("often chosen together with “A, a thing”",)
    assert reasons_of(model, "ann", number["b"], ["follows"]) == together
    once = ("chosen together with “A, a thing”",)
    assert reasons_of(model, "ann", number["c"], ["follows"]) == once


def test_a_removed_item_is_never_named() -> None:
    model = shop()
    pairs(model, 5)
    feed = Feed(model)
    feed("ann", "a")
    model.remove_item("a")
    number = model.signals.items.index["b"]
    assert reasons_of(model, "ann", number, ["together", "follows"]) == ("chosen by others",)
    for user in ("ann", "p0-0"):
        for entry in model.recommend(user).entries:
            assert not any("“a”" in reason for reason in entry.reasons)


def test_who_only_spoke_against_an_item_did_not_choose_it() -> None:
    model = shop()
    feed = Feed(model)
    feed("ann", "a", weight=-1.0)
    feed("ann", "b")
    feed("ann", "b", weight=-1.0)
    number = model.signals.items.index
    assert reasons_of(model, "ann", number["a"], ["again"]) == ("known from before",)
    assert reasons_of(model, "ann", number["b"], ["again"]) == ("chosen before",)
    assert reasons_of(model, "ann", number["c"], ["again"]) == ("new here",)
    for turn in range(20):  # older events against an item are forgotten, and may have been of it
        feed("ann", f"x{turn}", weight=-1.0)
    assert reasons_of(model, "ann", number["a"], ["again"]) == ("known from before",)
    model.retract(Retraction("ann", f"e{feed.position - 1}"))
    assert reasons_of(model, "ann", number["a"], ["again"]) == ("known from before",)


def test_popular_is_what_three_people_took_and_more_than_usual() -> None:
    model = shop()
    feed = Feed(model)
    for person in range(4):
        feed(f"p{person}", "a")
    for _ in range(9):
        feed("p0", "b")
    number = model.signals.items.index
    groups = ["popular", "trending", "stage"]
    assert reasons_of(model, "ann", number["a"], groups) == ("chosen by others", "chosen lately")
    assert reasons_of(model, "ann", number["b"], ["popular"]) == ("chosen by somebody already",)
    assert reasons_of(model, "ann", number["c"], groups) == ("new here",)
    for person in range(4, 20):
        feed(f"p{person}", "a")
    assert reasons_of(model, "ann", number["a"], groups) == ("popular", "popular right now")
    for _ in range(LATELY + 1):
        feed("p0", "b")
    assert reasons_of(model, "ann", number["a"], ["trending"]) == ("chosen by others",)


def test_a_state_without_users_gives_plainer_words() -> None:
    """As one of before is read: nobody is counted there, and from then on everybody is."""
    model, shelf = shop(), RecordTable()
    pairs(model, 5)
    shelf.keep(model.changed())
    for (kind, key), blob in list(shelf.records.items()):
        if kind == ITEM_KIND:
            record = unpack(blob, kind, SHARED_VERSION)
            assert (record.pop("users", None) is None) is (record["id"] in "cd")
            assert (record.pop("takers", None) is None) is (record["id"] in "cd")
            shelf.records[kind, key] = pack(kind, SHARED_VERSION, record)
    after = OnlineModel(model.settings, shelf.get)
    after.restore(shelf.scan)
    for item in "abcd":
        after.put_item(Item(item, f"{item.upper()}, a thing"))
    feed = Feed(after)
    feed("ann", "a")
    number = after.signals.items.index["b"]
    assert reasons_of(after, "ann", number, ["together"]) == ("chosen by somebody already",)
    pairs(after, 3)
    said = ("often chosen together with “A, a thing”",)
    assert reasons_of(after, "ann", number, ["together"]) == said


def test_who_took_what_is_stored() -> None:
    model, shelf = shop(), RecordTable()
    pairs(model, 5)
    shelf.keep(model.changed())
    after = OnlineModel(model.settings, shelf.get)
    after.restore(shelf.scan)
    for item in "abcd":
        after.put_item(Item(item, f"{item.upper()}, a thing"))
    for user in ("p0-0", "nobody"):
        assert after.recommend(user).entries == model.recommend(user).entries
