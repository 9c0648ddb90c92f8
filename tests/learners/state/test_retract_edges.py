"""Taking back where little is remembered, or much happened since: nobody else loses anything."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from learners.online_model import OnlineModel
from learners.signals.neighbour_kernels import TOGETHER
from learners.signals.neighbours import Neighbours
from learners.signals.popularity import TOTAL
from learners.testing import DIM, Feed, RecordTable, listed, small, unit
from learners.types import Interaction, Item, Retraction

ITEMS = "abcdef"


def world(**changes: Any) -> Feed:
    feed = Feed(OnlineModel(small(**{"dim": DIM, "repeats": "off", "window": 4, **changes})))
    for number, item in enumerate(ITEMS):
        feed.model.put_item(Item(item, item, (f"kind {number % 2}",), vector=unit(number)))
    return feed


def takes(feed: Feed, user: str, items: str) -> list[Retraction]:
    """Let a user take items one after the other; return what would take each of them back."""
    made = [Retraction(user, f"e{feed.position + at}") for at in range(len(items))]
    for item in items:
        feed(user, item)
    return made


def together(feed: Feed, owner: str, item: str) -> float:
    model = feed.model
    table, number = model.signals.neighbours, model.signals.items.index
    row = table.row_of[number[owner]]
    place = np.flatnonzero(table.ids[row] == number[item])
    if not len(place):
        return 0.0
    return float(table.counts[TOGETHER, row, place[0]] / table.unit(model.position))


@pytest.mark.parametrize("order", [(2, 5), (5, 2), (2, 3, 4, 5), (0, 1, 2, 3, 4, 5)])
def test_what_comes_into_the_window_meanwhile_is_not_taken_off_others(order: Any) -> None:
    feed = world()
    takes(feed, "bob", "af")
    made = takes(feed, "ann", "abcdef")  # `a` is out of sight of `f`
    for place in order:
        assert feed.model.retract(made[place]) == "all"
    assert together(feed, "a", "f") == pytest.approx(1.0, rel=1e-3)
    assert together(feed, "f", "a") == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize("order", [(2, 3), (3, 2), (2, 0), (0, 2), (0, 2, 3), (2, 3, 0, 1)])
def test_an_item_taken_twice_is_taken_back_twice(order: Any) -> None:
    feed = world()
    takes(feed, "bob", "ac")
    made = takes(feed, "ann", "abac")
    for place in order:
        assert feed.model.retract(made[place]) == "all"
    left = {0, 1, 2, 3} - set(order)
    own = 0.0
    if 3 in left and left & {0, 2}:  # `c` after the newest `a` that stands
        own = np.exp(-(3 - max(left & {0, 2}) - 1) / 10.0)
    assert together(feed, "a", "c") == pytest.approx(1.0 + own, rel=1e-3)
    assert together(feed, "c", "a") == pytest.approx(1.0 + own, rel=1e-3)


@pytest.mark.parametrize("weight", [1.0, -1.0])
def test_who_took_everything_back_may_take_something_again(weight: float) -> None:
    feed, shelf = world(), RecordTable()
    event = Interaction(0, "e0", "ann", "a", "view", 1.0, weight=weight)
    feed.model.learn(event)
    assert feed.model.retract(Retraction("ann", "e0")) == "all"
    shelf.keep(feed.model.changed())
    again = OnlineModel(feed.model.settings, shelf.get)
    again.restore(shelf.scan)
    for model in (feed.model, again):
        model.learn(Interaction(1, "e1", "ann", "b", "view", 2.0, weight=weight))
        user = model.users.get("ann", 1)
        assert user.seen.tolist() == [model.signals.items.index["b"]]
    assert feed.model.repeats == again.repeats == 0


def test_repeats_are_those_of_what_stands() -> None:
    feed = world()
    (taken,) = takes(feed, "ann", "a")
    feed.model.learn(Interaction(feed.position, "no", "ann", "a", "dislike", 9.0, weight=-1.0))
    feed.position += 1
    for _ in range(3):
        feed.model.retract(taken)
        assert (feed.model.learnt, feed.model.repeats) == (0, 0)
        (taken,) = takes(feed, "ann", "a")  # a repeat: they had it, if only to dislike it
        assert (feed.model.learnt, feed.model.repeats) == (1, 1)
    first, second, third = takes(feed, "bob", "aba")
    assert feed.model.repeats == 2
    feed.model.retract(second)
    assert feed.model.repeats == 2
    feed.model.retract(first)
    assert feed.model.repeats == 1
    feed.model.retract(third)
    assert feed.model.repeats == 1


def test_what_others_took_of_an_item_that_was_removed_and_came_back_stays() -> None:
    feed = world()
    own, beside = takes(feed, "ann", "ab")
    feed.model.remove_item("a")
    feed.model.put_item(Item("a", "a", ("kind 0",), vector=unit(0)))
    takes(feed, "bob", "ba")
    signals = feed.model.signals
    number = signals.items.index["a"]
    before = signals.popularity.counts[:, number].copy(), together(feed, "a", "b")
    feed.model.retract(own)
    feed.model.retract(beside)
    np.testing.assert_array_equal(signals.popularity.counts[:, number], before[0])
    assert together(feed, "a", "b") == before[1] == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize("order", [(2, 3), (3, 2), (0, 2), (0, 1, 2, 3), (2, 3, 0, 1)])
def test_the_same_where_what_is_taken_back_was_counted_before_the_item_was_removed(
    order: Any,
) -> None:
    feed = world()
    made = takes(feed, "ann", "abac")
    feed.model.remove_item("a")
    feed.model.put_item(Item("a", "a", ("kind 0",), vector=unit(0)))
    takes(feed, "bob", "ac")
    for place in order:
        assert feed.model.retract(made[place]) == "all"
    # The row of `a` was emptied; that of `c` was not.
    left = {0, 1, 2, 3} - set(order)
    own = 0.0
    if 3 in left and left & {0, 2}:
        own = np.exp(-(3 - max(left & {0, 2}) - 1) / 10.0)
    assert together(feed, "a", "c") == pytest.approx(1.0, rel=1e-3)
    assert together(feed, "c", "a") == pytest.approx(1.0 + own, rel=1e-3)


def test_what_is_counted_late_pushes_out_only_what_is_weaker() -> None:
    table, full = Neighbours(8, 100.0), np.arange(1, 9, dtype=np.int32)
    table.make_room(20)
    cleared, gap, one = np.full(20, -1.0), np.zeros(1), np.ones(1)
    table.learn(0, full, np.arange(8, dtype=float), np.ones(8), 0)
    row = table.row_of[0]
    before = table.counts[:, row].copy()
    late = np.array([9], np.int32)
    table.put_back(0, late, gap + 30.0, one, 0, cleared)  # e^-3: less than any
    np.testing.assert_array_equal(table.counts[:, row], before)
    assert sorted(table.ids[row]) == list(range(1, 9))
    table.put_back(0, late, gap, one, 0, cleared)
    assert sorted(table.ids[row]) == [*range(1, 8), 9]  # the farthest made room
    table.put_back(0, np.array([10], np.int32), gap, one, 5, np.full(20, 5.0))  # emptied since
    assert 10 not in table.ids


def after_a_search(feed: Feed, item: str) -> float:
    table, number = feed.model.signals.searched, feed.model.signals.items.index
    row = table.row_of[number["a"]]
    place = np.flatnonzero(table.ids[row] == number[item]) if row >= 0 else []
    return float(table.counts[0, row, place[0]]) if len(place) else 0.0


def test_what_was_taken_after_a_search_is_counted_as_long_as_the_search_stands() -> None:
    feed = world()
    feed("ann", None, 0.5, vector=unit(0), text="an a")
    first, *_ = takes(feed, "ann", "bc")
    feed("bob", None, 2.5, vector=unit(0), text="an a")
    takes(feed, "bob", "c")
    assert after_a_search(feed, "b") == pytest.approx(1.0, rel=1e-3)
    assert after_a_search(feed, "c") == pytest.approx(2.0, rel=1e-3)
    feed.model.retract(first)
    assert after_a_search(feed, "b") == 0.0
    assert feed.model.retract(Retraction("ann", "e0")) == "all"
    assert after_a_search(feed, "c") == pytest.approx(1.0, rel=1e-3)
    feed.model.retract(Retraction("ann", "e2"))  # counted after no search any more
    assert after_a_search(feed, "c") == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize("dim", [0, DIM])
def test_the_newest_event_without_an_item_is_found_by_its_type(dim: int) -> None:
    feed = Feed(OnlineModel(small(dim=dim)))
    for number, kind in enumerate(("search", "search", "ask")):
        vector = unit(number) if dim else None
        feed.model.learn(
            Interaction(number, f"s{number}", "ann", None, kind, float(number), 1.0, vector)
        )
    search, left = Retraction("ann", type="search"), []
    while feed.model.retract(search) == "all":
        user = feed.model.users.get("ann", 2)
        left.append([step.event_id for step in user.intent.trail])
    assert left == [["s0", "s2"], ["s2"]]


def test_an_item_that_nobody_knows_is_no_search() -> None:
    feed = world()
    feed("ann", None, 0.5, vector=unit(0), text="an a")
    assert feed.model.retract(Retraction("ann", type="view", item_id="nobody's")) == "nothing"
    assert feed.model.users.get("ann", 0).search is not None


def test_an_event_that_is_named_with_its_item_may_be_forgotten() -> None:
    feed = world(recent=2, window=2, intent_pending=0)
    made = takes(feed, "ann", "a" + "bcde" * 10)
    assert "a" not in listed(feed.model, "ann")
    named = Retraction("ann", made[0].event_id, item_id="a")
    assert feed.model.retract(made[0]) == "nothing"
    assert feed.model.retract(named) == "item"
    assert "a" in listed(feed.model, "ann")
    assert feed.model.retract(named) == "nothing"


def test_a_step_that_began_before_what_is_remembered_stays_one() -> None:
    feed = world(recent=4, window=4)
    for number in range(38):  # trimmed in the midst of a step
        feed("ann", ITEMS[number % 6], float((number + 1) // 2))
    user = feed.model.users.get("ann", feed.model.position)
    oldest = user.length - user.kept
    assert oldest > 0
    times = [(number + 1) // 2 for number in range(38)]
    while user.kept:  # oldest first
        feed.model.retract(Retraction("ann", f"e{user.undo_record(0).position}"))
        assert user.steps == len({*times[:oldest], *times[38 - user.kept :]})


def test_when_an_item_was_last_taken_is_told_by_what_is_left() -> None:
    feed = world(trend_half_life=2.0)
    takes(feed, "ann", "a")
    for _ in range(50):
        takes(feed, "bob", "bcdef")
    (newest,) = takes(feed, "cy", "a")
    items = feed.model.signals.items
    number = items.index["a"]
    assert items.last[number] == 251
    feed.model.retract(newest)
    assert items.streamed[number]
    assert items.last[number] == pytest.approx(0.0, abs=1.0)  # where ann took it
    feed.model.retract(Retraction("ann", "e0"))
    assert not items.streamed[number]
    assert feed.model.signals.popularity.counts[TOTAL, number] == 0.0


def test_a_category_that_an_item_has_no_more_goes_with_the_last_event() -> None:
    feed = world()
    made = takes(feed, "ann", "a")
    feed.model.put_item(Item("a", "a", ("another",), vector=unit(0)))
    feed.model.retract(made[0])
    profile = feed.model.users.get("ann", 0).profile
    assert profile is not None
    assert (profile.total, profile.weights) == (0.0, {})


def test_a_group_goes_on_where_nothing_was_found() -> None:
    feed = world()
    feed("ann", "a", 5.0)
    batch = feed.model.open
    assert batch is not None
    assert feed.model.retract(Retraction("ann", "unknown")) == "nothing"
    assert feed.model.retract(Retraction("bob", "e0")) == "nothing"
    assert feed.model.open is batch
    assert feed.model.retract(Retraction("ann", "e0")) == "all"
    assert feed.model.open is None
    feed("ann", "b", 5.0)
    assert feed.model.users.get("ann", 1).steps == 1
