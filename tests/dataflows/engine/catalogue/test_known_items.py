"""How many items of the events the catalogue knows is told by a run, a replay and a check."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from rich.console import Console

from dataflows.app.run import run
from dataflows.config.config import load_config
from dataflows.engine.catalogue.known_items import EARLY, KnownItems, tell_joined
from dataflows.evaluation.replay import replay
from dataflows.evaluation.report import render

T = 1_772_355_600


def log(folder: Path, items: list[str]) -> Path:
    path = folder / "events.jsonl"
    lines = [
        {"event_id": n, "user_id": f"u{n % 5}", "item_id": item, "type": "view", "ts": T + n}
        for n, item in enumerate(items)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def catalogue(folder: Path, items: list[str]) -> Path:
    path = folder / "items.jsonl"
    rows = [{"item_id": item, "title": f"thing {item}"} for item in items]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def config(folder: Path, **more: object):
    names = {"files.events": "events.jsonl", "files.output": "out", "state.path": "state"}
    paths = {name: str(folder / file) for name, file in names.items()}
    return load_config(None, {"encoder.name": "hashing-32", **paths, **more}, {})


def shown(report: dict) -> str:
    console = Console(width=200, no_color=True)
    with console.capture() as captured:
        render(report, console)
    return captured.get()


def test_a_run_tells_items_that_only_the_events_know(shared: Path, tmp_path: Path, caplog):
    events = shared / "cases" / "catalogue" / "ghost_events.jsonl"
    rows = catalogue(tmp_path, ["i0", "i1", "i2", "i3"])
    with caplog.at_level(logging.INFO):
        run(config(tmp_path, **{"files.events": str(events), "files.items": str(rows)}))
    assert (
        "the catalogue knows 2 of 3 items of events, 50.0% of the events that name one; not 'ghost'"
    ) in caplog.text


@pytest.mark.parametrize(
    ("known", "level", "words"),
    [
        (["10", "11", "12"], logging.WARNING, "knows 0 of 3 items of events, 0.0%"),
        (["10.0", "7", "8"], logging.WARNING, "knows 1 of 3 items of events, 33.3%"),
        (["10.0", "11.0", "12.0"], logging.INFO, "knows 3 of 3 items of events, 100.0%"),
        ([], logging.WARNING, "the catalogue holds no item"),
    ],
)
def test_few_are_a_warning_with_the_remedy(tmp_path: Path, caplog, known, level, words):
    log(tmp_path, ["10.0", "11.0", "12.0"] * 4)
    rows = catalogue(tmp_path, known)
    with caplog.at_level(logging.INFO):
        run(config(tmp_path, **{"files.items": str(rows)}))
    (line,) = [
        one for one in caplog.records if one.name == "dataflows.engine.catalogue.known_items"
    ]
    assert words in line.getMessage()
    assert line.levelno == level
    assert ("penchant check" in line.getMessage()) == (level == logging.WARNING)


def test_a_run_without_a_catalogue_says_nothing_of_one(tmp_path: Path, caplog):
    log(tmp_path, ["a", "b"])
    with caplog.at_level(logging.INFO):
        run(config(tmp_path))
    assert "the catalogue" not in caplog.text


def test_a_replay_has_the_figures_and_tells_them(tmp_path: Path):
    events = log(tmp_path, ["a", "b", "ghost", "a"] * 10)
    rows = catalogue(tmp_path, ["a", "b", "c"])
    told = replay(config(tmp_path), events, rows).report
    assert told["catalogue"] == {
        "catalogue": 3,
        "events": 40,
        "events_known": 30,
        "items": 3,
        "items_known": 2,
        "is_exact": True,
        "unknown": ["ghost"],
    }
    assert "the catalogue knows 2 of 3 items of events, 75.0%" in shown(told)
    assert "penchant check" not in shown(told)
    assert replay(config(tmp_path), events).report["catalogue"] is None
    strange = replay(config(tmp_path), events, catalogue(tmp_path, ["A", "B"])).report
    assert "knows 0 of 3 items" in shown(strange)
    assert "penchant check" in shown(strange)


def test_a_stream_that_goes_on_is_warned_of_once(caplog):
    known = KnownItems()
    for number in range(EARLY):
        known.note(f"i{number}", is_known=number % 3 == 0)
    with caplog.at_level(logging.INFO):
        tell_joined(known.joined(5), is_end=False)
        assert caplog.records.pop().levelno == logging.WARNING
        tell_joined(KnownItems().joined(5), is_end=True)
        for number in range(EARLY):
            known.note(f"i{number}", is_known=True)
        tell_joined(known.joined(5), is_end=False)
    assert not caplog.records


def test_what_is_unknown_is_shown_in_part():
    known = KnownItems()
    for number in range(20):
        known.note(f"x{number % 10}", is_known=False)
    told = known.joined(3).summary()
    assert told.endswith("not 'x0', 'x1', 'x2', 'x3', 'x4', ...")
