"""Doubles for tests of the learners and of what is built on them: small, seeded, and known inside.

- `RecordTable`: a store in memory. `Feed`: numbers interactions and hands them to a model.
- `Tastes`: a world of topics whose right answer is known. `clusters`: labelled clouds of vectors.
- `WordEncoder`: an encoder without a model. `CountingEncoder`: writes down what it was asked.
- `FakeClock`: a clock that stands until it is set.
- `small`: settings that learn fast. `unit`: a vector. `listed`: a list, held to its form.

Nothing here draws at random but by a seed, and nothing looks at the clock.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from learners.drift import Alarm
from learners.online_model import OnlineModel
from learners.recommender.event import Event
from learners.recommender.record_table import RecordTable
from learners.recommender.vectors import TextEncoder, dim_of, version_of
from learners.settings import LearnerSettings
from learners.types import Interaction, Item, Vector

__all__ = [
    "DIM",
    "SMALL",
    "CountingEncoder",
    "FakeClock",
    "Feed",
    "RecordTable",
    "Tastes",
    "WordEncoder",
    "clusters",
    "grown_model",
    "listed",
    "small",
    "unit",
]

DIM = 12
"""The size of the vectors of `unit` and of `Tastes`."""

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
"""Settings of a model that learns a few hundred events in a moment."""


def small(**changes: Any) -> LearnerSettings:
    """Return settings of a small model, with changes."""
    return LearnerSettings(**{**SMALL, **changes})


class FakeClock:
    """A clock to be called, which stands at `now` (seconds) until that is set."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return what the clock says."""
        return self.now


class WordEncoder:
    """Texts as the sum of their words, each of which has a direction of its own.

    So texts that share words are near, and those that share none about at right angles.
    """

    def __init__(self, dim: int = 32) -> None:
        self.dim = dim
        self.version = f"words-{dim}"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts as rows (n, dim) of length 1; zeros for a text without a word."""
        rows = np.zeros((len(texts), self.dim))
        for place, text in enumerate(texts):
            for word in text.casefold().split():
                seed = crc32(word.strip(".,:").encode())
                rows[place] += np.random.default_rng(seed).normal(size=self.dim)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return (rows / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)


class CountingEncoder:
    """An encoder in front of another, which writes down each call: `calls`, and `texts` of all."""

    def __init__(self, encoder: TextEncoder) -> None:
        self._inner = encoder
        self._lock = threading.Lock()
        self.version = version_of(encoder) or ""
        self.dim = dim_of(encoder)
        self.calls: list[list[str]] = []

    @property
    def texts(self) -> list[str]:
        """All texts so far, in the order in which they were asked for."""
        return [text for call in self.calls for text in call]

    def encode(self, texts: Sequence[str]) -> Any:
        """Encode as the other one does."""
        with self._lock:
            self.calls.append(list(texts))
        return self._inner.encode(list(texts))


class Feed:
    """Feeds a model with interactions, numbers them, and keeps the alarms they raise."""

    def __init__(self, model: OnlineModel) -> None:
        self.model = model
        self.position = model.position + 1
        self.alarms: list[Alarm] = []

    def __call__(self, user: str, item: str | None, ts: float | None = None, **more: Any) -> None:
        """Learn that a user viewed an item, at `ts` or at a second of its own."""
        at = float(self.position) if ts is None else ts
        event = Interaction(self.position, f"e{self.position}", user, item, "view", at, **more)
        self.alarms += self.model.learn(event)
        self.position += 1


def unit(seed: int, near: Vector | None = None, dim: int = DIM) -> Vector:
    """Return a unit vector (dim,); with `near`, one whose cosine with that is about 0.9."""
    vector = np.random.default_rng(seed).normal(size=dim)
    vector /= np.linalg.norm(vector)
    if near is not None:
        vector = near + 0.45 * vector
        vector /= np.linalg.norm(vector)
    return vector.astype(np.float32)


def clusters(
    n: int, labels: int, seed: int, dim: int = 16, noise: float = 0.15
) -> tuple[NDArray[np.float32], list[str]]:
    """Return `n` unit vectors (n, dim) around as many centres as labels, and their labels."""
    rng = np.random.default_rng(seed)
    centres = np.eye(dim)[:labels]
    wanted = rng.integers(0, labels, n)
    vectors = centres[wanted] + rng.normal(0, noise, (n, dim))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32), [f"need-{label}" for label in wanted]


def listed(model: OnlineModel, user: str, k: int | None = None) -> list[str]:
    """Return the ids of a user's list. Raises AssertionError where its form is not as it must be.

    Each item once, finite scores that fall, and a reason for each.
    """
    entries = model.recommend(user, k).entries
    ids = [entry.item_id for entry in entries]
    scores = [entry.score for entry in entries]
    for rule, holds in (
        ("each item once", len(set(ids)) == len(ids)),
        ("scores are finite", np.isfinite(scores).all()),
        ("scores fall", scores == sorted(scores, reverse=True)),
        ("each has reasons", all(entry.reasons and all(entry.reasons) for entry in entries)),
    ):
        if not holds:
            raise AssertionError(f"{rule}: not so in {entries}")
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
        """Return the catalogue record of an item, old or new, of the topic in its id."""
        topic = item_id.split("-", maxsplit=1)[0]
        number = sum(map(ord, item_id)) * 31 + len(item_id) if seed is None else seed
        return Item(item_id, f"about {item_id}", (topic,), True, unit(number, self.centres[topic]))

    def catalogue(self) -> list[Item]:
        """Return the records of all items."""
        every = [item_id for items in self.items.values() for item_id in items]
        return [self.item(item_id, n) for n, item_id in enumerate(every)]

    def arrive(self, feed: Feed, name: str, topic: str | None = None) -> str:
        """Let a new item come, with text alone; it is at once what its topic's users like most."""
        topic = topic or self.topics[int(self.draw.integers(len(self.topics)))]
        self.items[topic].insert(0, f"{topic}-{name}")
        feed.model.put_item(self.item(f"{topic}-{name}"))
        return f"{topic}-{name}"

    def take(self, user: str | None = None, *, repeat: bool = False) -> tuple[str, str] | None:
        """Let someone take an item of their topic, a popular one more often; None: none is left."""
        user = user or self.users[int(self.draw.integers(len(self.users)))]
        topic = self.taste[user]
        left = [item for item in self.items[topic] if repeat or item not in self.had[user]]
        if not left:
            return None
        item = left[int(self.draw.random() ** 2 * len(left))]
        self.had[user].add(item)
        return user, item

    def step(self, feed: Feed, user: str | None = None, *, repeat: bool = False) -> None:
        """Let a model learn one taking."""
        taken = self.take(user, repeat=repeat)
        if taken is not None:
            feed(*taken, vector=self.said(taken[0]))

    def events(self, count: int) -> list[Event]:
        """Return up to so many takings as events, a minute apart, for a `Recommender`."""
        taken = [self.take() for _ in range(count)]
        return [
            Event(*each, ts=60.0 * n, vector=self.said(each[0]))
            for n, each in enumerate(taken)
            if each is not None
        ]

    def said(self, user: str) -> Vector:
        """Return the vector of what a user says when they take something."""
        return unit(7, self.centres[self.taste[user]])


def grown_model(world: Tastes, events: int, **changes: Any) -> Feed:
    """Return the feed of a small model that has seen a world's catalogue and so many events."""
    model = OnlineModel(small(dim=DIM, **changes))
    for item in world.catalogue():
        model.put_item(item)
    feed = Feed(model)
    for _ in range(events):
        world.step(feed)
    return feed
