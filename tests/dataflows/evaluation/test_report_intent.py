"""A log of intents alone: no list is judged, and the figures of intent are what is told."""

from __future__ import annotations

import io
import json
import random
import re
from pathlib import Path

import pytest
from rich.console import Console

from dataflows.cli.demo.demo import run_demo
from dataflows.config.config import load_config
from dataflows.evaluation.html.write import html
from dataflows.evaluation.made_by import made_by, title_of
from dataflows.evaluation.replay import Replay, ReplaySettings, replay
from dataflows.evaluation.report import render

WORDS = {"card": "card lost pin atm", "loan": "loan rate month credit", "app": "login app phone"}
CONFIG = load_config(None, {"encoder.name": "hashing-32"}, {})


def write_log(path: Path, n: int, labels: bool = True) -> Path:
    draw = random.Random(3)
    lines = []
    for place in range(n):
        label = draw.choice(list(WORDS))
        text = " ".join(draw.choices(WORDS[label].split(), k=4))
        event = {"event_id": place, "user_id": f"u{place % 50}", "type": "query", "text": text}
        event |= {"ts": 1_700_000_000 + 3600 * place} | ({"intent": label} if labels else {})
        lines.append(json.dumps(event))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Path:
    return write_log(tmp_path_factory.mktemp("intents") / "[b]events.jsonl", 1000)


@pytest.fixture(scope="module")
def done(log) -> Replay:
    return replay(CONFIG, log)


def shown(report) -> str:
    held = io.StringIO()
    render(report, Console(file=held, width=100))
    return held.getvalue()


def test_the_screen_shows_the_figures_of_intent_and_no_dashes(done) -> None:
    told = shown(done.report)
    of = done.report["intent"]
    assert "[b]events.jsonl: intent of 1,000 events with one of 3 labels" in told
    for figure in (of["accuracy"], of["accuracy_last_fifth"], of["top3"], of["log_loss"]):
        assert f"{figure:.4f}" in told
    assert f"{of['belief']['accuracy']:.4f}" in told
    assert "No list was judged: no event behind the warm-up names an item" in told
    assert "HR@10" not in told
    assert "latency of a list" not in told
    assert "records: 1,000 in = 1,000 learnt" in told


def test_the_running_figures_end_with_the_mean_of_the_last_window(done) -> None:
    of, running = done.report["intent"], done.report["intent"]["running"]
    assert running["window"] == 200
    assert (running["events"][0], running["events"][-1]) == (200, 1000)
    assert len(running["accuracy"]) == len(running["belief"]) == len(running["events"])
    # The last window is the last fifth.
    assert running["accuracy"][-1] == pytest.approx(of["accuracy_last_fifth"])
    assert running["belief"][-1] == pytest.approx(of["belief"]["accuracy_last_fifth"])


def test_the_page_is_about_intent(done, log) -> None:
    run = made_by(["replay", str(log)])
    page = html({**done.report, "title": title_of(log), "run": run})
    of = done.report["intent"]
    assert re.findall(r"<h2>(.*?)</h2>", page) == [
        "Summary",
        "Intent",
        "Latency",
        "How it was made",
    ]
    assert "1,000 labelled events of 50 users, each judged before its label was seen" in page
    assert f"The label was foreseen for {100 * of['accuracy']:.1f} %" in page
    assert f"<strong>{of['accuracy']:.4f}</strong>" in page
    assert "Intent foreseen over the stream" in page
    assert "HR@10" not in page
    cards = page[page.index('class="cards"') : page.index("</ul>", page.index('class="cards"'))]
    assert "\N{EN DASH}" not in cards.replace(
        '<strong>\N{EN DASH}</strong><span class="note">no such', ""
    )


def test_a_page_is_titled_by_the_log_and_its_folder(done, log) -> None:
    title = title_of(log)
    assert title == f"{log.parent.name}/[b]events.jsonl"
    page = html({**done.report, "title": title})
    assert f"<title>{title}: replay report</title>" in page
    assert f"<h1>{title}</h1>" in page


def test_without_labels_it_is_said_why_nothing_is_told(tmp_path) -> None:
    log = write_log(tmp_path / "plain.jsonl", 60, labels=False)
    report = replay(CONFIG, log, settings=ReplaySettings(against=())).report
    told = shown(report)
    assert "No list was judged: no event behind the warm-up names an item to rank (48 do not)" in (
        " ".join(told.split())
    )
    assert "intent of" not in told
    assert "HR@10" not in told
    assert "Against the labels" not in html(report)


def test_a_log_of_one_micro_batch_has_its_latency(tmp_path) -> None:
    log = write_log(tmp_path / "short.jsonl", 20)
    report = replay(CONFIG, log, settings=ReplaySettings(against=())).report
    assert report["latency_ms"]["later"]["p50"] is None
    told = shown(report)
    assert f"{report['latency_ms']['p50']:.1f} ms (p50)" in " ".join(told.split())
    assert "which compiles" not in told
    assert '<strong>\N{EN DASH}</strong><span class="note">p50' not in html(report)


def test_the_demo_of_intents_tells_how_many_were_foreseen(log, tmp_path) -> None:
    held = io.StringIO()
    console = Console(file=held, width=100)
    run_demo(log, out=tmp_path / "out", config=CONFIG, console=console, rounds=False)
    told = held.getvalue()
    lines = [line for line in told.splitlines() if " of 1,000 events  " in line]
    assert re.search(r"intent right \d+\.\d %", lines[-1])
    assert "hit rate" not in told
    assert "intent of 1,000 events with one of 3 labels" in told
    assert told.split("Three of them, at the end:")[1].count("is after:") == 3
