"""A `penchant run` over a small shop, with an item and a user whose names try everything."""

from __future__ import annotations

import json
from pathlib import Path

from dataflows.datasets.shop.shop import Shop
from tests.dataflows.processes import Run

HOSTILE_TITLE = """<img src=x onerror="hacked=1"> & <b>lamp</b>"""
ODD_ITEM = "../a b?#%2F é"
ODD_USER = "é/b <i>?#%41"
SEARCH = "bike helmet"
SETTINGS = """[serve]
enabled = true
port = 0
[serve.leaderboards.most-looked-at]
score = 'count("view")'
"""
ENV = {"PENCHANT_FILES__ITEMS": "items.jsonl"}


def write_shop(run: Run, events: int = 700) -> None:
    """Write the shop's catalogue, and its events in the file that the run follows."""
    made = run.folder / "made"
    made.mkdir()
    Shop(seed=2, items=120, users=40).write(made, events)
    odd = {"item_id": ODD_ITEM, "title": HOSTILE_TITLE, "categories": ["<i>x</i>"]}
    catalogue = (made / "items.jsonl").read_text() + json.dumps(odd) + "\n"
    (run.folder / "items.jsonl").write_text(catalogue)
    lines = (made / "events.jsonl").read_text().splitlines()
    taken = [one for one in map(json.loads, lines) if one.get("item_id")]
    newest = max(one["ts"] for one in taken)
    items = [taken[0]["item_id"], taken[1]["item_id"], ODD_ITEM]
    for number, item in enumerate(items):
        lines.append(event(f"odd{number}", ODD_USER, item, newest + 1 + number))
    run.events.write_text("\n".join(lines) + "\n")


def event(event_id: str, user_id: str, item_id: str, ts: float) -> str:
    """A view, as a line."""
    view = {"event_id": event_id, "user_id": user_id, "type": "view", "item_id": item_id, "ts": ts}
    return json.dumps(view)


def shop_run(folder: Path, events: int = 700) -> Run:
    """Make a run over a shop, not yet started."""
    run = Run(folder, settings=SETTINGS)
    write_shop(run, events)
    return run
