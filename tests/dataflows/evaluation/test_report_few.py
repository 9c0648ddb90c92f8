"""What the screen says of figures that are of few events."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from dataflows.config.config import load_config
from dataflows.evaluation.replay import ReplaySettings, replay
from dataflows.evaluation.report import of_few, render

CONFIG = load_config(None, {"encoder.name": "hashing-32"}, {})


def log_of(path: Path, taken: list[tuple[str, str]]) -> tuple[Path, Path]:
    lines = [
        {"event_id": n, "user_id": user, "type": "view", "item_id": item, "ts": 1700000000 + n}
        for n, (user, item) in enumerate(taken)
    ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    items = path.with_name("items.jsonl")
    rows = ({"item_id": item, "title": f"thing {item}"} for item in sorted({i for _, i in taken}))
    items.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path, items


def test_of_four_events_the_screen_says_what_each_figure_is_of(tmp_path) -> None:
    taken = [("u1", "a"), ("u1", "b"), ("u2", "a"), ("u2", "c"), ("u3", "a")]
    settings = ReplaySettings(against=("popularity",))
    report = replay(CONFIG, *log_of(tmp_path / "events.jsonl", taken), settings).report
    held = io.StringIO()
    render(report, Console(file=held, width=100))
    said = " ".join(held.getvalue().split())
    assert report["scored"] == 4
    assert (
        "these figures are of 4 events only (4 cold, 0 warm): one hit more or less moves HR@10 by "
        "0.2500, so they say little"
    ) in said
    new = report["new_items"]
    assert (new["events"], new["listed"]) == (2, 2)
    assert (
        "2 of the 4 events scored are on items that nobody had met before: misses in all figures "
        f"above. The catalogue knew 2 of them by their text, and {new['hits']} were in the first"
    ) in said
    young = report["tie_safe"]["young"]
    assert (
        "apart from those figures, HR@10 of the 4 events on items with fewer than 5 events so far, "
        f"what is found by its text alone being a hit here: {young['hr@10']:.4f}; of the 2 on "
        f"items met before {young['met']['hr@10']:.4f}; of the best baseline, popularity,"
    ) in said
    assert report["tie_safe"]["hr@10"] < young["hr@10"]


@pytest.mark.parametrize(
    ("scored", "cold", "said"),
    [
        (1, 1, "these figures are of 1 event only (1 cold, 0 warm)"),
        (99, 60, "these figures are of 99 events only (60 cold, 39 warm)"),
        (150, 149, "HR WARM is of 1 event only"),
        (150, 60, "HR COLD is of 60 events only, HR WARM is of 90 events only"),
        (150, 0, ""),
        (400, 200, ""),
    ],
)
def test_parts_of_few_events_are_named(scored, cold, said) -> None:
    parts = {"cold": {"events": cold}, "warm": {"events": scored - cold}}
    told = of_few({"k": 10, "scored": scored, "tie_safe": parts})
    assert told.startswith(said)
    assert bool(told) == bool(said)
