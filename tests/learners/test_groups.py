"""Groups: what one user took at one time. Nothing of it is seen where it is scored; it teaches."""

from __future__ import annotations

import json
import random
from datetime import datetime
from pathlib import Path

import numpy as np

from learners.online_model import OnlineModel
from learners.settings import LearnerSettings
from learners.testing import RecordTable, small
from learners.types import Interaction, Item

PAIRS = 30


def take(model: OnlineModel, user: str, items: list[str], ts: float) -> None:
    for item in items:
        at = model.position + 1
        model.learn(Interaction(at, f"e{at}", user, item, "buy", ts))


def offered(model: OnlineModel, user: str) -> list[str]:
    return [entry.item_id for entry in model.recommend(user).entries]


def single_baskets(settings: LearnerSettings, baskets: int) -> OnlineModel:
    """Return a model that learnt baskets of two, one of each user, seven in ten of them a pair."""
    model, rng = OnlineModel(settings), random.Random(0)
    for pair in range(PAIRS):
        for side in "ab":
            model.put_item(Item(f"{pair}{side}", f"thing {pair}{side}"))
    for basket in range(baskets):
        pair = rng.randrange(PAIRS)
        items = [f"{pair}a", f"{pair}b"]
        if rng.random() < 0.3:
            items[1] = f"{rng.randrange(PAIRS)}{rng.choice('ab')}"
        rng.shuffle(items)
        take(model, f"u{basket}", list(dict.fromkeys(items)), 1e9 + basket)
    return model


def test_baskets_of_users_who_come_once_teach_what_goes_together() -> None:
    model = single_baskets(LearnerSettings(), 900)
    first = 0
    for pair in range(PAIRS):
        take(model, f"new{pair}", [f"{pair}a"], 2e9 + pair)
        first += offered(model, f"new{pair}")[0] == f"{pair}b"
    assert first >= PAIRS - 2


def test_the_partner_of_a_basket_is_first_where_all_orders_have_dates_only(shared: Path) -> None:
    folder = shared / "cases" / "basket"
    model = OnlineModel(LearnerSettings())
    for line in (folder / "items.jsonl").read_text().splitlines():
        item = json.loads(line)
        model.put_item(Item(item["item_id"], item["title"]))
    partners = {}
    for line in (folder / "events_same_ts.jsonl").read_text().splitlines():
        event = json.loads(line)
        user, ts = event["user_id"], datetime.fromisoformat(event["ts"]).timestamp()
        take(model, user, [event["item_id"]], ts)
        if user.startswith("new"):
            partners[f"p{user[3:]}b"] = offered(model, user)[0]
    assert len(partners) == 20
    assert partners == {partner: partner for partner in partners}


def test_a_stop_between_two_members_changes_nothing() -> None:
    whole, broken, shelf = OnlineModel(small()), OnlineModel(small()), RecordTable()
    for basket in range(40):
        for place in range(3):
            item = f"i{(basket * 7 + place * 3) % 30}"
            take(whole, f"u{basket}", [item], 1e9 + basket)
            take(broken, f"u{basket}", [item], 1e9 + basket)
            shelf.keep(broken.changed())
            broken = OnlineModel(small(), shelf.get)
            broken.restore(shelf.scan)
    found, wanted = broken.preference.state(), whole.preference.state()
    assert wanted["steps"] > 40
    assert all(np.array_equal(found[name], wanted[name]) for name in wanted)
