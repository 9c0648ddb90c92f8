"""The demo, played small: what it prints, what it writes, and who it shows."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from dataflows.cli.demo.demo import run_demo
from dataflows.cli.demo.log import shop_log
from dataflows.cli.demo.people import REMEMBERED, People, describe
from dataflows.cli.demo.view import HitRates, Scene, demo_view
from dataflows.config.config import load_config
from dataflows.config.events import EventSettings
from dataflows.datasets.shop.shop import Shop
from dataflows.messages.raw import Raw

CONFIG = load_config(None, {"encoder.name": "hashing-32"}, {})
FILES = ("recommendations", "intents", "dead-letters")


def screen(*, terminal: bool = False) -> tuple[Console, io.StringIO]:
    held = io.StringIO()
    return Console(file=held, width=100, force_terminal=terminal), held


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The shop, small, played twice into the same folder."""
    out = tmp_path_factory.mktemp("demo")
    told = []
    for _ in range(2):
        console, held = screen()
        run_demo(events=600, out=out, config=CONFIG, console=console)
        told.append(held.getvalue())
    return out, told


def test_it_tells_figures_ledger_and_people(played) -> None:
    _, (told, _) = played
    assert "600 of 600 events" in told
    for word in ("penchant", "popularity", "HR@10", "records:", "dead letters:", "events/s"):
        assert word in told
    people = told.split("Three of them, at the end:")[1]
    assert people.count("is offered:") == 3
    assert people.count("is after:") == 3


def test_files_hold_one_run_each_line_strict_json(played) -> None:
    out, _ = played
    for name in FILES:
        lines = (out / f"{name}.jsonl").read_bytes().splitlines()
        messages = [json.loads(line, parse_constant=pytest.fail) for line in lines]
        assert messages
    last = {}
    for line in (out / "recommendations.jsonl").read_bytes().splitlines():
        message = json.loads(line)
        assert last.get(message["user_id"], -1) <= message["sequence"]  # one run, not two
        last[message["user_id"]] = message["sequence"]


def test_a_second_run_finds_all_texts_in_the_cache_and_gives_the_same_figures(played) -> None:
    _, (first, second) = played
    table = "HR@10"
    figures = [told.split(table)[1].split("dead letters")[0] for told in (first, second)]
    assert figures[0] == figures[1]


def test_a_named_log_is_played_in_the_order_of_time(tmp_path) -> None:
    Shop(seed=1, items=80, users=20).write(tmp_path, 300)
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    (tmp_path / "events.jsonl").write_text("\n".join(reversed(lines)))
    console, held = screen()
    run_demo(
        tmp_path / "events.jsonl",
        tmp_path / "items.jsonl",
        events=250,
        out=tmp_path / "out",
        config=CONFIG,
        console=console,
    )
    assert "250 of 250 events" in held.getvalue()
    assert "events.jsonl" in held.getvalue()


def test_the_shop_interleaves_items_events_and_dirt() -> None:
    raws = list(shop_log(1500).records)
    events = [raw for raw in raws if raw.topic == "events"]
    items = [raw for raw in raws if raw.topic == "items"]
    assert [raw.offset for raw in events] == list(range(len(events)))
    assert [raw.offset for raw in items] == list(range(len(items)))
    assert len(events) > 1500  # some lines are dirt
    first_event = raws.index(events[0])
    assert any(raw.topic == "items" for raw in raws[first_event:])
    assert any(raw.value is None for raw in items)  # and some items leave


def test_people_are_bounded_and_the_newest_stay() -> None:
    people = People(EventSettings(min_time=0.0))
    for n in range(REMEMBERED + 50):
        line = {"event_id": f"e{n}", "user_id": f"u{n}", "type": "search", "ts": n, "text": "tea"}
        people.see(Raw("events", "p", n, n + 1, None, json.dumps(line).encode()))
    kept = list(people._people)
    assert len(kept) == REMEMBERED
    assert kept[-1] == f"u{REMEMBERED + 49}"
    told = list(describe(people._people[kept[-1]], str))
    assert told[1].split() == ["search", '"tea"']
    assert people.some(3) == []  # nobody has a list yet


def scene(done: int, hits: float | None) -> Scene:
    return Scene(done, 100, 50.0, 3.0, 9.0, 5, 5, 1, HitRates(hits, hits and hits / 2), 10, 20)


def test_a_terminal_gets_a_live_panel() -> None:
    console, held = screen(terminal=True)
    with demo_view("a shop", "hashing-32", console) as view:
        view.show(scene(10, None))
        assert not view.is_due(11, 100)  # a moment later
        for done in range(20, 101, 20):
            view.show(scene(done, done / 200))
    shown = held.getvalue()
    assert "penchant · a shop" in shown
    assert "learning only" in shown
    assert "50.0 %" in shown
    assert "█" in shown


def test_without_a_terminal_a_line_for_each_tenth() -> None:
    console, held = screen()
    with demo_view("a shop", "hashing-32", console) as view:
        for done in range(1, 101):
            if view.is_due(done, 100):
                view.show(scene(done, 0.5))
    lines = held.getvalue().splitlines()
    assert len(lines) == 10
    assert "hit rate 50.0 % (popularity 25.0 %)" in lines[0]


def test_nothing_is_said_of_hits_until_enough_were_scored(tmp_path) -> None:
    Shop(seed=1, items=80, users=20).write(tmp_path, 300)
    told = {}
    for events in (120, 300):
        console, held = screen()
        out = tmp_path / "out"
        run_demo(tmp_path / "events.jsonl", None, events, out, CONFIG, console, rounds=False)
        told[events] = held.getvalue()
    assert "hit rate" not in told[120]  # 96 events were scored, at most
    lines = [line for line in told[300].splitlines() if " of 300 events" in line]
    rates = [line for line in lines if "hit rate" in line]
    assert rates
    assert rates == lines[-len(rates) :]
    assert len(rates) < 7  # a third of the log is warm-up or too little to tell of


def test_a_panel_of_intents_shows_their_share() -> None:
    console, held = screen(terminal=True)
    with demo_view("intents", "hashing-32", console) as view:
        for done in range(20, 101, 20):
            view.show(scene(done, None)._replace(recent=HitRates(None, None, done / 200)))
    shown = held.getvalue()
    assert "intent right" in shown
    assert "50.0 %" in shown
    assert "popularity" not in shown
