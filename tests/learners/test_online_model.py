"""Lists of the whole model: their length, what is never in them, and what asking leaves behind."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import numpy as np
import pytest

from learners.online_model import OnlineModel
from learners.testing import DIM, Feed, RecordTable, Tastes, grown_model, listed, small, unit
from learners.types import Interaction, Item


def was_taken(model: OnlineModel, item: str) -> bool:
    items = model.signals.items
    return bool(items.streamed[items.index[item]])


def shop(items: int, **changes: Any) -> Feed:
    """A recommender with a catalogue of `items`, named by their numbers."""
    model = OnlineModel(small(**changes))
    for number in range(items):
        model.put_item(Item(str(number), f"item {number}", (f"c{number % 3}",)))
    return Feed(model)


def records_of(model: OnlineModel) -> dict[tuple[str, str], bytes]:
    shelf = RecordTable()
    shelf.keep(model.changed())
    return shelf.records


# --- how long a list is


def test_two_are_left_of_three_where_one_was_seen() -> None:
    feed = shop(3)
    feed("ann", "1")
    assert set(listed(feed.model, "ann", 10)) == {"0", "2"}


def test_ten_of_a_hundred_where_twenty_may_not_be_shown() -> None:
    feed = shop(100)
    for number in range(10):
        feed("ann", str(number))
        feed("bob", str(number + 15))
    for number in range(10, 20):
        feed.model.put_item(Item(str(number), "sold out", available=False))
    for _ in range(3):
        ids = listed(feed.model, "ann", 10)
        assert len(ids) == 10
        assert not {str(number) for number in range(20)} & set(ids)
        feed("ann", ids[0])


@pytest.mark.parametrize("fresh", [0, 8])
def test_a_long_list_is_filled_from_the_whole_catalogue(fresh: int) -> None:
    feed = shop(60, fresh=fresh, candidates=50)
    assert len(listed(feed.model, "nobody", 50)) == 50
    for number in range(20):
        feed("ann", str(number))
    assert set(listed(feed.model, "ann", 50)) == {str(number) for number in range(20, 60)}


def test_who_has_seen_everything_gets_an_empty_list() -> None:
    feed = shop(5)
    for number in range(5):
        feed("ann", str(number))
    assert feed.model.recommend("ann").entries == ()
    assert feed.model.rank("ann").ids == []
    assert len(listed(feed.model, "bob")) == 5


def test_an_empty_catalogue_gives_empty_lists() -> None:
    model = OnlineModel(small())
    assert model.recommend("ann").entries == ()
    assert model.rank("ann").ids == []
    feed = Feed(model)
    feed("ann", "only")
    assert model.recommend("ann").entries == ()
    assert listed(model, "bob") == ["only"]


@pytest.mark.parametrize("k", [0, -1, -100, 81])
def test_a_length_that_cannot_be_is_refused(k: int) -> None:
    feed = shop(3)
    with pytest.raises(ValueError, match=f"k is {k}; it must be from 1 to 80"):
        feed.model.recommend("ann", k)


@pytest.mark.parametrize("k", [0, -3])
def test_a_length_that_cannot_be_is_refused_as_a_setting(k: int) -> None:
    with pytest.raises(ValueError, match=f"k is {k}: .* >= 1"):
        small(k=k)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"k": 11, "candidates": 10}, "k is 11, above candidates"),
        ({"recent": 1_001}, "recent is 1001: .* <= 1000"),
        ({"window": 0}, "window is 0: .* >= 1"),
        ({"seed": -1}, "seed is -1: .* >= 0"),
        ({"idle_users": 0}, "idle_users is 0: .* >= 1"),
        ({"trend_half_life": 0.0}, "trend_half_life is 0.0: .* >= 0.01"),
        ({"count_half_life": float("nan")}, "count_half_life is nan"),
        ({"learning_rate": -0.1}, "learning_rate is -0.1: .* >= 1e-09"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        small(**changes)


@pytest.mark.parametrize("half_life", [0.01, 0.3, 1e12])
def test_the_shortest_and_the_longest_half_lives_work(half_life: float) -> None:
    names = ("trend", "count", "popularity", "stage")
    feed = shop(30, **{f"{name}_half_life": half_life for name in names}, recent=1_000)
    for step in range(60):
        feed(f"u{step % 3}", str(step % 20))
    for _ in range(30):  # nothing is counted while others search
        feed("searcher", None)
        assert len(listed(feed.model, "u0", 10)) == 10
    feed("u0", "25")
    assert np.isfinite(feed.model.rank("u0").scores).all()
    assert np.isfinite(feed.model.signals.popularity.counts).all()
    assert np.isfinite(feed.model.signals.neighbours.counts).all()


# --- what is never in a list


def test_a_removed_item_is_in_no_list_ever_again() -> None:
    world = Tastes(topics=2, items=20, users=12)
    feed = grown_model(world, 150)
    model = feed.model
    gone = {listed(model, user)[place] for user in world.users[:6] for place in (0, 4)}
    gone.add(model.recommend("somebody new").entries[0].item_id)
    for item in gone:
        model.remove_item(item)
    model.remove_item("never heard of")
    for round_ in range(30):
        for user in ("somebody new", *world.users[:4]):
            ids = listed(model, user)
            assert not gone & set(ids)
            assert len(ids) == 10
            assert not gone & set(model.rank(user).ids)
        feed(world.users[round_ % 12], sorted(gone)[round_ % len(gone)])  # its fans go on
    assert not gone & set(listed(model, "somebody new", 40))


def test_a_removed_item_comes_back_when_it_is_put_again() -> None:
    feed = shop(3)
    feed("ann", "1")
    feed.model.remove_item("0")
    assert listed(feed.model, "ann") == ["2"]
    feed.model.put_item(Item("0", "back"))
    assert set(listed(feed.model, "ann")) == {"0", "2"}


def test_an_item_removed_between_two_events_of_one_time_is_not_ranked() -> None:
    feed = shop(6)
    feed("ann", "0", ts=5.0)
    assert "3" in feed.model.rank("ann", before=5.0).ids
    feed.model.remove_item("3")
    assert "3" not in feed.model.rank("ann", before=5.0).ids
    feed("ann", "3", ts=5.0)
    assert set(listed(feed.model, "ann")) == {"1", "2", "4", "5"}


def test_seen_items_stay_away_unless_repeats_are_on() -> None:
    world = Tastes(topics=2, items=15, users=8)
    for repeats in ("off", "auto", "on"):
        world.had = {user: set() for user in world.users}
        feed = grown_model(world, 60, repeats=repeats)
        back = [
            world.had[user] & set(listed(feed.model, user, k))
            for user in world.users
            for k in (5, 10, 30)
        ]
        assert any(back) == (repeats == "on")


def test_repeats_switch_on_by_themselves_above_one_in_twenty() -> None:
    feed = shop(400)
    for step in range(200):
        feed(f"u{step % 4}", str(step))
        assert not feed.model.repeats_on
    for _ in range(10):  # 10 of 210 are below 5 %, 11 of 211 above
        feed("u0", "0", rest=0.0)
        assert not feed.model.repeats_on
    assert "0" not in feed.model.rank("u0").ids
    feed("u0", "0", rest=0.0)
    assert feed.model.repeats_on
    assert "0" in feed.model.rank("u0").ids


def test_what_speaks_against_an_item_is_no_recommendation_of_it() -> None:
    feed = shop(30)
    for number in range(40):
        feed(f"u{number}", str(number % 5), weight=1.0)
        feed(f"u{number}", "29", weight=[-1.0, 0.0, -1e9][number % 3])
    popular = listed(feed.model, "somebody new")
    assert set(popular[:5]) == {"0", "1", "2", "3", "4"}
    assert not was_taken(feed.model, "29")
    ids = listed(feed.model, "u0")
    assert "29" not in ids
    assert np.isfinite(feed.model.rank("u1").scores).all()


# --- the new ones


def test_a_new_user_gets_what_is_popular() -> None:
    feed = shop(50)
    assert len(listed(feed.model, "first of all")) == 10  # before anything was learnt
    for step in range(120):
        feed(f"u{step}", ["7", "8", str(step % 50)][step % 3])
    assert {"7", "8"} <= set(listed(feed.model, "somebody new")[:3])


def test_a_new_item_with_text_alone_reaches_those_of_its_taste_within_a_few_events() -> None:
    """Where new items are wanted: one comes every eight events, and people take to it."""
    world = Tastes(topics=4, items=60, users=60)
    feed = grown_model(world, 0, hidden=24, candidates=300, similar=64, recent=20, window=25)
    for step in range(300):
        if step % 8 == 0:
            world.arrive(feed, f"came{step}")
        world.step(feed)
    waited = []
    for number, topic in enumerate(world.topics * 2):
        new = f"{topic}-text-alone-{number}"
        feed.model.put_item(world.item(new))
        user = world.users[8 + number] if number < 4 else f"new user {number}"
        world.taste[user], world.had[user] = topic, world.had.get(user, set())
        for events in range(5):
            if new in listed(feed.model, user):
                waited.append(events)
                break
            world.step(feed, user)
        assert not was_taken(feed.model, new)
    assert len(waited) == 8
    others = [user for user in world.users[:20] if world.taste[user] != "topic0"]
    shown = sum("topic0-text-alone-0" in listed(feed.model, user) for user in others)
    assert shown < len(others) / 5  # and hardly those of another


def test_a_user_with_words_alone_gets_a_list() -> None:
    world = Tastes(topics=2, items=20, users=10)
    feed = grown_model(world, 150)
    for _ in range(3):
        feed("searcher", None, vector=unit(5, world.centres["topic1"]))
    offered = feed.model.recommend("searcher")
    assert len(offered.entries) == 10
    assert next(iter(offered.intent)) == "topic1"
    assert offered.sequence > 0


# --- odd and bad input


def test_ids_and_titles_of_any_characters() -> None:
    names = [
        "",
        " ",
        "a b",
        "ünï",
        "名前",
        "\x00",
        "'; drop",
        "x" * 5_000,
        "-1",
        "1e9",
        "🜚",
    ]
    model = OnlineModel(small())
    for name in names:
        model.put_item(Item(name, name, (name,)))
    feed = Feed(model)
    for turn, name in enumerate(names):
        feed(name, names[turn - 1])
        assert names[turn - 1] not in listed(model, name)
        assert len(listed(model, name)) == 10
    assert {key for kind, key in records_of(model) if kind == "learner:user"} == set(names)
    assert model.is_known("名前")
    assert not model.is_known("unheard")
    assert model.item_title("unheard") == "unheard"
    assert model.item_title("") == ""


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_vector_that_is_not_finite_counts_as_none(bad: float) -> None:
    world = Tastes(topics=2, items=10, users=6)
    kept = []
    for vector in (np.full(DIM, bad, np.float32), None):
        world.had = {user: set() for user in world.users}
        world.draw = np.random.default_rng(1)
        feed = grown_model(world, 40)
        feed("ann", None, vector=vector)
        feed("ann", "topic0-1", vector=vector)
        for _ in range(20):
            world.step(feed)
        kept.append(records_of(feed.model))
    assert kept[0] == kept[1]


@pytest.mark.parametrize("shape", [(DIM + 1,), (1, DIM), (0,)])
def test_a_vector_of_another_size_is_refused_and_changes_nothing(shape: tuple[int, ...]) -> None:
    feed = grown_model(Tastes(topics=2, items=10, users=6), 20)
    model = feed.model
    before = records_of(model)
    vector = np.full(shape, 0.1, np.float32)
    with pytest.raises(ValueError, match="the vector has shape"):
        feed("ann", "unheard", vector=vector)
    with pytest.raises(ValueError, match="does not fit"):
        model.put_item(Item("unheard", "", vector=vector))
    with pytest.raises(ValueError, match="does not fit"):
        model.put_item(Item("topic0-1", "", vector=np.full(DIM, np.nan, np.float32)))
    assert not model.is_known("unheard")
    assert "unheard" not in listed(model, "ann", 30)
    changed = records_of(model)
    assert changed.items() <= before.items()


@pytest.mark.parametrize("weight", [np.nan, np.inf, 1e300, 1e-300])
@pytest.mark.parametrize("ts", [-1e18, 0.0, 1e18])
def test_odd_weights_and_times_leave_scores_finite(weight: float, ts: float) -> None:
    world = Tastes(topics=2, items=10, users=6)
    feed = grown_model(world, 30)
    for _ in range(3):
        feed("ann", "topic0-1", ts=ts, weight=weight, vector=unit(3))
    for _ in range(10):
        world.step(feed)
    for user in ("ann", "bob", "u1"):
        assert len(listed(feed.model, user)) == 10
        assert np.isfinite(feed.model.rank(user, before=ts).scores).all()
    assert np.isfinite(feed.model.preference.state()["weights"]).all()


# --- what names and questions must not do


def test_names_of_items_and_users_decide_nothing() -> None:
    def run(name: Any) -> list[list[tuple[str, float]]]:
        world = Tastes(topics=2, items=15, users=8, seed=3)
        model = OnlineModel(small(dim=DIM))
        for item in world.catalogue():
            model.put_item(Item(name(item.item_id), "", item.categories, True, item.vector))
        feed = Feed(model)
        lists = []
        for step in range(80):
            user = world.users[step % 8]
            item = world.items[world.taste[user]][int(world.draw.integers(15))]
            feed(name(user), name(item))
            if step % 9 == 0:
                entries = model.recommend(name(user)).entries
                lists.append([(entry.item_id, entry.score) for entry in entries])
        return lists

    plain = run(str)
    odd = run(lambda text: f"{crc32(text.encode()):x}-{text}")
    back = [[(text.split("-", 1)[1], score) for text, score in one] for one in odd]
    assert back == plain


def test_asking_changes_nothing() -> None:
    def run(*, ask: bool) -> tuple[dict[tuple[str, str], bytes], list[Any]]:
        world = Tastes(topics=2, items=12, users=6, seed=5)
        feed = grown_model(world, 0, idle_users=15)
        model = feed.model
        shelf = RecordTable()
        for step in range(90):
            user = world.users[step % 5]
            if ask:
                model.rank("somebody")
                model.recommend("somebody else")
                model.recommend(world.users[5])
                model.rank(world.users[step * 7 % 6], before=3.0)
                model.rank(user, before=float(feed.position))  # what the next event will be
            if step == 31:
                model.remove_item("topic0-3")
            if step == 51:
                model.put_item(world.item("topic1-new"))
            if step == 62:
                model.put_item(Item("topic0-4", "sold out", ("topic0",), available=False))
            if step < 5 or step % 5:
                world.step(feed, user)
            if step % 20 == 0:
                shelf.keep(model.changed())
        shelf.keep(model.changed())
        return shelf.records, [model.recommend(user) for user in world.users]

    asked, lists = run(ask=True)
    silent, expected = run(ask=False)
    assert asked == silent
    assert lists == expected


def test_ranking_twice_gives_the_same_and_learning_after_it_too() -> None:
    world = Tastes(topics=2, items=12, users=6)
    feed = grown_model(world, 50)
    first = feed.model.rank("u1", before=99.0)
    again = feed.model.rank("u1", before=99.0)
    assert first.ids == again.ids
    assert first.scores.tobytes() == again.scores.tobytes()
    assert first.scores.dtype == np.float64
    assert np.isfinite(first.scores).all()
    assert len(set(first.ids)) == len(first.ids)


def test_events_of_one_time_do_not_see_each_other() -> None:
    world = Tastes(topics=2, items=12, users=6)
    feed = grown_model(world, 50)
    before = feed.model.rank("u1", before=77.0)
    feed("u1", before.ids[3], ts=77.0)
    within = feed.model.rank("u1", before=77.0)
    assert within.ids == before.ids
    feed("u1", before.ids[4], ts=78.0)
    assert before.ids[3] not in feed.model.rank("u1", before=78.0).ids


def test_a_list_says_what_it_is_as_of() -> None:
    feed = shop(12)
    numbers = []
    for step in range(4):
        feed("ann", str(step))
        feed("bob", str(step + 1), ts=float(step))
        offered = feed.model.recommend("ann")
        assert (offered.user_id, offered.position) == ("ann", feed.position - 1)
        numbers.append(offered.sequence)
    assert numbers == sorted(set(numbers))


def test_a_session_moves_the_intent_that_is_shown() -> None:
    world = Tastes(topics=3, items=15, users=9)
    feed = grown_model(world, 200)
    for turn in range(3):
        feed("ann", None, ts=1e6 + turn, vector=unit(40 + turn, world.centres["topic0"]))
    assert next(iter(feed.model.recommend("ann").intent)) == "topic0"
    for turn in range(3):
        feed("ann", None, ts=2e6 + turn, vector=unit(50 + turn, world.centres["topic2"]))
    intent = feed.model.recommend("ann").intent
    assert next(iter(intent)) == "topic2"
    assert 0 < sum(intent.values()) <= 1 + 1e-5


def test_an_interaction_with_an_item_never_heard_of_puts_it_on_offer() -> None:
    model = OnlineModel(small())
    feed = Feed(model)
    for step in range(30):
        feed(f"u{step % 6}", f"new-{step % 4}")
    assert set(listed(model, "somebody")) == {f"new-{n}" for n in range(4)}
    event = Interaction(feed.position, "e", "u1", "new-9", "view", 1.0)
    model.learn(event)
    assert "new-9" in listed(model, "u2")
