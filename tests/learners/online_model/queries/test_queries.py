"""Questions to a model whose stream is known, and against what is counted the slow way."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learners.online_model import OnlineModel
from learners.online_model.queries.as_if import GivenSearch, as_if
from learners.online_model.queries.filters import Excluding, OnlyCategories, filters_for, numbers_of
from learners.online_model.queries.fusion import fused
from learners.online_model.queries.given_items import score_given
from learners.online_model.queries.item_lists import (
    best_of,
    falling,
    latest,
    next_after,
    popular,
    together_with,
    trending,
)
from learners.online_model.queries.lists import Variation, make_list, varied
from learners.online_model.queries.neighbours import gather, nearest
from learners.online_model.queries.search import answers_to
from learners.online_model.queries.why import account_of
from learners.ranking.components import Watch
from learners.testing import DIM, Feed, Tastes, grown_model, small, unit
from learners.types import Item


@pytest.fixture(scope="module")
def feed() -> Feed:
    """Four topics of 25 items and 40 users, 600 takings."""
    return grown_model(Tastes(), 600)


def known(feed: Feed, user: str):
    return feed.model.users.peek(user, feed.model.position)


def names(model: OnlineModel, numbers) -> list[str]:
    return [model.signals.items.ids[number] for number in numbers]


def test_who_is_looked_at_is_not_kept(feed):
    model = feed.model
    assert model.users.peek("nobody", model.position) is None
    before = len(model.users)
    blob = {key: blob for kind, key, blob in model.changed() if kind == "learner:user"}["u0"]
    fresh = OnlineModel(small(dim=DIM), lambda kind, key: blob if key == "u0" else None)
    looked = fresh.users.peek("u0", model.position)
    assert looked is not None
    assert looked.length == known(feed, "u0").length
    assert (len(fresh.users), len(model.users)) == (0, before)
    assert fresh.users.peek("u0", model.position + 10**9) is None


def test_a_variation_leaves_the_pipeline_as_it_is(feed):
    model, user = feed.model, known(feed, "u0")
    model.pipeline.watch = Watch()
    before, plain = model.pipeline.names, model.recommend("u0").entries
    passed = dict(model.pipeline.watch.passed)
    rule = Excluding("some", [0, 1, 2])
    assert "some" in varied(model, user, Variation((rule,))).names
    made = make_list(model, "u0", user, 10, Variation((rule,)))
    assert not {0, 1, 2} & set(made.numbers)
    assert len(made.entries) == 10
    assert (model.pipeline.names, model.recommend("u0").entries) == (before, plain)
    assert model.pipeline.watch.passed.keys() == passed.keys()
    model.pipeline.watch = None
    with pytest.raises(ValueError, match="two components"):
        varied(model, user, Variation((rule, rule)))


@given(
    excluded=st.sets(st.integers(0, 99), max_size=90),
    topics=st.sets(st.integers(0, 4), max_size=4),
    k=st.integers(1, 20),
)
@settings(max_examples=25, deadline=None)
def test_a_filtered_list_holds_what_it_may_and_is_as_long_as_it_can(excluded, topics, k):
    model = FEED.model
    items, user = model.signals.items, model.users.peek("u1", model.position)
    asked = [f"topic{n}" for n in topics]
    rules = filters_for(items, asked, [items.ids[n] for n in excluded])
    made = make_list(model, "u1", user, k, Variation(rules), explain=False)
    may = {
        number
        for number in range(len(items))
        if number not in excluded
        and not user.has(number)
        and (not asked or set(items.category_names_of(number)) & set(asked))
    }
    assert set(made.numbers) <= may
    assert len(set(made.numbers)) == len(made.numbers) == min(k, len(may))


FEED = grown_model(Tastes(seed=3), 300)


@pytest.mark.parametrize("away", [3_600.0, 0.0, -5.0])
def test_the_list_of_a_moment_is_that_which_a_replay_ranks_by(feed, away):
    model, user = feed.model, known(feed, "u0")
    at = float(user.times[user.kept - 1]) + away
    made = make_list(model, "u0", user, 10, at=at)
    ranked = model.rank("u0", before=at if away > 0 else None)
    numbers = [model.signals.items.index[name] for name in ranked.ids]
    best = np.lexsort((numbers, -ranked.scores))[:10]
    assert [entry.item_id for entry in made.entries] == [ranked.ids[n] for n in best]
    scores = [entry.score for entry in made.entries]
    assert scores == [round(ranked.scores[n], 6) for n in best]
    assert not set(made.numbers) & set(user.seen.tolist())


def test_as_if_is_what_the_events_make_of_a_user_but_for_what_they_teach(feed):
    model, user = feed.model, known(feed, "u0")
    before = user.recent.tobytes(), user.kept, user.length, user.kinds
    taken = numbers_of(model.signals.items, ["topic1-3", "topic1-4", "no such"])
    made = as_if(model, user, taken, None, 0.0)
    assert (user.recent.tobytes(), user.kept, user.length, user.kinds) == before
    assert made.recent_window(2).items.tolist() == taken[::-1]
    assert made.length == user.length + 2
    assert made.steps == user.steps + 2
    assert np.allclose(made.intent.newest, model.item_vector("topic1-4"))
    liked = make_list(model, "", as_if(model, None, taken, None, 0.0), 10, explain=False)
    assert sum(name.item_id.startswith("topic1") for name in liked.entries) >= 8
    search = GivenSearch("about topic2-5", model.item_vector("topic2-5"))
    asked = as_if(model, None, [], search, 5.0)
    assert asked.search.text == search.text
    listed = make_list(model, "", asked, 10, explain=False)
    assert listed.entries[0].item_id == "topic2-5"


def test_given_items_have_the_scores_of_a_list(feed):
    model, user = feed.model, known(feed, "u2")
    listed = make_list(model, "u2", user, 20)
    every = list(range(len(model.signals.items)))
    scored = score_given(model, "u2", user, every)
    assert sorted(scored) == every
    for number, entry in zip(listed.numbers, listed.entries, strict=True):
        assert scored[number].score == pytest.approx(entry.score, abs=1e-5)
    few = score_given(model, "u2", user, listed.numbers[:3], explain=True)
    assert [few[number].reasons for number in listed.numbers[:3]] == [
        entry.reasons for entry in listed.entries[:3]
    ]
    assert score_given(model, "u2", user, []) == {}


def test_what_signals_add_is_told_with_where_an_item_stands(feed):
    model, user = feed.model, known(feed, "u2")
    listed = make_list(model, "u2", user, 20)
    second = account_of(model, "u2", user, listed.numbers[1])
    assert (second.standing, second.place) == ("listed", 2)
    assert second.reasons == listed.entries[1].reasons
    assert account_of(model, "u2", user, listed.numbers[15]).standing == "ranked"
    assert account_of(model, "u2", user, int(user.seen[0])).standing == "had"
    gone = model.signals.items.index["topic3-24"]
    model.put_item(Item("topic3-24", "gone", available=False))
    assert account_of(model, "u2", user, gone).standing == "unavailable"
    assert gone not in score_given(model, "u2", user, [gone])


def test_neighbours_are_those_of_the_slow_way(feed):
    model, user = feed.model, known(feed, "u0")
    takers = [model.signals.takers.count(n) for n in range(len(model.signals.items))]
    worth = [1 / math.log2(2 + count) ** 2 for count in takers]

    def length(items: set[int]) -> float:
        return math.sqrt(sum(worth[n] for n in items))

    own = set(user.seen.tolist())
    slow = {}
    for number in range(1, 40):
        other = known(feed, f"u{number}")
        has = set() if other is None else set(other.seen.tolist())
        common = sum(worth[n] for n in own & has)
        if common:
            slow[f"u{number}"] = common / (length(own) * length(has))
    best = sorted(slow, key=lambda name: (-slow[name], name))[:8]
    found = nearest(gather(model, "u0", user), 8)
    assert [one.user_id for one in found] == best
    assert [one.score for one in found] == pytest.approx([slow[name] for name in best], abs=1e-5)
    assert set(found[0].shared) == own & set(known(feed, best[0]).seen.tolist())
    assert len(gather(model, "u0", user, most=5).users) <= 6


def test_orders_of_items(feed):
    model = feed.model
    signals, position = model.signals, model.position
    first = best_of(signals, popular(signals, position), 5, None)
    assert (np.diff(first.figures) <= 0).all()
    item = int(first.items[0])
    near = best_of(signals, together_with(signals, item, position), 5, None)
    topic = signals.items.first_category(item)
    assert [signals.items.first_category(n) for n in near.items.tolist()] == [topic] * 5
    shares = next_after(signals, item)
    assert shares.figures.sum() == pytest.approx(1.0)
    assert item not in shares.items
    only = OnlyCategories(signals.items, [topic])
    assert only.keep(best_of(signals, popular(signals, position), 9, only).items).all()
    assert names(model, best_of(signals, latest(signals), 1, None).items) == ["topic3-23"]
    assert len(together_with(signals, signals.number("new", position), position).items) == 0


def test_what_rises_is_what_is_taken_more_of_late():
    feed = Feed(OnlineModel(small(trend_half_life=20.0, popularity_half_life=2_000.0)))
    for n in range(300):
        feed(f"u{n}", "always")
        feed(f"u{n}", "early" if n < 250 else "late")
    signals, position = feed.model.signals, feed.model.position
    found = best_of(signals, trending(signals, position), 3, None)
    assert names(feed.model, found.items)[0] == "late"
    assert "early" not in names(feed.model, found.items)
    fell = names(feed.model, best_of(signals, falling(signals, position), 3, None).items)
    assert fell[0] == "early"
    assert "late" not in fell


def test_what_signals_add_to_places_is_what_is_told_of_each_item_alone(feed):
    model = feed.model
    user = known(feed, "u0")
    made = make_list(model, "u0", user, model.settings.k, explain=False, weigh=True)
    assert len(made.signals) == len(made.entries)
    for number, adds in zip(made.numbers, made.signals, strict=True):
        assert adds
        alone = account_of(model, "u0", user, number).signals
        assert adds == pytest.approx(dict(alone), abs=1e-5)
    assert make_list(model, "u0", user, 3).signals == ()


def test_what_leads_by_a_first_search_says_so(feed):
    """No event of this stream is a search: the network has no column for one."""
    model = feed.model
    assert not model.signals.searching
    asked = as_if(model, known(feed, "u0"), [], GivenSearch("about topic2-7", None), 5.0)
    made = make_list(model, "u0", asked, 5, weigh=True)
    plain = make_list(model, "u0", known(feed, "u0"), 5, weigh=True)
    assert names(model, made.numbers[:1]) == ["topic2-7"]
    assert "about topic2-7" in made.entries[0].reasons[0]
    assert max(made.signals[0], key=made.signals[0].get) == "search"
    assert account_of(model, "u0", asked, made.numbers[0]).signals["search"] == pytest.approx(
        made.signals[0]["search"], abs=1e-5
    )
    assert not any("search" in adds for adds in (*made.signals[3:], *plain.signals))


def test_answers_to_a_search_are_by_words_and_by_meaning(feed):
    model = feed.model
    by_words = answers_to(model, GivenSearch("about topic2-7", None), 3, None)
    assert names(model, [by_words[0][0]]) == ["topic2-7"]
    near = GivenSearch("something else", unit(1, model.item_vector("topic1-2")))
    by_meaning = answers_to(model, near, 5, None)
    assert [model.signals.items.first_category(n) for n, _ in by_meaning] == ["topic1"] * 5
    only = OnlyCategories(model.signals.items, ["topic3"])
    elsewhere = answers_to(model, near, 5, only)
    assert [model.signals.items.first_category(n) for n, _ in elsewhere] == ["topic3"] * 5
    own = answers_to(model, near, 5, None, ("u0", known(feed, "u0")))
    assert own != by_meaning


def test_orders_are_merged_by_places_alone():
    assert [number for number, _ in fused([[1, 2, 3], [3, 1]])] == [1, 3, 2]
    assert fused([]) == []
    assert [number for number, _ in fused([[5], [4]])] == [4, 5]
