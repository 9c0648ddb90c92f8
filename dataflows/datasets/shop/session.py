"""Visits to the simulated shop: what one user does from coming in to going away."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from random import Random
from typing import Any

import msgspec

from dataflows.datasets.shop.catalogue import ShopItem
from dataflows.datasets.shop.choice import Chooser, Shopper, make_shoppers
from dataflows.datasets.shop.needs import NEEDS, season_weights

OWN_NEED = 4  # how much more often a shopper has one of their usual needs
LEAVE, SWITCH, SEARCH_FIRST, SEARCH_LATER = 0.18, 0.04, 0.45, 0.10
CART, BUY, RATE = 0.20, 0.45, 0.35
DAY_MS = 86_400_000

COMMENTS = (
    ("Sent it back.", "Not what I hoped for.", "Broke within a week."),
    ("It is all right.", "Does the job, no more.", "Smaller than I thought."),
    ("Very happy with it.", "Just what I needed.", "Would buy it again at once."),
)


class Truth(msgspec.Struct, frozen=True):
    """What lies behind one event: the need, the season, and the state in which it was chosen.

    `last` is the index of the item looked at before, `seen` the number of items
    that the shopper had seen; both are None where no new item was chosen.
    """

    event_id: str
    intent: str
    season: int
    shopper: int
    need: int
    now: float
    last: int | None = None
    seen: int | None = None


class Act(msgspec.Struct):
    """One thing that a shopper does, before it is numbered. `time` is epoch milliseconds."""

    time: int
    type: str
    shopper: Shopper
    session: str | None
    need: int
    season: int
    now: float
    item: int | None = None
    text: str | None = None
    value: float | None = None
    last: int | None = None
    seen: int | None = None
    event_id: str = ""
    labelled: bool = False

    def record(self, items: list[ShopItem]) -> dict[str, Any]:
        """Return the event as a record; optional fields that are empty are left out."""
        optional = {
            "item_id": None if self.item is None else items[self.item].item_id,
            "text": self.text,
            "value": self.value,
            "session_id": self.session,
            "intent": NEEDS[self.need].name if self.labelled else None,
        }
        device = "phone" if self.shopper.index % 3 else "desktop"
        return {
            "event_id": self.event_id,
            "user_id": self.shopper.user_id,
            "type": self.type,
            "ts": self.time / 1000,
            **{name: value for name, value in optional.items() if value is not None},
            "context": {"device": device},
        }

    def truth(self) -> Truth:
        """Return what lies behind this act, once it has its number."""
        return Truth(
            event_id=self.event_id,
            intent=NEEDS[self.need].name,
            season=self.season,
            shopper=self.shopper.index,
            need=self.need,
            now=self.now,
            last=self.last,
            seen=self.seen,
        )


class Visitors:
    """All shoppers, and who comes next: a few come often, most come seldom."""

    def __init__(self, count: int, rng: Random) -> None:
        self.all = make_shoppers(rng, count)
        self._sums = list(accumulate(1.0 / (n + 120) for n in range(count)))

    def next(self, rng: Random, clock: int, now: float) -> Shopper | None:
        """Return a shopper who has arrived and is not in the shop; None if all tries fail."""
        for _ in range(50):
            drawn = bisect_right(self._sums, rng.random() * self._sums[-1])
            shopper = self.all[min(drawn, len(self.all) - 1)]
            if shopper.arrives <= now and shopper.busy_until < clock:
                return shopper
        return None


def visit(
    rng: Random,
    chooser: Chooser,
    shopper: Shopper,
    clock: int,
    now: float,
    season: int,
    stay: float,
) -> list[Act]:
    """Return what a shopper does in one visit that starts at `clock`, in order of time."""
    if shopper.need < 0 or rng.random() >= stay:
        shopper.need = draw_need(rng, shopper, season)
    session = f"{shopper.user_id}-{clock}"
    acts: list[Act] = []
    last: int | None = None
    time, leaving, step = clock, False, 0
    while not leaving:
        if step > 1 and rng.random() < SWITCH:
            shopper.need = draw_need(rng, shopper, season)
        act = Act(time, "view", shopper, session, shopper.need, season, now)
        acts.append(act)
        if rng.random() < (SEARCH_LATER if step else SEARCH_FIRST):
            act.type, act.text = "search", search_text(rng, shopper)
        else:
            act.item = chooser.draw(rng, shopper, last, now)
            act.last, act.seen = last, len(shopper.seen)
            last = act.item
            shopper.seen[last] = None
            acts.extend(_go_on(rng, chooser.items[last], act))
        time = max(a.time for a in acts if a.type != "rating") + 8_000 + rng.randrange(80_000)
        step += 1
        leaving = step >= 2 and rng.random() < LEAVE
    shopper.busy_until = time
    return acts


def draw_need(rng: Random, shopper: Shopper, season: int) -> int:
    """Return a need: by season, and more often one of the shopper's usual ones."""
    weights = season_weights(season)
    own = [w * (OWN_NEED if n in shopper.needs else 1) for n, w in enumerate(weights)]
    (need,) = rng.choices(range(len(NEEDS)), own)
    return int(need)


def search_text(rng: Random, shopper: Shopper) -> str:
    """Return what the shopper types: their need in words, or a kind of item that they want."""
    need = NEEDS[shopper.need]
    if rng.random() < 0.6:
        return rng.choice(need.phrases)
    weights = [weight for weight, _ in need.wants.values()]
    ((_, kinds),) = rng.choices(list(need.wants.values()), weights)
    brand = f" {rng.choice(sorted(shopper.brands))}" if rng.random() < 0.2 else ""
    return rng.choice(kinds) + brand


def _go_on(rng: Random, item: ShopItem, view: Act) -> list[Act]:
    """Return what may follow a view: into the cart, bought, and days later rated."""
    acts: list[Act] = []
    time = view.time
    for type_, chance in (("cart", CART), ("purchase", BUY), ("rating", RATE)):
        if rng.random() >= chance:
            break
        time += 15_000 + rng.randrange(120_000)
        if type_ == "rating":
            time += 2 * DAY_MS + rng.randrange(8 * DAY_MS)
        act = msgspec.structs.replace(view, time=time, type=type_, last=None, seen=None)
        if type_ == "purchase":
            act.value = item.price
        if type_ == "rating":
            act.session = None
            _rate(rng, act, item)
        acts.append(act)
    return acts


def _rate(rng: Random, act: Act, item: ShopItem) -> None:
    """Rate an item, 1 to 5 stars, more for what suits the shopper; half of the ratings say why."""
    suits = (item.brand in act.shopper.brands) + (item.tier == act.shopper.tier)
    stars = min(5, 2 + suits + rng.randrange(3)) if rng.random() < 0.9 else 1
    act.value = float(stars)
    if rng.random() < 0.5:
        act.text = rng.choice(COMMENTS[0 if stars < 3 else 1 if stars == 3 else 2])
