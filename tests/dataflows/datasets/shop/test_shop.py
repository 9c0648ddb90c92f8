"""The simulated shop: its answers are known, so that tests of the engine can lean on it."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from random import Random

import msgspec
import pytest

from dataflows.datasets.shop.needs import NEEDS
from dataflows.datasets.shop.shop import FAULTS, Shop
from dataflows.datasets.shop.words import CATEGORIES
from tests.dataflows.datasets.shop.shop_oracle import best_list, chances

N = 6000
SMALL = {"items": 800, "users": 400}


@pytest.fixture(scope="module")
def shop() -> Shop:
    return Shop(seed=3, **SMALL)


@pytest.fixture(scope="module")
def events(shop: Shop) -> list[dict]:
    return list(shop.events(N))


def test_one_seed_gives_the_same_bytes_everywhere():
    shop = Shop(seed=3, dirt=0.01, **SMALL)
    twice = [b"\n".join(shop.lines(3000)) for _ in range(2)]
    assert twice[0] == twice[1] == b"\n".join(Shop(seed=3, dirt=0.01, **SMALL).lines(3000))
    assert twice[0] != b"\n".join(Shop(seed=4, dirt=0.01, **SMALL).lines(3000))
    # Written down once: another machine or Python must not give another shop.
    assert hashlib.blake2b(twice[0], digest_size=8).hexdigest() == "37fc15e7422278b4"


def test_items_have_distinct_texts_and_every_category():
    items = Shop(seed=0).items()
    assert len(items) == 3000
    assert len({item["title"] for item in items}) == 3000
    assert len({(item["title"], item["text"]) for item in items}) == 3000
    assert {item["categories"][0] for item in items} == set(CATEGORIES)
    assert all(item["attributes"]["price"] > 0 for item in items)


def test_events_are_numbered_timed_and_typed(shop: Shop, events: list[dict]):
    assert len(events) == N
    assert len({event["event_id"] for event in events}) == N
    times = [event["ts"] for event in events]
    assert times == sorted(times)
    assert 60 < (times[-1] - times[0]) / 86_400 < 180
    counts = Counter(event["type"] for event in events)
    assert set(counts) == {"search", "view", "cart", "purchase", "rating"}
    assert counts["view"] > counts["cart"] > counts["purchase"] > counts["rating"] > 0
    known = {item["item_id"] for item in shop.items()}
    for event in events:
        assert ("item_id" in event) == (event["type"] != "search")
        assert event.get("item_id") in known | {None}
        assert ("text" in event) or event["type"] != "search"
        if event["type"] == "rating":
            assert event["value"] in {1.0, 2.0, 3.0, 4.0, 5.0}


def test_a_purchase_comes_after_the_view_of_the_same_item(events: list[dict]):
    viewed = set()
    for event in events:
        pair = (event["user_id"], event.get("item_id"))
        if event["type"] == "view":
            viewed.add(pair)
        elif event["type"] != "search":
            assert pair in viewed


def test_intents_are_known_but_few_events_say_them(shop: Shop, events: list[dict]):
    said = [event for event in events if "intent" in event]
    assert 0.03 < len(said) / N < 0.07
    assert all(event["intent"] == shop.truth(event["event_id"]).intent for event in said)
    assert {shop.truth(e["event_id"]).intent for e in events} == {need.name for need in NEEDS}
    with pytest.raises(KeyError):
        shop.truth("e9999999")


def test_the_season_changes_what_people_want_at_the_known_moment(shop: Shop, events: list[dict]):
    drift = int(0.6 * N)
    before = Counter(shop.truth(event["event_id"]).intent for event in events[:drift])
    after = Counter(shop.truth(event["event_id"]).intent for event in events[drift:])
    assert after["keep warm"] / after.total() > 4 * before["keep warm"] / before.total()
    assert before["garden season"] / before.total() > 1.7 * after["garden season"] / after.total()
    still = Shop(seed=3, drifts=(), **SMALL)
    late = Counter(still.truth(e["event_id"]).intent for e in list(still.events(N))[drift:])
    assert late["keep warm"] < after["keep warm"] / 4


def test_an_intent_stays_for_a_while(shop: Shop, events: list[dict]):
    last: dict[str, str] = {}
    same = changed = 0
    for event in events:
        intent = shop.truth(event["event_id"]).intent
        if event["user_id"] in last:
            same += intent == last[event["user_id"]]
            changed += intent != last[event["user_id"]]
        last[event["user_id"]] = intent
    assert same / (same + changed) > 0.85
    assert changed > 200


def test_the_best_list_is_far_better_than_the_popular_one(shop: Shop, events: list[dict]):
    chosen = [e for e in events if shop.truth(e["event_id"]).seen is not None]
    counts = Counter(event["item_id"] for event in chosen)
    # Even the popularity of the whole stream, which no one could know in time, falls short.
    popular = {item for item, _ in counts.most_common(10)}
    sample = Random(1).sample(chosen, 400)
    oracle = sum(e["item_id"] in (best_list(shop, e["event_id"]) or []) for e in sample) / 400
    popularity = sum(event["item_id"] in popular for event in sample) / 400
    assert oracle > 0.4
    assert popularity < oracle / 3
    long_tail = sorted(counts.values(), reverse=True)
    assert sum(long_tail[: len(long_tail) // 10]) > 0.3 * len(chosen)


def test_the_oracle_s_chances_are_those_of_the_draw(shop: Shop):
    shopper = msgspec.structs.replace(shop._visitors.all[0], need=0, seen={1: None})
    expected_of = chances(shop.chooser, shopper, 5, 0.5, {1})
    drawn = Counter(shop.chooser.draw(Random(n), shopper, 5, 0.5) for n in range(20_000))
    assert sum(expected_of.values()) == pytest.approx(1.0, abs=1e-9)
    for index in sorted(expected_of, key=expected_of.__getitem__)[-15:]:
        expected = expected_of[index]
        assert drawn[index] / 20_000 == pytest.approx(expected, abs=4 * (expected / 20_000) ** 0.5)


def test_searches_have_no_oracle_and_go_on_without_item(shop: Shop, events: list[dict]):
    search = next(event for event in events if event["type"] == "search")
    assert best_list(shop, search["event_id"]) is None


def test_items_come_and_go_in_mid_stream():
    shop = Shop(seed=5, **SMALL)
    on_sale: set[str] = set()
    gone: set[str] = set()
    overtaken = 0
    for topic, key, record in shop.stream(N):
        if topic == "items" and record is None:
            on_sale.remove(key)
            gone.add(key)
        elif topic == "items":
            on_sale.add(key)
        elif record is not None and record["type"] == "view":
            # A view was chosen when its visit began, so a removal may overtake it by minutes.
            overtaken += record["item_id"] in gone
            assert record["item_id"] in on_sale | gone
    assert len(on_sale) + len(gone) == 800
    assert 25 < len(gone) < 80
    assert overtaken < 5
    late = [item for item in shop.catalogue if item.arrives > 0]
    assert 80 < len(late) < 160


def test_a_new_item_is_not_looked_at_before_it_arrives(shop: Shop, events: list[dict]):
    arrives = {item.item_id: item.arrives for item in shop.catalogue}
    leaves = {item.item_id: item.leaves for item in shop.catalogue}
    views = [(n, e["item_id"]) for n, e in enumerate(events) if e["type"] == "view"]
    assert all(arrives[item] <= n / N for n, item in views)
    assert sum(leaves[item] < n / N for n, item in views) < 0.001 * len(views)


def test_dirt_adds_bad_lines_and_takes_no_good_one():
    clean, dirty = Shop(seed=3, **SMALL), Shop(seed=3, dirt=0.02, **SMALL)
    good, lines = list(clean.lines(2000)), list(dirty.lines(2000))
    extra = len(lines) - 2000
    assert 20 < extra < 70
    left = iter(lines)
    assert all(line in left for line in good)  # good is a subsequence of lines
    bad = Counter(lines) - Counter(good)
    assert bad.total() == extra
    assert extra > 2 * len(FAULTS)


def test_write_leaves_a_log_and_its_truth(tmp_path: Path):
    shop = Shop(seed=3, **SMALL)
    shop.write(tmp_path, 1500)
    read = {
        path.name: [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
        for path in tmp_path.iterdir()
    }
    assert [event["event_id"] for event in read["events.jsonl"]] == [
        truth["event_id"] for truth in read["truth.jsonl"]
    ]
    assert len(read["items.jsonl"]) == 800
    assert read["removals.jsonl"]
    assert all(truth["intent"] == NEEDS[truth["need"]].name for truth in read["truth.jsonl"])


@pytest.mark.parametrize("setting", [{"items": 0}, {"users": -1}, {"dirt": 1.5}, {"stay": -0.1}])
def test_an_impossible_shop_is_refused(setting: dict):
    with pytest.raises(ValueError, match=next(iter(setting))):
        Shop(**setting)


@pytest.mark.parametrize("items", [1, 3, 20])
def test_a_tiny_shop_still_runs(items: int):
    assert len(list(Shop(items=items, users=2).events(200))) == 200
