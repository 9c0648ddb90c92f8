"""Reasons equal taking each signal away by hand, and what they say of a user is true."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learners.ranking.explanations import GROUPS, reasons_for, sentence, strongest_groups
from learners.ranking.features import FEATURES, GENERATED, SEARCH
from learners.recommender import Recommender
from learners.types import Item
from tests.learners.worlds import Feed, Tastes, grown_model, small

_named = [name for names in GROUPS.values() for name in names]


def test_groups_are_made_of_features_each_in_one() -> None:
    assert set(_named) <= set(FEATURES + GENERATED + SEARCH)
    assert len(set(_named)) == len(_named)


_columns = st.sampled_from(
    [FEATURES, FEATURES + GENERATED, FEATURES + SEARCH, FEATURES + GENERATED + SEARCH]
)


@given(st.integers(0, 10_000), st.integers(1, 12), _columns, st.data())
def test_what_carried_equals_taking_each_group_away(
    seed: int, n: int, columns: tuple[str, ...], data: Any
) -> None:
    draw = np.random.default_rng(seed)
    rows = draw.normal(size=(n, len(columns))).astype(np.float32)
    inner = draw.normal(size=(len(columns), 3)).astype(np.float32)

    def score(some: Any) -> Any:
        return np.maximum(some @ inner, 0.0).sum(axis=1) - some @ inner[:, 0]

    best = np.array(data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=10)))
    item_weights = draw.normal(size=n).astype(np.float32)
    got = strongest_groups(rows, best, score, item_weights)
    assert len(got) == len(best)
    for place, names in zip(best, got, strict=True):
        gave = {}
        for group, features in GROUPS.items():
            without = rows[place].copy()
            for feature in set(features) & set(columns):
                column = columns.index(feature)
                without[column] = rows[:, column].mean()
            gave[group] = float(score(rows[[place]])[0] - score(without[None])[0])
        gave["together"] += float(item_weights[place] - item_weights.mean())
        ordered = sorted(gave.values(), reverse=True)
        assert 1 <= len(names) <= 2
        assert len(set(names)) == len(names)
        assert gave[names[0]] == pytest.approx(ordered[0], abs=1e-4)
        if len(names) == 2:
            assert gave[names[1]] == pytest.approx(ordered[1], abs=1e-4)
            assert gave[names[1]] > -1e-4
        else:
            assert ordered[1] < 1e-4


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_can_be_said_with_and_without_the_particulars(group: str) -> None:
    plain = sentence(group, None, None, None)
    full = sentence(group, "Alien", "space", "buy", "film")
    assert plain
    assert "None" not in plain + full
    named = {"Alien", "space", "buy", "film"} & set(re.split(r"\W+", full))
    expected = {
        "together": {"Alien"},
        "follows": {"Alien"},
        "meaning": {"Alien"},
        "liking": {"space"},
        "intent": {"buy"},
        "search": {"film"},
    }
    assert named == expected.get(group, set())
    assert sentence(group, "", "", "", "") == plain


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
                found = re.search(r"(together with|right after|in meaning to) (about .*)", reason)
                if found:
                    assert found[2] in had
                    said += 1
                liked = re.search(r"a liking for (.*)", reason)
                if liked:
                    assert entry.item_id.startswith(liked[1])
                wanted = re.search(r"looked for now: (.*)", reason)
                if wanted:
                    assert wanted[1] == next(iter(offered.intent))
    assert said > 20


def test_of_somebody_new_nothing_is_claimed() -> None:
    model = Recommender(small())
    feed = Feed(model)
    for number in range(20):
        model.put_item(Item(str(number), f"item {number}"))
    for step in range(60):
        feed(f"u{step}", str(step % 7))
    for entry in model.recommend("somebody new").entries:
        assert not any("item" in reason or "liking for" in reason for reason in entry.reasons)


def test_only_a_need_that_the_item_answers_is_named() -> None:
    """However likely another need is, an item is not said to fit it."""
    from learners.recommender import Recommender
    from learners.types import Interaction, Item

    model, kinds = Recommender(), ("Kitchen", "Books")
    for number in range(40):
        model.put_item(Item(f"i{number}", f"Thing {number}", (kinds[number % 2],)))
    for position in range(400):
        item = f"i{(position * 7 + position // 40) % 40}"
        model.learn(
            Interaction(position, f"e{position}", f"u{position % 9}", item, "view", position)
        )
    for user in range(9):
        for entry in model.recommend(f"u{user}").entries:
            own = kinds[int(entry.item_id[1:]) % 2]
            for reason in entry.reasons:
                if reason.startswith("fits what is looked for now: "):
                    assert reason.endswith(own)
    context = model._context("u1", model.users.get("u1", model.position), None)
    books, kitchen = (model.signals.items.category_index[name] for name in ("Books", "Kitchen"))
    context.intent[:] = 0.0
    context.intent[kitchen], context.intent[books] = 0.9, 0.1
    number = model.signals.items.index["i1"]
    items, source = model.signals.items, {"intent": -1}
    assert reasons_for(items, context, number, source) == ("fits what is looked for now: Books",)
    context.intent[books] = 0.0
    assert reasons_for(items, context, number, source) == ("fits what is looked for now",)
