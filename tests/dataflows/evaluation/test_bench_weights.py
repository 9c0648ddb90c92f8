"""Weights of event types: on a simulated marketplace they make lists better for purchases."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from benchmarks.marketplace import CATEGORIES, Marketplace
from benchmarks.weights import compared, told


def test_one_seed_makes_the_same_marketplace() -> None:
    events = Marketplace(3).events(500)
    assert events == Marketplace(3).events(500)
    assert events[:400] == Marketplace(3).events(400)
    assert events != Marketplace(4).events(500)
    assert [event["ts"] for event in events] == sorted(event["ts"] for event in events)
    assert len({event["event_id"] for event in events}) == 500


def test_a_purchase_tells_about_ten_times_as_much_of_taste_as_a_view() -> None:
    market = Marketplace(0)
    liked: Counter[str] = Counter()
    of: Counter[str] = Counter()
    for event in market.events(20_000):
        kind, user, item = event["type"], int(event["user_id"][1:]), int(event["item_id"][1:])
        of[kind] += 1
        liked[kind] += item % CATEGORIES in market.likes[user]
    share = {kind: liked[kind] / of[kind] for kind in of}
    chance = len(market.likes[0]) / CATEGORIES
    assert 0.05 < of["buy"] / 20_000 < 0.2
    # Companions of what is bought are of any category, so some purchases look like chance.
    assert (share["buy"] - chance) / (share["view"] - chance) == pytest.approx(10.0, rel=0.2)


@pytest.mark.slow
def test_lists_gain_purchases_with_the_weights_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, items = Marketplace(5).write(tmp_path, 10_000)
    users, kinds, earned = compared(log, items, {"buy": 10}, "hashing", None)
    least = told("marketplace", users, kinds, earned)
    assert least["buy"] > 0.0
    assert "HR@10" in capsys.readouterr().out
    assert np.isfinite(earned).all()
