"""Searches: what is near to their words, and what was taken after them, comes first."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learners.online_model import OnlineModel
from learners.online_model.stages import context_of
from learners.ranking.columns import FEATURES, SEARCH
from learners.signals.after_search import AfterSearch
from learners.signals.searches import counts_after, favour
from learners.testing import DIM, Feed, RecordTable, Tastes, grown_model, listed, small, unit
from learners.types import Item


def search(feed: Feed, user: str, topic: str, world: Tastes, ts: float | None = None) -> None:
    feed(user, None, ts, vector=unit(5, world.centres[topic]), text=f"something of {topic}")


def searching_world(events: int, **changes) -> tuple[Tastes, Feed]:
    """People who search for a topic, and then take three items of it, whatever their taste is."""
    world = Tastes(topics=4, items=25, users=40)
    feed = grown_model(world, 200, repeats="on", **changes)
    draw = np.random.default_rng(3)
    for turn in range(events):
        user, topic = world.users[turn % 40], world.topics[int(draw.integers(4))]
        search(feed, user, topic, world)
        for _ in range(3):
            item = world.items[topic][int(25 * draw.random() ** 2)]
            feed(user, item, vector=unit(7, world.centres[topic]))
    return world, feed


def share_of(model: OnlineModel, user: str, topic: str) -> float:
    names = listed(model, user)
    return sum(name.startswith(topic) for name in names) / len(names)


def test_what_is_searched_for_is_listed_at_once_and_said_to_be_so() -> None:
    world, feed = searching_world(300)
    for topic in world.topics:
        search(feed, "somebody new", topic, world)
        assert share_of(feed.model, "somebody new", topic) > 0.7
        said = {r for e in feed.model.recommend("somebody new").entries for r in e.reasons}
        assert f"has the words of the search for “something of {topic}”" in said
    feed("somebody new", None, vector=unit(5, world.centres["topic1"]), text="in no title")
    said = {r for e in feed.model.recommend("somebody new").entries for r in e.reasons}
    assert "near in meaning to the search for “in no title”" in said


def test_what_words_do_not_say_is_learnt_from_what_people_took() -> None:
    """After one search they take what has no text: it is listed for whoever searches so next."""
    world, feed = searching_world(100)
    for number in range(4):
        feed.model.put_item(Item(f"plain-{number}", f"plain {number}"))
    for turn in range(250):
        user = f"buyer{turn}"
        search(feed, user, "topic1", world)
        feed(user, f"plain-{turn % 4}")
        other = f"other{turn}"
        search(feed, other, "topic2", world)
        feed(other, world.items["topic2"][turn % 25])
    search(feed, "a", "topic1", world)
    search(feed, "b", "topic2", world)
    first, second = listed(feed.model, "a"), listed(feed.model, "b")
    assert sum(name.startswith("plain") for name in first) >= 3
    assert sum(name.startswith("plain") for name in second) <= 1


def test_streams_without_searches_are_ranked_without_their_columns() -> None:
    model = grown_model(Tastes(), 300).model
    assert model.columns == FEATURES
    assert model.open is not None
    assert model.open.raw.shape[1] == len(FEATURES)


def test_the_first_search_adds_columns_and_changes_nobody_elses_list() -> None:
    world = Tastes()
    one, other = grown_model(world, 300), grown_model(Tastes(), 300)
    search(one, "u9", "topic2", world)
    other("u9", None, vector=unit(5, world.centres["topic2"]))
    assert (one.model.columns, other.model.columns) == (FEATURES + SEARCH, FEATURES)
    for user in world.users[:5]:
        ours, theirs = (each.model.recommend(user).entries for each in (one, other))
        assert [entry.item_id for entry in ours] == [entry.item_id for entry in theirs]
        scores = [entry.score for entry in theirs]
        assert [entry.score for entry in ours] == pytest.approx(scores, abs=1e-4)


def test_somebody_elses_search_leaves_a_group_together() -> None:
    """What one user takes at one time is one choice, whoever searches in between."""
    world = Tastes()
    feed = grown_model(world, 200)
    search(feed, "u1", "topic1", world)
    before = feed.model.groups
    feed("u2", "topic2-3", ts=5_000.0)
    search(feed, "u3", "topic1", world, ts=5_000.0)
    feed("u2", "topic2-4", ts=5_000.0)
    assert feed.model.groups == before + 1


@pytest.mark.parametrize(
    "what",
    [
        {"text": "words", "vector": None},
        {"text": None, "vector": unit(1)},
        {"text": "words", "vector": unit(1), "weight": -1.0},
        {"text": "words", "vector": np.full(DIM, np.nan, np.float32)},
    ],
)
def test_what_is_no_search_is_none(what) -> None:
    feed = grown_model(Tastes(), 50)
    feed("u1", None, **what)
    assert feed.model.users.get("u1", feed.model.position).search is None
    assert not feed.model.signals.searching


def test_of_a_long_search_the_beginning_is_kept() -> None:
    feed = grown_model(Tastes(), 50)
    feed("u1", None, text="tea " * 500, vector=unit(1))
    assert feed.model.users.get("u1", feed.model.position).search.text == "tea " * 25


def test_an_event_on_an_item_is_no_search_whatever_it_says() -> None:
    feed = grown_model(Tastes(), 50)
    feed("u1", "topic0-1", text="just what I wanted", vector=unit(1))
    assert feed.model.users.get("u1", feed.model.position).search is None


def test_without_any_item_to_be_found_there_is_no_search() -> None:
    feed = Feed(OnlineModel(small(dim=DIM)))
    feed("u1", None, text="words", vector=unit(1))
    assert feed.model.users.get("u1", 0).search is None
    assert listed(feed.model, "u1") == []


def test_the_newest_counts_by_its_own_time() -> None:
    world = Tastes()
    feed = grown_model(world, 100)
    search(feed, "u1", "topic1", world, ts=1_000.0)
    search(feed, "u1", "topic2", world, ts=900.0)
    found = feed.model.users.get("u1", feed.model.position).search
    assert found is not None
    assert found.text == "something of topic1"


def test_a_search_that_comes_late_may_be_newer_than_what_a_group_sees() -> None:
    world, feed = searching_world(100)
    taken = world.items[world.topics[0]]
    feed("late", taken[0], ts=1e6)
    search(feed, "late", world.topics[1], world, ts=1e6 - 2.0)
    feed("other", taken[1], ts=1e6 + 1.0)
    feed("late", taken[2], ts=1e6)  # of the group before the search
    assert listed(feed.model, "late")


def test_a_search_is_not_seen_by_what_has_its_own_time() -> None:
    world = Tastes()
    feed = grown_model(world, 200)
    search(feed, "u1", "topic1", world, ts=1_000.0)
    user, model = feed.model.users.get("u1", feed.model.position), feed.model
    assert context_of(model, "u1", user, 1_000.0).search is None
    assert context_of(model, "u1", user, 1_000.5).search is not None
    feed("u1", "topic1-3", ts=1_000.0)
    assert not len(model.signals.searched.taken(user.search.hub))
    feed("u1", "topic1-4", ts=1_001.0)
    assert len(model.signals.searched.taken(user.search.hub)) == 1


def test_a_removed_item_is_in_no_answer() -> None:
    world, feed = searching_world(200)
    search(feed, "u1", "topic1", world)
    for name in listed(feed.model, "u1")[:5]:
        feed.model.remove_item(name)
    hub = feed.model.users.get("u1", feed.model.position).search.hub
    feed.model.remove_item(feed.model.signals.items.ids[hub])
    left = set(listed(feed.model, "u1"))
    search(feed, "u2", "topic1", world)
    left |= set(listed(feed.model, "u2"))
    assert all(feed.model.signals.items.available[feed.model.signals.items.index[n]] for n in left)
    assert feed.model.signals.items.ids[hub] not in left


def test_in_another_space_a_search_lies_amid_the_items_that_were_nearest() -> None:
    world, feed = searching_world(200)
    search(feed, "somebody new", "topic3", world)
    model = feed.model
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(DIM, DIM)))[0].astype(np.float32)
    reencoding = model.reencoding()
    for item in world.catalogue():
        reencoding.put_item(item.item_id, item.vector @ turn)
    while reencoding.step(lambda texts: [None] * len(texts), 100):
        pass
    model.switch(reencoding)
    user = model.users.get("somebody new", model.position)
    assert user.search.vector is None
    assert user.search.hub == -1
    assert not len(model.signals.searched.taken(-1))
    vector = context_of(model, "somebody new", user, None).search.direction(model.signals.semantic)
    assert vector @ (world.centres["topic3"] @ turn) > 0.8
    assert share_of(model, "somebody new", "topic3") > 0.7


def test_it_goes_on_where_it_stopped() -> None:
    world, feed = searching_world(60)
    shelf = RecordTable()
    shelf.keep(feed.model.changed())
    again = OnlineModel(feed.model.settings, shelf.get)
    again.restore(shelf.scan)
    for item in world.catalogue():
        again.put_item(item)
    other = Feed(again)
    for each in (feed, other):
        search(each, "u3", "topic2", world)
        each("u3", "topic2-5", vector=unit(7, world.centres["topic2"]))
    for user in ("u3", "u4", "nobody"):
        assert feed.model.recommend(user) == again.recommend(user)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), max_size=60), st.integers(0, 3))
def test_counts_are_those_of_a_dict_that_fades(taken, hub) -> None:
    table = AfterSearch(10.0)
    table.make_room(40)
    by_hand: dict[tuple[int, int], float] = {}
    for position, pair in enumerate(taken):
        table.learn_one_way(*pair, position)
        by_hand = {key: value * 2**-0.1 for key, value in by_hand.items()}
        by_hand[pair] = by_hand.get(pair, 0.0) + 1.0
    ids = np.arange(31, dtype=np.int32)
    slot = np.full(41, -1, np.intp)
    row, unit = table.row_of[hub], table.unit(max(len(taken) - 1, 0))
    if row < 0:
        assert hub not in {owner for owner, _ in by_hand}
        return
    got = counts_after(ids, table.ids[row], table.counts[0, row], unit, slot)
    assert got == pytest.approx([by_hand.get((hub, n), 0.0) for n in range(31)], rel=1e-4)
    assert set(table.taken(hub).tolist()) == {n for h, n in by_hand if h == hub}
    assert (slot == -1).all()


def test_the_cheap_score_favours_by_nearness_and_by_what_was_taken() -> None:
    ids, slot = np.array([4, 7, 9, 2], np.int32), np.full(12, -1, np.intp)
    near, counts = np.array([9, 3, 4], np.int32), np.array([0.0, 3.0, 1.5, 0.0], np.float32)
    rough = np.ones(4)
    favour(rough, ids, near, counts, 4.0, slot)
    assert rough - 1.0 == pytest.approx([4.0 * 0.5 ** (2 / 16), 4.0, 2.0 + 4.0, 0.0])
    assert (slot == -1).all()
