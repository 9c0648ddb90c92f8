"""Leaderboards over a small model: what is counted, taken back, forgotten, stored."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from learners.online_model import OnlineModel
from learners.online_model.queries.item_lists import best_of
from learners.online_model.queries.leaderboards import figures_of
from learners.settings import LearnerSettings
from learners.signals.leaderboards import leaderboard_of
from learners.signals.takings_by_type import TakingsByType
from learners.testing import RecordTable
from learners.types import Interaction, Item, Retraction

DAY = 86_400.0
TYPES = ("view", "buy")
SETTINGS = LearnerSettings(dim=4, k=3, prior="none")


def model(load=lambda *_: None, types=TYPES) -> OnlineModel:
    return OnlineModel(SETTINGS, load, None, (partial(TakingsByType, types),))


def took(number: int, user: str, item: str, kind: str = "view", day: float = 0.0) -> Interaction:
    return Interaction(number, f"e{number}", user, item, kind, 1.7e9 + day * DAY)


@pytest.fixture
def shop() -> OnlineModel:
    made = model()
    for name, category in (("a", "lamps"), ("b", "lamps"), ("c", "rugs"), ("d", "rugs")):
        made.put_item(Item(name, f"thing {name}", (category,)))
    rows = [
        *(("u0", "a", "view", 0), ("u1", "a", "view", 1), ("u1", "a", "buy", 1.5)),
        *(("u0", "b", "view", 2), ("u1", "c", "buy", 4), ("u0", "c", "buy", 4)),
    ]
    for number, row in enumerate(rows):
        made.learn(took(number, *row))
    return made


def board(of: OnlineModel, score: str, where: str | None = None) -> dict[str, float]:
    found = figures_of(leaderboard_of(where, score), of.signals, of.position)
    items, figures = best_of(of.signals, found, 10, None, above=-np.inf)
    return {of.signals.items.ids[n]: round(v, 6) for n, v in zip(items, figures, strict=True)}


def test_items_stand_by_what_is_counted_of_them(shop):
    assert board(shop, 'count("view")') == {"a": 2, "b": 1, "c": 0, "d": 0}
    assert board(shop, 'count("buy") / count("view")') == {"a": 0.5, "b": 0}
    assert board(shop, 'count("buy")', 'category("rugs")') == {"c": 2, "d": 0}
    assert board(shop, "-age") == {"c": 0, "b": -2, "a": -4}
    assert board(shop, "idle", "users >= 2") == {"a": 2.5, "c": 0}
    assert list(board(shop, "users", "users > 0 and age < 3")) == ["c", "b"]
    assert board(shop, "1", "popular > recent * 100") == {}
    assert set(board(shop, "taken", "taken > 0")) == {"a", "b", "c"}


def test_what_is_taken_back_or_removed_counts_no_more(shop):
    shop.retract(Retraction("u1", "e1"))
    assert board(shop, 'count("view")', 'count("view") > 0') == {"a": 1, "b": 1}
    shop.retract(Retraction("u0", "e3"))
    assert "b" not in board(shop, "age")
    shop.remove_item("c")
    assert "c" not in board(shop, 'count("buy")')


def test_what_may_not_be_listed_has_no_place(shop):
    shop.put_item(Item("a", "thing a", ("lamps",), available=False))
    assert list(board(shop, 'count("view")', 'count("view") > 0')) == ["b"]


def test_counts_are_restored_and_a_type_that_is_new_begins_at_nothing(shop):
    table = RecordTable()
    table.keep(shop.changed())
    again = model(table.get)
    again.restore(table.scan)
    for score in ('count("view")', "age", "idle", 'count("buy")'):
        assert board(again, score) == board(shop, score)
    other = model(table.get, ("view", "share"))
    other.restore(table.scan)
    assert board(other, 'count("view")') == board(shop, 'count("view")')
    assert set(board(other, 'count("share")').values()) == {0.0}


def test_ranks_are_those_of_a_model_that_counts_nothing_for_leaderboards():
    plain = OnlineModel(SETTINGS)
    counting = model()
    for number in range(120):
        one = took(number, f"u{number * 7 % 11}", f"i{number * 5 % 23}", TYPES[number % 2], number)
        for each in (plain, counting):
            each.learn(one)
        lists = [each.recommend(f"u{number % 11}") for each in (plain, counting)]
        assert lists[0].entries == lists[1].entries
