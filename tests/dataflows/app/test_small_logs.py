"""The small logs beside the project through the whole process: every line counted, lists whole.

Whether the right item comes first in them is a matter of the learners.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataflows.app.run import run
from dataflows.config.config import load_config

LOGS = [
    ("basket/events_same_ts.jsonl", "basket/items.jsonl"),
    ("basket/events_20s_apart.jsonl", "basket/items.jsonl"),
    ("basket/tiny_same_ts.jsonl", "basket/tiny_items.jsonl"),
    ("basket/tiny_times.jsonl", "basket/tiny_items.jsonl"),
    ("coldstart/events.jsonl", "coldstart/items.jsonl"),
    ("ratings/events.jsonl", "ratings/items.jsonl"),
    ("reasons/events.jsonl", "reasons/items.jsonl"),
    ("reasons/one_event/events.jsonl", "reasons/one_event/items.jsonl"),
]


@pytest.mark.parametrize(("events", "items"), LOGS)
def test_every_line_is_counted_and_lists_hold_items_that_are_there(
    shared: Path, tmp_path: Path, events: str, items: str
) -> None:
    cases = shared / "cases"
    given = {
        "files.events": str(cases / events),
        "files.items": str(cases / items),
        "files.output": str(tmp_path / "output"),
        "state.path": str(tmp_path / "state"),
        "encoder.name": "hashing-32",
        "encoder.disk_texts": 0,
    }
    (engine,) = run(load_config(None, given, {}))
    lines = (cases / events).read_bytes().splitlines()
    assert engine.ledger.balance() == sum(1 for line in lines if line.strip())
    known = {json.loads(row)["item_id"] for row in (cases / items).read_bytes().splitlines()}
    sent = (tmp_path / "output/recommendations.jsonl").read_bytes().splitlines()
    lists = [json.loads(line) for line in sent]
    users = {json.loads(line)["user_id"] for line in lines}
    assert {one["user_id"] for one in lists} == users
    for one in lists:
        shown = [place["item_id"] for place in one["items"]]
        assert len(set(shown)) == len(shown)
        assert set(shown) <= known


@pytest.mark.parametrize(("heavy", "first"), [("buy", ["a", "b"]), ("view", ["b", "a"])])
def test_what_weighs_more_comes_first_for_every_visitor(
    shared: Path, tmp_path: Path, heavy: str, first: list[str]
) -> None:
    """`a` is bought and `b` viewed, in turn, a new visitor after each pair."""
    given = {
        "files.events": str(shared / "cases/coldstart/events.jsonl"),
        "files.items": str(shared / "cases/coldstart/items.jsonl"),
        "files.output": str(tmp_path / "output"),
        "files.batch_size": 1,
        "state.path": str(tmp_path / "state"),
        "encoder.name": "hashing",
        "encoder.disk_texts": 0,
        "clean.weights": {heavy: 5},
    }
    run(load_config(None, given, {}))
    sent = (tmp_path / "output/recommendations.jsonl").read_bytes().splitlines()
    lists = [json.loads(line) for line in sent]
    visitors = [one for one in lists if one["user_id"].startswith("v")]
    assert len(visitors) > 10
    for one in visitors:
        assert [place["item_id"] for place in one["items"]][:2] == first, one["user_id"]
