"""A world whose answers are known: two disjoint tastes, learnt apart, swapped, and learnt again."""

from __future__ import annotations

import numpy as np
import pytest

from learners.online_model import OnlineModel
from learners.testing import DIM, Feed, Tastes, listed, small
from learners.types import Item


def started(world: Tastes, *, text: bool) -> Feed:
    model = OnlineModel(small(dim=DIM if text else 0))
    for item in world.catalogue():
        model.put_item(item if text else Item(item.item_id, item.title))
    return Feed(model)


def own_share(feed: Feed, world: Tastes, users: list[str]) -> float:
    """How much of the lists of these users is of their own taste."""
    own = [
        item.startswith(world.taste[user]) for user in users for item in listed(feed.model, user)
    ]
    assert len(own) == 10 * len(users)
    return float(np.mean(own))


def swap(world: Tastes) -> None:
    one, other = world.topics
    world.taste = {user: other if taste == one else one for user, taste in world.taste.items()}


@pytest.mark.parametrize("text", [True, False])
@pytest.mark.parametrize("seed", [1, 2])
def test_lists_of_two_tastes_part_and_follow_when_these_are_swapped(text: bool, seed: int) -> None:
    world = Tastes(topics=2, items=150, users=30, seed=seed)
    feed = started(world, text=text)
    for _ in range(400):
        world.step(feed)
    assert own_share(feed, world, world.users) > 0.95
    swap(world)
    assert own_share(feed, world, world.users) < 0.05
    for _ in range(150 if text else 400):
        world.step(feed)
    assert own_share(feed, world, world.users) > (0.9 if text else 0.7)


def test_a_swap_of_tastes_raises_an_alarm_and_calm_does_not() -> None:
    world = Tastes(topics=2, items=150, users=30, seed=3)
    feed = started(world, text=True)
    for _ in range(500):
        world.step(feed)
    learning = len(feed.alarms)  # a model that begins to know may tell of that
    assert all(alarm.position < 400 for alarm in feed.alarms)
    swap(world)
    for _ in range(250):
        world.step(feed)
    raised = feed.alarms[learning:]
    assert raised
    assert raised[0].signal == "intent_loss"
    assert raised[0].after > raised[0].before
    assert sum(feed.model.drift.counts.values()) == len(feed.alarms)


def test_one_event_tells_the_taste_of_somebody_new() -> None:
    world = Tastes(topics=2, items=150, users=30, seed=4)
    feed = started(world, text=True)
    for _ in range(400):
        world.step(feed)
    new = [f"new {number}" for number in range(10)]
    for number, user in enumerate(new):
        world.taste[user], world.had[user] = world.topics[number % 2], set()
        world.step(feed, user)
    assert own_share(feed, world, new) > 0.95


def test_liking_and_intent_say_the_taste() -> None:
    world = Tastes(topics=2, items=150, users=30, seed=5)
    feed = started(world, text=True)
    for _ in range(400):
        world.step(feed)
    for user in world.users:
        offered = feed.model.recommend(user)
        assert offered.profile[0].category == world.taste[user]
        assert offered.profile[0].liking > 0.55
        assert next(iter(offered.intent)) == world.taste[user]
