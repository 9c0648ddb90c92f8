"""Stars: what a low value does, from the configuration to the lists and the figures of a replay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from dataflows.config.config import Config, load_config
from dataflows.config.stars import StarCounts, sounds_like_rating
from dataflows.config.values import ValueScale
from dataflows.engine.encode_step import EncodeStep
from dataflows.engine.item_store import Catalogue
from dataflows.engine.shard import Engine
from dataflows.errors import InputError
from dataflows.evaluation.log_order import read_order
from dataflows.evaluation.offline_flow import batched, catalogue_records, open_engine
from dataflows.evaluation.replay import ReplaySettings, replay
from dataflows.state.outbox import RECOMMENDATIONS
from dataflows.state.records import MemoryStore
from encoders.load import load_encoder
from learners.online_model import OnlineModel

STARS = {"dislike_below": 3, "like_above": 3}
SCALE = "[clean.values.rating]\ndislike_below = {}\nlike_above = {}\n"
Lists = dict[str, list[str]]


def config(values: dict[str, Any] | None) -> Config:
    given: dict[str, object] = {} if values is None else {"clean.values": values}
    return load_config(None, {"encoder.name": "hashing", **given}, {})


class Run:
    """An engine that read a log in micro-batches of one; `lists` are the newest of each user."""

    def __init__(self, folder: Path, of: Config, events: Path | None = None) -> None:
        log = events or folder / "events.jsonl"
        encoder = load_encoder(of.encoder.name)
        self.store = MemoryStore()
        self.engine: Engine[OnlineModel] = open_engine(of, encoder, store=self.store)
        step = EncodeStep(encoder, of.events, Catalogue(None, encoder.version))
        self.lists: Lists = {}
        items = catalogue_records(folder / "items.jsonl", of.events.max_record_bytes)
        for batch in batched(chain(items, read_order(log, of.events).records()), 1):
            for out in (out for _, each in step(batch) for out in self.engine.process(each)):
                if out.topic == RECOMMENDATIONS and out.value is not None:
                    made = json.loads(out.value)
                    self.lists[made["user_id"]] = [each["item_id"] for each in made["items"]]


@pytest.fixture
def ratings(shared: Path) -> Path:
    return shared / "cases" / "ratings"


def test_two_of_opposite_taste_get_opposite_lists(ratings: Path) -> None:
    run = Run(ratings, config({"rating": STARS}))
    # Nine of each category are left to either.
    for user, liked in (("lovesA", "A"), ("lovesB", "B")):
        assert {item[0] for item in run.lists[user][:9]} == {liked}
    without = Run(ratings, config(None))
    assert {item[0] for item in without.lists["lovesA"][:9]} == {"A", "B"}


def test_every_rating_is_accounted_for(ratings: Path) -> None:
    ledger = Run(ratings, config({"rating": STARS})).engine.ledger
    ledger.balance()
    found = ledger.as_dict()
    low = sum('"value": 1,' in line for line in (ratings / "events.jsonl").read_text().splitlines())
    assert found["learnt"] == 492
    assert found["reasons"] == {"learnt": {"disliked": low}}


def test_a_replay_scores_likes_alone_and_counts_the_others(ratings: Path) -> None:
    done = replay(
        config({"rating": STARS}),
        ratings / "events.jsonl",
        ratings / "items.jsonl",
        ReplaySettings(warmup=0.0, against=("popularity",)),
    )
    liked = {
        str(each["event_id"])
        for each in map(json.loads, (ratings / "events.jsonl").read_text().splitlines())
        if each["value"] == 5
    }
    assert set(done.scored.event_ids) <= liked
    assert done.report["unscored"]["unwanted"] == 492 - len(liked)
    assert done.report["scored"] + sum(done.report["unscored"].values()) == 492


def lines(folder: Path, events: list[dict[str, Any]]) -> Path:
    path = folder / "events.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in events))
    return path


def rated(values: list[float | None]) -> Iterator[dict[str, Any]]:
    for n, value in enumerate(values):
        of = {} if value is None else {"value": value}
        yield {
            "event_id": n,
            "user_id": "u",
            "item_id": f"A{n}",
            "type": "rating",
            "ts": 1e9 + n,
        } | of


def test_low_middle_high_and_no_value(ratings: Path, tmp_path: Path) -> None:
    log = lines(tmp_path, list(rated([1, 2.5, 3, 3.5, 5, None])))
    run = Run(ratings, config({"rating": STARS}), log)
    model = run.engine.model
    taken = [item for item in range(24) if model.signals.items.streamed[item]]
    assert [model.signals.items.ids[item] for item in taken] == ["A3", "A4", "A5"]
    assert not {f"A{n}" for n in range(6)} & set(run.lists["u"])
    assert run.engine.ledger.as_dict()["reasons"] == {"learnt": {"disliked": 2, "neutral": 1}}


def test_a_dislike_is_taken_back(ratings: Path, tmp_path: Path) -> None:
    back: dict[str, Any] = {"event_id": "r", "user_id": "u", "type": "retract", "ts": 2e9}
    back["context"] = {"event_id": "0"}
    log = lines(tmp_path, [*rated([1, 5]), back])
    run = Run(ratings, config({"rating": STARS}), log)
    assert "A0" in run.engine.model.rank("u").ids
    assert "A1" not in run.engine.model.rank("u").ids


def test_a_state_goes_on_where_it_stopped(ratings: Path, tmp_path: Path) -> None:
    of, events = config({"rating": STARS}), (ratings / "events.jsonl").read_text().splitlines()
    whole = Run(ratings, of)
    whole.engine.commit()
    first = tmp_path / "events.jsonl"
    first.write_text("\n".join(events[:200]) + "\n")
    run = Run(ratings, of, first)
    run.engine.commit()
    encoder = load_encoder("hashing")
    again = open_engine(of, encoder, store=run.store)
    step = EncodeStep(encoder, of.events, Catalogue(run.store, encoder.version))
    for batch in batched(read_order(ratings / "events.jsonl", of.events).records(), 7):
        for _, each in step(batch):
            again.process(each)
    again.commit()
    for user in ("lovesA", "lovesB", "u0"):
        assert again.model.recommend(user).entries == whole.engine.model.recommend(user).entries


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "[clean.values.rating]\ndislike_below = 4\nlike_above = 3",
            ["clean.values: 'rating'", "dislike_below 4 is above like_above 3", "at most"],
        ),
        ("[clean.values.rating]\ndislike_below = 3", ["clean.values: 'rating'", "like_above"]),
        (
            "[clean.values.rating]\ndislike_below = 'x'\nlike_above = 3",
            ["clean.values: 'rating' dislike_below", "number"],
        ),
        (
            "[clean.values.rating]\ndislike_below = 1\nlike_above = 3\nlike = 4",
            ["clean.values: 'rating'", "unknown field `like`"],
        ),
        ("[clean.values.rating]\ndislike_below = -inf\nlike_above = 3", ["'rating' dislike_below"]),
        ("[clean]\nvalues = {rating = 3}", ["clean.values: 'rating' is 3"]),
        (
            SCALE.format(3, 3) + "[clean.weights]\nrating = -1",
            ["[clean]", "'rating' weighs -1", "a weight above 0"],
        ),
    ],
)
def test_what_cannot_be_meant_is_one_line_with_place_and_remedy(
    tmp_path: Path, text: str, parts: list[str]
) -> None:
    path = tmp_path / "penchant.toml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_config(path, None, {})
    message = str(caught.value)
    assert "\n" not in message
    for part in [str(path), "docs/reference/config.md", *parts]:
        assert part in message


def test_the_environment_sets_a_scale() -> None:
    text = "{rating = {dislike_below = 2.5, like_above = 3}}"
    found = load_config(None, None, {"PENCHANT_CLEAN__VALUES": text})
    assert found.clean.values == {"rating": ValueScale(dislike_below=2.5, like_above=3)}


@pytest.mark.parametrize(
    ("kind", "values", "scale"),
    [
        ("rating", [1, 2, 3, 4, 5], (3, 3)),
        ("movieReview", [0.5, 3.5, 5], (3, 3)),
        ("映画評価", [1, 5], (3, 3)),
        ("score", [1, 4, 10], (5, 6)),
        ("rating", [1, 2, 3], None),  # of three stars, or of five: nobody knows
        ("rating", [0, 4, 10], None),  # 0 is no star, it may be none
        ("rating", [3.99, 4.5], None),
        ("rating", [80, 95, 100], None),
        ("purchase", [1, 2, 5], None),
        ("separate", [1, 5], None),
    ],
)
def test_what_looks_like_stars(
    kind: str, values: list[float], scale: tuple[float, float] | None
) -> None:
    stars = StarCounts()
    for value in values * 10:
        stars.note(kind, value)
    wanted = (
        {} if scale is None else {kind: ValueScale(dislike_below=scale[0], like_above=scale[1])}
    )
    assert stars.scales() == wanted


def test_few_values_are_no_scale() -> None:
    stars = StarCounts()
    for value in (1, 5, 1, 5):
        stars.note("rating", value)
    stars.note("rating", None)
    assert sounds_like_rating("rating")
    assert stars.scales() == {}
