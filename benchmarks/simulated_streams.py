"""Simulated streams of interactions of many kinds, to make prior weights from (benchmarks.prior).

    world = World(np.random.default_rng(3))
    for step in world.steps(500): ...      # an Item that enters, the id of one that leaves, or
                                           # an Interaction

A world is drawn at random: how many items it has and how unequal they are, what people come for
(a taste, a next page, a partner of what is in the basket, something new, something again), how
they come (once, often, in bursts; all at one time, seconds or minutes apart), whether they search,
give stars or turn things down, how much the texts of items say of who wants them. No log of
anybody's is behind it, and nothing of the simulated shop (dataflows.datasets.shop).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from learners.types import Interaction, Item

HOUR, DAY = 3600.0, 86_400.0
START = 19_700 * DAY  # seconds since 1970
ROUTES = ("taste", "popular", "follows", "together", "new", "again")


class Draft(NamedTuple):
    """An event before all are put in the order of their time."""

    ts: float
    user: int
    item: int  # -1: a search for `wanted`
    wanted: int
    type: str
    weight: float
    value: float | None


def unit(rows: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(rows, axis=-1, keepdims=True)
    return (rows / np.maximum(length, 1e-9)).astype(np.float32)


class World:
    """One world; `dim` is the size of its vectors, `repeats` what the setting should be."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        chance = rng.random
        self.items = int(np.exp(rng.uniform(np.log(5), np.log(2500))))
        self.dim = int(rng.choice([32, 64]))
        self.span = float(np.exp(rng.uniform(np.log(6 * HOUR), np.log(300 * DAY))))
        self._draw_items()
        self._draw_routes()
        self.searches = float(chance() ** 2) if chance() < 0.45 else 0.0
        self.literal = float(chance())  # how much of a search is in the words of titles
        self.in_vain, self.astray = float(0.4 * chance()), float(0.5 * chance())
        self.gap = float(np.exp(rng.uniform(np.log(5), np.log(600)))) if chance() < 0.6 else 0.0
        self.by_day = chance() < 0.15
        self.stay = float(np.exp(rng.uniform(0.0, np.log(25))))  # mean events of one visit
        self.visits = float(np.exp(rng.uniform(0.0, np.log(12)))) if chance() < 0.75 else 1.0
        self.stars = chance() < 0.3
        self.buys = float(chance() * 0.5) if chance() < 0.4 else 0.0
        self.buy_weight = float(rng.choice([1, 3, 5]))
        self.dislikes = float(chance() * 0.15) if chance() < 0.25 else 0.0
        self.quality = rng.normal(size=self.items)

    def _draw_items(self) -> None:
        rng, n = self.rng, self.items
        self.kinds = max(2, min(int(n / np.exp(rng.uniform(np.log(2), np.log(40)))), 150))
        groups = max(1, int(self.kinds / rng.uniform(1, 8)))
        self.kind = rng.integers(self.kinds, size=n)
        self.group_of = rng.integers(groups, size=self.kinds)
        self.every = np.arange(n)
        self.in_kind = [np.flatnonzero(self.kind == kind) for kind in range(self.kinds)]
        self.popular = (1.0 + rng.permutation(n)) ** -rng.uniform(0.0, 1.4)
        self.drift = float(rng.choice([0.0, 0.0, 0.5, 2.0]))
        self.phase = rng.uniform(0.0, 2 * np.pi, n)
        self.enter = np.where(rng.random(n) < rng.choice([0.0, 0.0, 0.3, 0.9]), rng.random(n), 0.0)
        self.fades = float(rng.choice([0.02, 0.1])) if self.enter.mean() > 0.3 else 0.0
        self.leave = np.where(rng.random(n) < rng.choice([0.0, 0.1]), rng.uniform(0.2, 1, n), 2.0)
        brands = max(1, n // 12)
        self.words = [
            (
                f"group{self.group_of[kind]}",
                f"kind{kind}",
                f"make{rng.integers(brands)}",
                f"sort{rng.integers(30)}",
            )
            for kind in self.kind
        ]
        self.word_vectors: dict[str, np.ndarray] = {}
        noise = float(rng.choice([0.3, 0.8, 2.5]))  # the last: texts say next to nothing
        self.vectors = unit(
            np.array([self._meaning(words) for words in self.words])
            + noise * unit(rng.normal(size=(n, self.dim)))
        )
        self.has_text = rng.random() > 0.12
        self.has_groups = rng.random() > 0.15

    def _meaning(self, words: tuple[str, ...]) -> np.ndarray:
        total = np.zeros(self.dim)
        for word in words:
            if word not in self.word_vectors:
                self.word_vectors[word] = unit(self.rng.normal(size=self.dim))
            total += self.word_vectors[word] * (0.7 if word.startswith("make") else 1.0)
        return total

    def _draw_routes(self) -> None:
        """Draw how people come to what they take, and what leads where."""
        rng, n = self.rng, self.items
        shares = rng.dirichlet([0.6, 0.35, 0.5, 0.5, 0.15, 0.3])
        if rng.random() < 0.45:
            shares[-1] = 0.0
        self.routes = np.cumsum(shares / shares.sum())
        self.repeats = "on" if shares[-1] > 0.08 else str(rng.choice(["off", "auto"]))
        self.again_soon = rng.random() < 0.5
        self.period = self.span * float(rng.uniform(0.02, 0.3))
        width = int(min(n - 1, np.exp(rng.uniform(0.0, np.log(12)))))
        self.next = self._leads(width)
        self.partners = self._leads(int(min(n - 1, rng.integers(1, 6))))

    def _leads(self, width: int) -> np.ndarray:
        """Draw for each item so many others, of its kind or of any."""
        rng, n = self.rng, self.items
        leads = rng.integers(n, size=(n, max(width, 1)))
        share = rng.random()
        for item in range(n):
            near = self.in_kind[self.kind[item]]
            pick = rng.random(leads.shape[1]) < share
            leads[item, pick] = near[rng.integers(len(near), size=int(pick.sum()))]
        return leads

    def steps(self, events: int) -> Iterator[Item | Interaction | str]:
        """Yield the catalogue, then so many events, with items that enter and leave between."""
        drafts = self._drafts(events)
        late = sorted(range(self.items), key=lambda item: self.enter[item])
        gone = sorted(range(self.items), key=lambda item: self.leave[item])
        at_enter = at_leave = 0
        for position, draft in enumerate(drafts):
            done = (draft.ts - START) / self.span
            while at_enter < self.items and self.enter[late[at_enter]] <= done:
                yield self._item(late[at_enter])
                at_enter += 1
            while at_leave < self.items and self.leave[gone[at_leave]] < done:
                yield f"i{gone[at_leave]}"
                at_leave += 1
            yield self._event(position, draft)

    def _item(self, item: int) -> Item:
        words = self.words[item]
        title = " ".join(words[1:]) + f" number{item}"
        groups = (words[0],) if self.has_groups else ()
        return Item(f"i{item}", title, groups, vector=self.vectors[item] if self.has_text else None)

    def _event(self, position: int, draft: Draft) -> Interaction:
        item, text, vector = None, None, None
        if draft.item < 0:
            words = self.words[draft.wanted]
            said = [word for word in words[1:] if self.rng.random() < 0.6] or [words[1]]
            text = " ".join(
                word if self.rng.random() < self.literal else f"other{word}" for word in said
            )
            noise = 0.4 * unit(self.rng.normal(size=self.dim))
            vector = unit(self._meaning(tuple(said)) + noise)
        else:
            item = f"i{draft.item}"
            if self.has_text:
                vector = self.vectors[draft.item]
        return Interaction(
            position,
            f"e{position}",
            f"u{draft.user}",
            item,
            draft.type,
            draft.ts,
            draft.weight,
            vector,
            value=draft.value,
            text=text,
            encoded=text,
        )

    def _drafts(self, events: int) -> list[Draft]:
        drafts: list[Draft] = []
        user, share = 0, 0.0
        # As many people as it takes, who come at any time: from a handful with long histories to
        # one for each event.
        spread = self.rng.random() < 0.6
        while len(drafts) < events * 1.15:
            drafts += self._person(user, self.rng.random() if spread else share)
            user, share = user + 1, min(share + self.rng.random() * 0.05, 1.0)
        # Equal times keep the order in which they came.
        drafts.sort(key=lambda draft: draft.ts)
        return drafts[:events]

    def _person(self, user: int, share: float) -> list[Draft]:
        """Return all events of one person, from this share of the span on."""
        rng = self.rng
        visits = 1 + rng.geometric(1.0 / self.visits) - 1 if self.visits > 1 else 1
        weeks = (1.0 - share) * self.span
        times = np.sort(rng.random(visits)) ** rng.uniform(0.5, 2) * weeks + share * self.span
        tastes = self._tastes()
        had: dict[int, tuple[int, float]] = {}
        drafts: list[Draft] = []
        for time in times:
            begun = START + float(time)
            if drafts:
                begun = max(begun, drafts[-1].ts + HOUR)
            drafts += self._visit(user, begun, tastes, had)
        return drafts

    def _tastes(self) -> np.ndarray:
        rng = self.rng
        kinds = rng.integers(self.kinds, size=int(rng.integers(1, 5)))
        group = self.group_of[kinds[0]]
        same = np.flatnonzero(self.group_of == group)
        return np.concatenate((kinds, rng.choice(same, size=min(len(same), 2))))

    def _visit(
        self, user: int, time: float, tastes: np.ndarray, had: dict[int, tuple[int, float]]
    ) -> list[Draft]:
        rng = self.rng
        drafts: list[Draft] = []
        kind = int(rng.choice(tastes))
        visit: list[int] = []
        for _ in range(min(int(rng.geometric(1.0 / (self.stay + 1e-9))), 150)):
            if self.gap:
                time += float(rng.exponential(self.gap)) + 1.0
            if rng.random() < 0.2:
                kind = int(rng.choice(tastes))
            now = time // DAY * DAY if self.by_day else time // 1.0
            item = self._choose(now, kind, visit, had)
            if item < 0:
                continue
            if rng.random() < self.searches:
                drafts.append(Draft(now, user, -1, item, "search", 1.0, None))
                now += 0.0 if self.by_day else 3.0
                time, kind = max(time, now), int(self.kind[item])
                if rng.random() < self.in_vain:
                    continue
                if rng.random() < self.astray:  # one like it instead
                    item = self._choose(now, kind, visit, had)
                    if item < 0:
                        continue
            drafts.append(self._taken(now, user, item))
            if drafts[-1].weight > 0 and rng.random() < self.buys:
                drafts.append(Draft(now + 30.0, user, item, item, "buy", self.buy_weight, None))
                time += 30.0
            count = had.get(item, (0, 0.0))[0]
            had[item] = (count + 1, now)
            visit.append(item)
        return drafts

    def _taken(self, now: float, user: int, item: int) -> Draft:
        rng = self.rng
        value = None
        if self.stars:
            value = float(np.clip(np.round(3.5 + 0.7 * self.quality[item] + rng.normal()), 1, 5))
        weight = -1.0 if rng.random() < self.dislikes else 1.0
        return Draft(now, user, item, item, "view", weight, value)

    def _choose(
        self, now: float, kind: int, visit: list[int], had: dict[int, tuple[int, float]]
    ) -> int:
        """Return what is taken next, -1 for nothing."""
        rng = self.rng
        done = (now - START) / self.span
        for _ in range(4):
            route = ROUTES[int(np.searchsorted(self.routes, rng.random()))]
            item = self._by(route, done, now, kind, visit, had)
            if item < 0 or not self.enter[item] <= done <= self.leave[item]:
                continue
            meant = route == "again" and (self.again_soon or item not in visit)
            if item in had and not meant and (self.repeats == "off" or rng.random() < 0.7):
                continue
            return item
        return -1

    def _by(
        self,
        route: str,
        done: float,
        now: float,
        kind: int,
        visit: list[int],
        had: dict[int, tuple[int, float]],
    ) -> int:
        rng = self.rng
        if route == "again":
            return self._again(now, had) if had else -1
        if route in {"follows", "together"} and visit:
            is_next = route == "follows"
            at = len(visit) - 1 if is_next else int(rng.integers(len(visit)))
            leads = (self.next if is_next else self.partners)[visit[at]]
            return int(leads[int(len(leads) * rng.random() ** 2)])
        if route == "new":
            fresh = np.flatnonzero((self.enter <= done) & (self.enter > done - 0.05))
            return int(rng.choice(fresh)) if len(fresh) else -1
        return self._popular(done, self.in_kind[kind] if route != "popular" else self.every)

    def _popular(self, done: float, among: np.ndarray) -> int:
        """Return one of these by how popular they are now, -1 where none of them is there."""
        weight = self.popular[among]
        if self.drift:
            weight = weight * np.exp(self.drift * np.sin(6.0 * done + self.phase[among]))
        if self.fades:
            age = np.maximum(done - self.enter[among], 0.0)
            weight = weight * (0.02 + np.exp(-age / self.fades)) * (self.enter[among] <= done)
        sums = np.cumsum(weight)
        if not len(sums) or not sums[-1] > 0:
            return -1
        place = np.searchsorted(sums, self.rng.random() * sums[-1], side="right")
        return int(among[int(place)])

    def _again(self, now: float, had: dict[int, tuple[int, float]]) -> int:
        items = list(had)
        counts, last = np.array([had[item] for item in items]).T
        age = np.maximum(now - last, 0.0)
        if self.again_soon:
            weight = counts / (1.0 + age / HOUR) ** 0.7
        else:
            weight = counts * np.exp(-2.0 * np.log(np.maximum(age, 60.0) / self.period) ** 2) + 1e-9
        sums = np.cumsum(weight)
        return items[int(np.searchsorted(sums, self.rng.random() * sums[-1], side="right"))]
