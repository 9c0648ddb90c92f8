"""A simulated shop: a seeded stream of events whose right answers are known.

Shoppers have a long-term profile (categories, brands, price tier) and a need of
the moment that stays for a while and then switches; the needs of all shift with
the season. What they look at next follows from need, profile, complements and
popularity (`choice`), so a good recommender beats popularity by far. Bad lines can be
put between the good ones, to see what becomes of them (`soil`).

Every float is made by sums, products and quotients alone, and times are whole
milliseconds, so that one seed gives the same bytes on every machine.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from dataflows.datasets.shop.catalogue import ShopItem, make_items
from dataflows.datasets.shop.choice import Chooser
from dataflows.datasets.shop.session import DAY_MS, Act, Truth, Visitors, visit
from learners.limited_settings import Count, LimitedSettings, Share

Spoil = Callable[[bytes], bytes]
"""Makes a bad line of a good one."""

START_MS = 1_746_082_800_000  # 1 May 2025, 07:00 UTC
ACTS_PER_VISIT = 9
# Visits by hour of the day (UTC), as a gap between visits: wide at night.
GAP_BY_HOUR = (5, 7, 9, 9, 9, 7, 4, 3, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3)
MEAN_GAP = 2.1  # average of GAP_BY_HOUR, weighted by the visits that fall into each hour


class ShopSettings(LimitedSettings, frozen=True):
    """What a shop is made of. `drifts` are the shares of the stream at which seasons change.

    `label_share` is the chance that an event says its intent, `stay` the chance
    that a shopper comes back with the same need. `arriving` and `leaving` are
    the shares of items that enter or leave in mid-stream. `dirt` is the number
    of bad lines per good one. `days` is the length of the stream.
    """

    seed: int = 0
    items: Count = 3000
    users: Count = 2000
    days: Count = 120
    drifts: tuple[float, ...] = (0.6,)
    label_share: Share = 0.05
    stay: Share = 0.75
    arriving: Share = 0.15
    leaving: Share = 0.06
    dirt: Share = 0.0


class Shop:
    """The shop. `items()`, `events(n)` and `stream(n)` give the same answer at each call."""

    def __init__(self, seed: int = 0, items: int = 3000, users: int = 2000, **more: Any) -> None:
        self.settings = ShopSettings(seed=seed, items=items, users=users, **more)
        self.catalogue: list[ShopItem] = make_items(
            _dice(seed, "catalogue"), items, self.settings.arriving, self.settings.leaving
        )
        self.chooser = Chooser(self.catalogue)
        self._truth: dict[str, Truth] = {}
        self._visitors = Visitors(self.settings.users, _dice(seed, "users"))

    def items(self) -> list[dict[str, Any]]:
        """Return every item that is ever on sale, as records, in order of arrival."""
        order = sorted(self.catalogue, key=lambda item: (item.arrives, item.index))
        return [item.record() for item in order]

    def events(self, n: int = 30_000) -> Iterator[dict[str, Any]]:
        """Yield `n` clean events in order of time. What is behind them is kept for `truth`."""
        for act in self._acts(n):
            yield act.record(self.catalogue)

    def stream(self, n: int = 30_000) -> Iterator[tuple[str, str, dict[str, Any] | None]]:
        """Yield `(topic, key, record)` in order: items as they arrive, events, removals.

        `topic` is "items" or "events"; a removal is an item whose record is None.
        """
        changes = sorted(
            [(item.arrives, item.index, True) for item in self.catalogue]
            + [(item.leaves, item.index, False) for item in self.catalogue if item.leaves <= 1.0]
        )
        due = 0
        for number, event in enumerate(self.events(n)):
            while due < len(changes) and changes[due][0] <= number / n:
                _, index, arrives = changes[due]
                item = self.catalogue[index]
                yield "items", item.item_id, item.record() if arrives else None
                due += 1
            yield "events", str(event["user_id"]), event

    def lines(self, n: int = 30_000) -> Iterator[bytes]:
        """Yield the events as JSON lines, with bad lines between them where `dirt` is set."""
        clean = (msgspec.json.encode(event) for event in self.events(n))
        return soil(clean, self.settings.dirt, _dice(self.settings.seed, "dirt"))

    def truth(self, event_id: str) -> Truth:
        """Return what lies behind an event of the last `events(n)`; KeyError for any other id."""
        return self._truth[event_id]

    def write(self, folder: Path, n: int = 30_000) -> None:
        """Write events.jsonl, items.jsonl, removals.jsonl and truth.jsonl into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        _write_lines(folder / "items.jsonl", map(msgspec.json.encode, self.items()))
        _write_lines(folder / "events.jsonl", self.lines(n))
        gone = sorted((i.leaves, i.item_id) for i in self.catalogue if i.leaves <= 1.0)
        removals = ({"item_id": item, "after_events": int(share * n)} for share, item in gone)
        _write_lines(folder / "removals.jsonl", map(msgspec.json.encode, removals))
        _write_lines(folder / "truth.jsonl", map(msgspec.json.encode, self._truth.values()))

    def _acts(self, n: int) -> Iterator[Act]:
        """Merge the visits of all shoppers into one stream, numbered by time."""
        rng = _dice(self.settings.seed, "events")
        self._truth = {}
        self._visitors = Visitors(self.settings.users, _dice(self.settings.seed, "users"))
        waiting: list[tuple[int, int, Act]] = []
        clock, order = START_MS, 0
        for number in range(n):
            while not waiting or waiting[0][0] > clock:
                now = number / n
                season = sum(drift <= now for drift in self.settings.drifts)
                for act in self._visit(rng, clock, now, season):
                    heapq.heappush(waiting, (act.time, order, act))
                    order += 1
                clock += self._gap(rng, clock, n)
            act = heapq.heappop(waiting)[2]
            act.event_id = f"e{number:07d}"
            act.labelled = rng.random() < self.settings.label_share
            self._truth[act.event_id] = act.truth()
            yield act

    def _visit(self, rng: Random, clock: int, now: float, season: int) -> list[Act]:
        shopper = self._visitors.next(rng, clock, now)
        if shopper is None:
            return []
        return visit(rng, self.chooser, shopper, clock, now, season, self.settings.stay)

    def _gap(self, rng: Random, clock: int, n: int) -> int:
        """Return milliseconds to the next visit: short by day, long by night."""
        visits = max(1, n // ACTS_PER_VISIT)
        mean = self.settings.days * DAY_MS / visits / MEAN_GAP
        hour = clock % DAY_MS // 3_600_000
        return 1 + int(mean * GAP_BY_HOUR[hour] * 2.0 * rng.random())


def _dice(seed: int, part: str) -> Random:
    """Return a generator of its own for each part, so that parts do not disturb each other."""
    return Random(f"{seed} {part}")  # noqa: S311  (a simulation keeps no secret)


def _write_lines(path: Path, lines: Iterator[bytes]) -> None:
    with path.open("wb") as out:
        for line in lines:
            out.write(line + b"\n")


def soil(lines: Iterator[bytes], dirt: float, rng: Random) -> Iterator[bytes]:
    """Yield every line, and after a share `dirt` of them a bad line; the faults take turns."""
    names = list(FAULTS)
    turn = 0
    for line in lines:
        yield line
        if rng.random() < dirt:
            yield FAULTS[names[turn % len(names)]](line)
            turn += 1


def _changed(line: bytes, field: str, value: object) -> bytes:
    event = msgspec.json.decode(line)
    event[field] = value
    event["event_id"] = f"{event['event_id']}-{field}"
    return msgspec.json.encode(event)


FAULTS: dict[str, Spoil] = {
    "cut off": lambda line: line[: len(line) * 2 // 3],
    "not text": lambda line: line[:20] + b"\xff\xfe\x83" + line[20:],
    "sent twice": lambda line: line,
    "year 57000": lambda line: _changed(line, "ts", msgspec.json.decode(line)["ts"] * 1000),
    "year 1970": lambda line: _changed(line, "ts", 0),
    "no user": lambda line: _changed(line, "user_id", None),
    "not a number": lambda line: line[:-1] + b',"value":NaN}',
    "a list": lambda line: b"[" + line + b"]",
}
"""By what is wrong with the bad line; the good one is in the stream as well."""
