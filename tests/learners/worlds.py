"""Small worlds for tests of the recommender: a store in memory, a feed of events, known tastes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learners.drift import Alarm
from learners.online_model import OnlineModel
from learners.settings import LearnerSettings
from learners.types import Interaction, Item

DIM = 12
SMALL: dict[str, Any] = {
    "hidden": 8,
    "neighbours": 32,
    "similar": 12,
    "candidates": 80,
    "recent": 8,
    "window": 8,
    "fresh": 8,
    "sampled": 4,
}


def small(**changes: Any) -> LearnerSettings:
    return LearnerSettings(**{**SMALL, **changes})


class Shelf:
    """A store in memory that keeps records as the state store does."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], bytes] = {}

    def get(self, kind: str, key: str) -> bytes | None:
        return self.records.get((kind, key))

    def scan(self, kind: str) -> Iterator[tuple[str, bytes]]:
        for (found, key), blob in sorted(self.records.items()):
            if found == kind:
                yield key, blob

    def keep(self, changed: Iterable[tuple[str, str, bytes | None]]) -> None:
        for kind, key, blob in list(changed):
            if blob is None:
                self.records.pop((kind, key), None)
            else:
                self.records[kind, key] = blob

    def count(self, kind: str) -> int:
        return sum(found == kind for found, _ in self.records)


class Feed:
    """Feeds a recommender with interactions, numbers them, and keeps the alarms they raise."""

    def __init__(self, model: OnlineModel) -> None:
        self.model = model
        self.position = model.position + 1
        self.alarms: list[Alarm] = []

    def __call__(self, user: str, item: str | None, ts: float | None = None, **more: Any) -> None:
        at = float(self.position) if ts is None else ts
        event = Interaction(self.position, f"e{self.position}", user, item, "view", at, **more)
        self.alarms += self.model.learn(event)
        self.position += 1


def unit(seed: int, near: NDArray[np.float32] | None = None, dim: int = DIM) -> NDArray[np.float32]:
    """A unit vector `(dim,)`; with `near`, one whose cosine with that is about 0.9."""
    vector = np.random.default_rng(seed).normal(size=dim)
    vector /= np.linalg.norm(vector)
    if near is not None:
        vector = near + 0.45 * vector
        vector /= np.linalg.norm(vector)
    return vector.astype(np.float32)


def listed(model: OnlineModel, user: str, k: int | None = None) -> list[str]:
    """The ids of a user's list, whose form is checked on the way."""
    entries = model.recommend(user, k).entries
    ids = [entry.item_id for entry in entries]
    scores = [entry.score for entry in entries]
    assert len(set(ids)) == len(ids)
    assert np.isfinite(scores).all()
    assert scores == sorted(scores, reverse=True)
    assert all(entry.reasons and all(entry.reasons) for entry in entries)
    return ids


class Tastes:
    """A world of topics: each user keeps to one, each item belongs to one.

    Items are `<topic>-<n>`, their texts lie around their topic's centre, their only
    category is the topic. Users are `u<n>`, of topic `topics[n % len(topics)]`.
    """

    def __init__(self, topics: int = 4, items: int = 25, users: int = 40, seed: int = 0) -> None:
        self.topics = [f"topic{n}" for n in range(topics)]
        self.centres = {topic: unit(1_000 + n) for n, topic in enumerate(self.topics)}
        self.items = {topic: [f"{topic}-{n}" for n in range(items)] for topic in self.topics}
        self.users = [f"u{n}" for n in range(users)]
        self.draw = np.random.default_rng(seed)
        self.taste = {user: self.topics[n % topics] for n, user in enumerate(self.users)}
        self.had: dict[str, set[str]] = {user: set() for user in self.users}

    def item(self, item_id: str, seed: int | None = None) -> Item:
        """The catalogue record of an item, old or new, of the topic in its id."""
        topic = item_id.split("-", maxsplit=1)[0]
        number = sum(map(ord, item_id)) * 31 + len(item_id) if seed is None else seed
        return Item(item_id, f"about {item_id}", (topic,), True, unit(number, self.centres[topic]))

    def catalogue(self) -> list[Item]:
        every = [item_id for items in self.items.values() for item_id in items]
        return [self.item(item_id, n) for n, item_id in enumerate(every)]

    def arrive(self, feed: Feed, name: str, topic: str | None = None) -> str:
        """Let a new item come, with text alone; it is at once what its topic's users like most."""
        topic = topic or self.topics[int(self.draw.integers(len(self.topics)))]
        self.items[topic].insert(0, f"{topic}-{name}")
        feed.model.put_item(self.item(f"{topic}-{name}"))
        return f"{topic}-{name}"

    def step(self, feed: Feed, user: str | None = None, *, repeat: bool = False) -> None:
        """Let someone take an item of their topic, a popular one more often."""
        user = user or self.users[int(self.draw.integers(len(self.users)))]
        topic = self.taste[user]
        left = [item for item in self.items[topic] if repeat or item not in self.had[user]]
        if not left:
            return
        item = left[int(self.draw.random() ** 2 * len(left))]
        self.had[user].add(item)
        feed(user, item, vector=unit(7, self.centres[topic]))


def grown_model(world: Tastes, events: int, **changes: Any) -> Feed:
    """A recommender that has seen the catalogue of a world and so many events."""
    model = OnlineModel(small(dim=DIM, **changes))
    for item in world.catalogue():
        model.put_item(item)
    feed = Feed(model)
    for _ in range(events):
        world.step(feed)
    return feed
