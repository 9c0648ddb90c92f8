"""Every reason of every list is borne out by the raw events of the log."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

from dataflows.datasets.convert import convert
from dataflows.datasets.shop.shop import Shop
from encoders.text import render_event, render_item
from learners.online_model import OnlineModel
from learners.ranking import claims, search_claims
from learners.settings import LearnerSettings
from learners.signals.popularity import Popularity
from learners.types import Interaction, Item, Retraction
from tests.recount import OFTEN, Log, read


class Told(NamedTuple):
    """A log as read; `retracts` maps a type of event to the one that it takes back."""

    events: list[dict[str, Any]]
    items: list[dict[str, Any]]
    weights: dict[str, float]
    retracts: dict[str, str]


def lines(path: Path, most: int | None = None) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for _, line in zip(range(most or 10**9), file, strict=False)]


def told(folder: Path, most: int | None = None, events: str = "events", **changes: Any) -> Told:
    settings = folder / "p.toml"
    given = tomllib.loads(settings.read_text()) if settings.is_file() else {}
    items = lines(folder / f"{changes.get('items', 'items')}.jsonl")
    weights, retracts = given.get("clean", {}), given.get("events", {})
    return Told(
        lines(folder / f"{events}.jsonl", most),
        items,
        weights.get("weights", {}),
        retracts.get("retracts", {}),
    )


def seconds(ts: float | str) -> float:
    return float(ts) if isinstance(ts, int | float) else datetime.fromisoformat(ts).timestamp()


class Walk:
    """A recommender and the recount, told the same; each event's user gets a list right after."""

    def __init__(self, log: Told, **changes: Any) -> None:
        self.told = log
        known = [(each, render_item(*_parts(each))) for each in log.items]
        self.titles = {str(each["item_id"]): each.get("title", "") for each in log.items}
        items = [
            Item(str(each["item_id"]), each.get("title", ""), tuple(each.get("categories") or ()))
            for each, _ in known
        ]
        texts = {str(each["item_id"]): text for each, text in known}
        self.log = Log(items, texts)
        self.model = OnlineModel(LearnerSettings(dim=self.log.encoder.dim, **changes))
        vectors = dict(zip(self.log.texts, self.log.vectors, strict=True))
        for item in items:
            vector = vectors.get(item.item_id)
            self.model.put_item(Item(item.item_id, item.title, item.categories, True, vector))
        self.claims: Counter[str] = Counter()

    def lists(self) -> Iterator[tuple[str, str, str]]:
        """Tell all events; yield each reason of each list: user, item, sentence."""
        newest: dict[tuple[str, str, str], list[str]] = {}
        position = 0
        for each in self.told.events:
            user, kind = str(each["user_id"]), each["type"]
            item = None if each.get("item_id") is None else str(each["item_id"])
            if kind in self.told.retracts:
                meant = newest.get((user, self.told.retracts[kind], str(item)), [])
                self.model.retract(Retraction(user, None, self.told.retracts[kind], item))
                if meant:
                    self.log.take_back(meant.pop())
            elif self.told.weights.get(kind, 1.0) != 0.0:
                event = self._event(position, each, user, item)
                newest.setdefault((user, kind, str(item)), []).append(event.event_id)
                self.model.learn(event)
                self.log.tell(event)
                position += 1
            for entry in self.model.recommend(user).entries:
                for reason in entry.reasons:
                    self.claims[read(reason)[0]] += 1
                    yield user, entry.item_id, reason

    def _event(
        self, position: int, each: dict[str, Any], user: str, item: str | None
    ) -> Interaction:
        text = each.get("text")
        words = render_event(each["type"], self.titles.get(item or ""), text)
        vector = None if words is None else self.log.encoder.encode([words])[0]
        return Interaction(
            position,
            str(each["event_id"]),
            user,
            item,
            each["type"],
            seconds(each["ts"]),
            self.told.weights.get(each["type"], 1.0),
            vector,
            each.get("intent"),
            text=text,
            encoded=words,
        )

    def untrue(self) -> list[tuple[str, str, str]]:
        """All reasons that the log does not bear out."""
        return [said for said in self.lists() if not self.log.is_true(*said)]


def _parts(each: dict[str, Any]) -> tuple[str, str | None, list[str]]:
    return each.get("title", ""), each.get("text"), each.get("categories") or []


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("shop")
    Shop(seed=3, users=60, items=80, dirt=0.0).write(folder, 1_200)
    return told(folder)


@pytest.mark.parametrize("repeats", ["on", "off"])
def test_a_shop(shop: Told, repeats: str) -> None:
    walk = Walk(shop, repeats=repeats)
    assert walk.untrue() == []
    often = ("together_often", "after_often", "popular", "now", "stage", "liking", "search")
    often += ("search_words", "search_word")
    assert all(walk.claims[claim] for claim in often), walk.claims
    assert (walk.claims["again"] > 0) is (repeats == "on")


WEIGHTS = {"purchase": 8.0, "cart": 3.0, "view": 0.3, "rating": 0.0}


def test_weights_make_no_claim_untrue(shop: Told, monkeypatch: Any) -> None:
    """Five purchases of weight 8 are not forty takings; where they are taken for that, it shows."""
    weighed = shop._replace(weights=WEIGHTS)
    walk = Walk(weighed, repeats="on")
    assert walk.untrue() == []
    often = ("together_often", "after_often", "popular", "now", "stage", "liking")
    assert all(walk.claims[claim] for claim in often), walk.claims
    monkeypatch.setattr(Popularity, "takings", Popularity.read)
    assert Walk(weighed, repeats="on").untrue()


def test_a_claim_that_rests_on_too_few_is_found(shop: Told, monkeypatch: Any) -> None:
    """So the recount can fail: with people asked for less, or texts, or evidence, it does."""
    few = shop._replace(events=shop.events[:400])
    for where, what, value in (
        (claims, "USERS", 1),
        (claims, "COSINE", 0.2),
        (claims, "LIKED", 1),
        (search_claims, "SEARCH_COSINE", 0.1),
        (search_claims, "ALL_WORDS", 0.3),
        (search_claims, "MOST_WORDS", -0.1),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(where, what, value)
            assert Walk(few).untrue(), what
    assert Walk(few).untrue() == []


def mixed(seed: int) -> Told:
    """Baskets, late events, dislikes and searches of seven people, who take much of it back."""
    draw = Random(seed)
    ts, events = 1_000, []
    for number in range(350):
        ts += draw.choice([0, 0, 1, 2, 3])
        kind = draw.choice(["take"] * 8 + ["untake", "untake", "dislike", "search"])
        event = {
            "event_id": f"e{number}",
            "user_id": f"u{draw.randrange(7)}",
            "type": kind,
            "ts": ts - draw.choice([0] * 9 + [2]),
        }
        thing = draw.randrange(14)
        event |= {"text": f"thing {thing}"} if kind == "search" else {"item_id": f"i{thing}"}
        events.append(event)
    items = [
        {"item_id": f"i{n}", "title": f"thing {n}, “new”", "categories": [f"kind {n % 3}"]}
        for n in range(14)
    ]
    return Told(events, items, {"dislike": -1.0}, {"untake": "take"})


@pytest.mark.parametrize("seed", range(4))
def test_what_is_taken_back_is_claimed_no_more(seed: int) -> None:
    walk = Walk(mixed(seed), repeats="on", recent=200)
    assert walk.untrue() == []
    few = ("together", "after", "together_often", "again", "known", "others")
    assert all(walk.claims[claim] for claim in few), walk.claims


@pytest.mark.parametrize(
    ("case", "events", "items"),
    [
        ("reasons", "events", "items"),
        ("reasons/one_event", "events", "items"),
        ("coldstart", "events", "items"),
        ("basket", "tiny_same_ts", "tiny_items"),
        ("basket", "tiny_times", "tiny_items"),
        ("basket", "events_same_ts", "items"),
        ("basket", "events_20s_apart", "items"),
        ("ratings", "events", "items"),
    ],
)
def test_a_case(shared: Path, case: str, events: str, items: str) -> None:
    walk = Walk(told(shared / "cases" / case, 1_500, events, items=items))
    assert walk.untrue() == []
    assert walk.claims
    if events.endswith("same_ts"):
        assert not walk.claims["after"] + walk.claims["after_often"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["wikispeedia", "completejourney", "deskdrop"])
def test_a_real_log(shared: Path, tmp_path: Path, name: str) -> None:
    convert(name, shared / "data" / name, tmp_path, force=True)
    walk = Walk(told(tmp_path, 2_000))
    assert walk.untrue() == []
    assert walk.claims["popular"] > OFTEN
