"""The first lists make sense: what others took, what goes together, what was searched for."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dataflows.app.run import run
from dataflows.config.config import load_config
from encoders.load import load_encoder
from learners.online_model import OnlineModel
from learners.settings import LearnerSettings
from learners.types import Interaction, Item


def lists(tmp_path: Path, folder: Path, events: str, items: str, **more: Any) -> list[Any]:
    """Run a log event by event; return (user, ids) of each list sent, in their order."""
    settings = {
        "encoder.name": "hashing",
        "files.events": str(folder / events),
        "files.items": str(folder / items),
        "files.batch_size": 1,
        "files.output": str(tmp_path / "output"),
        "state.path": str(tmp_path / "state"),
        **more,
    }
    run(load_config(None, settings, {}))
    sent = (tmp_path / "output" / "recommendations.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in sent.splitlines()]
    return [(row["user_id"], [item["item_id"] for item in row["items"]]) for row in rows]


def test_every_visitor_is_offered_what_others_bought_then_what_they_viewed(
    shared: Path, tmp_path: Path
) -> None:
    folder = shared / "cases" / "coldstart"
    weights = tomllib.loads((folder / "p.toml").read_text())["clean"]["weights"]
    given = {"clean.weights": weights}
    found = lists(tmp_path, folder, "events.jsonl", "items.jsonl", **given)
    visitors = [ids for user, ids in found if user.startswith("v")]
    assert len(visitors) == 15
    assert {tuple(ids[:2]) for ids in visitors} == {("a", "b")}


@pytest.mark.parametrize("events", ["tiny_same_ts.jsonl", "tiny_times.jsonl"])
def test_the_partner_comes_first_in_a_tiny_log(shared: Path, tmp_path: Path, events: str) -> None:
    found = dict(lists(tmp_path, shared / "cases" / "basket", events, "tiny_items.jsonl"))
    assert (found["new"][0], found["new2"][0]) == ("b", "d")


@pytest.mark.parametrize("events", ["events_same_ts.jsonl", "events_20s_apart.jsonl"])
def test_the_only_partner_comes_first(shared: Path, tmp_path: Path, events: str) -> None:
    found = dict(lists(tmp_path, shared / "cases" / "basket", events, "items.jsonl"))
    new = {user: ids for user, ids in found.items() if user.startswith("new")}
    assert len(new) == 20
    assert {user: ids[0] for user, ids in new.items()} == {
        user: f"p{user.removeprefix('new')}b" for user in new
    }


SHOP = {
    "kettle": ("Enamel kettle", "Kitchen"),
    "teapot": ("Cast iron teapot", "Kitchen"),
    "cups": ("Two stoneware cups", "Kitchen"),
    "lamp": ("Reading lamp", "Lighting"),
    "novel": ("A long winter novel", "Books"),
    "hose": ("Garden hose, 20 m", "Garden"),
    "soap": ("Lavender soap", "Bath"),
}
SEARCHES = {
    "a novel for the winter": "novel",
    "something to water the garden": "hose",
    "something to wash with": "soap",
    "light for the bedside table": "lamp",
    "stoneware to drink coffee from": "cups",
}


def test_the_first_searches_of_a_shop_are_answered() -> None:
    encoder = load_encoder("packaged")
    model, position = OnlineModel(LearnerSettings(dim=encoder.dim)), 0

    def vector(text: str) -> np.ndarray:
        return encoder.encode([text])[0]

    for name, (title, category) in SHOP.items():
        model.put_item(Item(name, title, (category,), vector=vector(f"{title}. {category}")))
    for user, name in (("ada", "kettle"), ("ada", "cups"), ("bo", "novel"), ("bo", "lamp")):
        at, said = 60.0 * position, vector(f"view. {SHOP[name][0]}")
        model.learn(Interaction(position, f"e{position}", user, name, "view", at, vector=said))
        position += 1
    first = {}
    for text in SEARCHES:
        said = {"vector": vector(f"search. {text}"), "text": text, "encoded": f"search. {text}"}
        event = Interaction(
            position, f"e{position}", f"u{position}", None, "search", 60.0 * position, **said
        )
        model.learn(event)
        first[text] = model.recommend(event.user_id).entries[0].item_id
        position += 1
    assert first == SEARCHES
