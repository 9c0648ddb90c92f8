"""A simulated marketplace, where a purchase tells about ten times as much of taste as a view does.

People look at a lot: nearly always at what draws the eye (an item's appeal), seldom at what they
would buy, or do buy in the end. What they buy is by taste in nine of ten cases: of a category that
they like, by an item's worth, which has nothing to do with its appeal; and some of what is bought
goes with what was bought before it (an item's companions). How much more often than by chance an
event is with an item of a category that its user likes, is ten times as much for purchases as for
views. One seed gives the same log.
"""

from __future__ import annotations

import json
from random import Random

CATEGORIES = 30
LIKED = 4
COMPANIONS = 3
LOOKS = 8.0
LOOKS_BY_TASTE, BOUGHT_BY_TASTE = 0.03, 0.9
STAYS = 0.5  # the chance that a curious look stays in the category of the last one
BUYS, BUYS_MORE, GOES_WITH = 0.6, 0.4, 0.4
LOOKED_AT_FIRST = 0.25
SPREAD = 1.2  # of appeal and of worth, as the deviation of their logarithms
START = 1_746_082_800


class Marketplace:
    """`write` writes its catalogue, and so many events of its people in order of time."""

    def __init__(self, seed=0, users=400, items=600):
        draw = Random(f"{seed} marketplace")
        self.seed = seed
        self.shelves = [list(range(kind, items, CATEGORIES)) for kind in range(CATEGORIES)]
        self.appeal = [draw.lognormvariate(0.0, SPREAD) for _ in range(items)]
        self.worth = [draw.lognormvariate(0.0, SPREAD) for _ in range(items)]
        self.companions = [draw.sample(range(items), COMPANIONS) for _ in range(items)]
        self.likes = [draw.sample(range(CATEGORIES), LIKED) for _ in range(users)]

    def items(self):
        """Return all items as records."""
        return [
            {
                "item_id": f"i{number}",
                "title": f"ware {number}",
                "categories": [f"shelf {number % CATEGORIES}"],
            }
            for number in range(len(self.appeal))
        ]

    def events(self, most):
        """Return `most` events in order of time."""
        draw, found, ts = Random(f"{self.seed} visits"), [], START
        while len(found) < most:
            user = draw.randrange(len(self.likes))
            ts += draw.randrange(20, 90)
            looks, order = self._looks(draw, user), self._order(draw, user)
            looks += [item for item in order if draw.random() < LOOKED_AT_FIRST]
            for item in looks:
                ts += draw.randrange(5, 60)
                found.append((ts, user, "view", item))
            ts += 30
            found += [(ts, user, "buy", item) for item in order]
        return [
            {
                "event_id": f"e{n}",
                "user_id": f"u{user}",
                "item_id": f"i{item}",
                "type": kind,
                "ts": ts,
            }
            for n, (ts, user, kind, item) in enumerate(found[:most])
        ]

    def write(self, folder, most):
        """Write events.jsonl and items.jsonl; return the paths of both."""
        paths = folder / "events.jsonl", folder / "items.jsonl"
        for path, records in zip(paths, (self.events(most), self.items()), strict=True):
            path.write_text("".join(json.dumps(record) + "\n" for record in records))
        return paths

    def _looks(self, draw, user):
        found, kind = [], None
        for _ in range(1 + int(draw.expovariate(1.0 / LOOKS))):
            if draw.random() < LOOKS_BY_TASTE:
                item = self._by_taste(draw, user)
            else:
                shelf = self.shelves[kind] if kind is not None and draw.random() < STAYS else None
                item = self._by(draw, self.appeal, shelf)
            found.append(item)
            kind = item % CATEGORIES
        return found

    def _order(self, draw, user):
        """Return what is bought at a visit, each item once: often nothing."""
        found = []
        if draw.random() < BUYS:
            by_taste = draw.random() < BOUGHT_BY_TASTE
            found.append(self._by_taste(draw, user) if by_taste else self._by(draw, self.appeal))
            while draw.random() < BUYS_MORE:
                goes_with = draw.random() < GOES_WITH
                near = draw.choice(self.companions[found[-1]])
                found.append(near if goes_with else self._by_taste(draw, user))
        return list(dict.fromkeys(found))

    def _by_taste(self, draw, user):
        return self._by(draw, self.worth, self.shelves[draw.choice(self.likes[user])])

    def _by(self, draw, measure, shelf=None):
        """Draw an item of a shelf, or of all, by appeal or worth."""
        shelf = range(len(measure)) if shelf is None else shelf
        return draw.choices(shelf, [measure[item] for item in shelf])[0]
