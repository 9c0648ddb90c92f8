"""Honesty of the replay: no look ahead, nothing hangs on names, runs agree to the last digit."""

from __future__ import annotations

import csv
import json
import random
from functools import partial
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bytewax.outputs import DynamicSink, StatelessSinkPartition

from dataflows.config.config import load_config
from dataflows.datasets.shop.shop import Shop
from dataflows.errors import InputError
from dataflows.evaluation.judging.prequential import Prequential
from dataflows.evaluation.log_order import read_order
from dataflows.evaluation.observer import ReplayObserver
from dataflows.evaluation.offline_flow import (
    PlaySource,
    batched,
    catalogue_records,
    open_engine,
    play,
)
from dataflows.evaluation.replay import Replay, ReplaySettings, replay
from dataflows.evaluation.timing import Pace
from dataflows.state.outbox import Out
from encoders.load import load_encoder

Lines = list[dict[str, Any]]

ENCODER = "hashing-32"
TIMING = ("events_per_cpu_second", "cpu_seconds", "wall_seconds", "latency_ms")


def write(path: Path, lines: Lines) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def played(
    folder: Path, events: Lines, items: Lines, *, batch_size: int = 32, **overrides: object
) -> Replay:
    folder.mkdir(exist_ok=True)
    given = {f"learner.{name}": value for name, value in overrides.items()}
    return replay(
        load_config(None, {"encoder.name": ENCODER, **given}, {}),
        write(folder / "events.jsonl", events),
        write(folder / "items.jsonl", items),
        ReplaySettings(batch_size=batch_size),
    )


def figures(done: Replay) -> dict[str, Any]:
    """The report without what a clock measured."""

    def without(report: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in report.items() if name not in TIMING}

    baselines = {name: without(baseline) for name, baseline in done.report["peers"].items()}
    return {**without(done.report), "peers": baselines, "intent": without(done.report["intent"])}


def ranks(done: Replay, name: str = "tie_safe") -> dict[str, int]:
    return dict(zip(done.scored.event_ids, done.scored.column(name).tolist(), strict=True))


@pytest.fixture(scope="module")
def shop() -> tuple[Lines, Lines]:
    """Events, every third of which has the time of the one before where the user is the same."""
    made = Shop(seed=3, items=250, users=60)
    events = list(made.events(1200))
    for before, event in pairwise(events):
        if before["user_id"] == event["user_id"] and int(event["event_id"][1:]) % 3 == 0:
            event["ts"] = before["ts"]
    return events, made.items()


@pytest.fixture(scope="module")
def base(shop, tmp_path_factory) -> Replay:
    return played(tmp_path_factory.mktemp("base"), *shop, repeats="off")


def test_the_report_is_whole_and_the_ledger_balances(base, shop) -> None:
    report = base.report
    assert report["events"]["in"] == len(shop[0])
    counted = report["scored"] + sum(report["unscored"].values())
    assert counted == report["events"]["learnt"] > 1000
    assert report["scored"] > 400
    for variant in ("tie_safe", "plain", "as_served"):
        assert {"hr@10", "ndcg@10", "mrr@10", "cold", "warm", "interval"} <= set(report[variant])
        assert len(report[variant]["quarters"]) == 4
    assert report["unscored"]["group_began_in_warmup"] == 0
    assert report["events_per_cpu_second"] > 0
    assert 0 < report["latency_ms"]["p50"] <= report["latency_ms"]["p99"]
    assert report["versions"]["encoder"].startswith("hashing-32")
    assert report["seed"] == 0
    assert 0 < report["coverage"] <= 1
    json.dumps(report, allow_nan=False)


def test_what_comes_later_changes_no_rank_before(base, shop, tmp_path) -> None:
    events, items = shop
    cut = 800
    rng = random.Random(0)
    choice = [item["item_id"] for item in items]
    future = [
        {**event, "user_id": f"u{rng.randrange(40)}", "item_id": rng.choice(choice), "type": "view"}
        for event in events[cut:]
    ]
    other = played(tmp_path, events[:cut] + future, items, repeats="off")
    kept = {event["event_id"] for event in events[:cut]}
    for name in ("tie_safe", "plain", "as_served", "popularity"):
        before, after = ranks(base, name), ranks(other, name)
        assert {i: r for i, r in before.items() if i in kept} == {
            i: r for i, r in after.items() if i in kept
        }
    assert ranks(base) != ranks(other)


def test_renaming_users_and_items_changes_no_figure(base, shop, tmp_path) -> None:
    events, items = shop
    rng = random.Random(1)
    names: dict[str, str] = {}

    def renamed(name: str) -> str:
        return names.setdefault(name, f"x{rng.randrange(10**9)}")

    new_events = [
        {
            **event,
            "user_id": renamed(event["user_id"]),
            **({"item_id": renamed(event["item_id"])} if event.get("item_id") else {}),
        }
        for event in events
    ]
    new_items = [{**item, "item_id": renamed(item["item_id"])} for item in items]
    other = played(tmp_path, new_events, new_items, repeats="off")
    assert figures(other) == figures(base)
    assert ranks(other) == ranks(base)


def test_two_runs_agree_to_the_last_digit(base, shop, tmp_path) -> None:
    again = played(tmp_path, *shop, repeats="off")
    assert figures(again) == figures(base)
    assert ranks(again, "as_served") == ranks(base, "as_served")


def test_another_batch_size_changes_as_served_only(base, shop, tmp_path) -> None:
    other = played(tmp_path, *shop, repeats="off", batch_size=1)
    for name in ("tie_safe", "plain", "popularity", "popularity-decayed"):
        assert ranks(other, name) == ranks(base, name)
    # Asked event by event, the list last sent is hardly older than the one asked for now.
    assert other.report["as_served"]["hr@10"] > base.report["as_served"]["hr@10"]


def test_items_drawn_uniformly_score_at_chance(shop, tmp_path) -> None:
    rng = random.Random(2)
    _, items = shop
    choice = [item["item_id"] for item in items]
    events = [
        {
            "event_id": f"e{n}",
            "user_id": f"u{rng.randrange(40)}",
            "item_id": rng.choice(choice),
            "type": "view",
            "ts": 1.7e9 + n,
        }
        for n in range(1200)
    ]
    done = played(tmp_path, events, items, repeats="off")
    among = done.scored.column("candidates")
    chance = np.minimum(1.0, 10 / among)
    spread = np.sqrt((chance * (1 - chance)).sum()) / len(among)
    assert done.report["tie_safe"]["hr@10"] < chance.mean() + 3 * spread
    assert done.report["plain"]["hr@10"] < chance.mean() + 3 * spread


def test_repeats_follow_the_warmup(shop, tmp_path) -> None:
    on = played(tmp_path, *shop)
    assert on.report["settings"]["repeats"] == "on"
    assert on.report["repeat_share"] > 0.05
    assert on.report["unscored"]["repeat"] == 0
    parts = on.report["repeats"]
    assert parts["repeat"]["events"] + parts["new"]["events"] == on.report["scored"]
    assert parts["repeat"]["hr@10"] > parts["new"]["hr@10"]


def test_bad_lines_change_no_rank(base, shop, tmp_path) -> None:
    events, items = shop
    write(tmp_path / "items.jsonl", items)
    lines = [json.dumps(event) for event in events]
    for place in (900, 500, 100):
        lines.insert(place, '{"event_id": "bad"')
    (tmp_path / "dirty.jsonl").write_text("\n".join(lines))
    done = replay(
        load_config(None, {"encoder.name": ENCODER, "learner.repeats": "off"}, {}),
        tmp_path / "dirty.jsonl",
        tmp_path / "items.jsonl",
    )
    assert done.report["events"]["dead_letter"] == 3
    assert done.report["events"]["in"] == len(events) + 3
    both = ranks(done)
    assert both == ranks(base)


class Keep(StatelessSinkPartition):
    """Keeps every message."""

    def __init__(self, outs: list[Out], acknowledge) -> None:
        self.outs = outs
        self.acknowledge = acknowledge

    def write_batch(self, items: list[Out]) -> None:
        self.outs += items
        for out in items:
            self.acknowledge(out.number)


class KeepSink(DynamicSink):
    def __init__(self, outs: list[Out], acknowledge) -> None:
        self.outs = outs
        self.acknowledge = acknowledge

    def build(self, step_id, worker_index, worker_count) -> Keep:
        return Keep(self.outs, self.acknowledge)


def messages(
    folder: Path, watch: ReplayObserver | None
) -> list[tuple[str, bytes | None, dict[str, Any]]]:
    """All messages of the flow but for the time that is stamped on them."""
    config = load_config(None, {"encoder.name": ENCODER, "learner.repeats": "off"}, {})
    encoder, order = load_encoder(ENCODER), read_order(folder / "events.jsonl", config.events)
    engine = open_engine(config, encoder, watch)
    items = catalogue_records(folder / "items.jsonl", 10_000)
    source = PlaySource(batched(chain(items, order.records()), 7), Pace())
    outs: list[Out] = []
    play(config, source, partial(KeepSink, outs), engine, encoder)
    engine.ledger.balance()
    told = [(out.topic, out.key, json.loads(out.value)) for out in outs]
    for _, _, message in told:
        del message["time"]
    return told


def test_the_judge_changes_nothing_of_what_is_sent(shop, tmp_path) -> None:
    write(tmp_path / "events.jsonl", shop[0][:500])
    write(tmp_path / "items.jsonl", shop[1])
    watch = ReplayObserver(Prequential(0, repeats_on=False), "events.jsonl")
    watched = messages(tmp_path, watch)
    assert len(watch.judge.scored) > 200
    assert watched == messages(tmp_path, None)
    assert watch.lists == sum(topic == "recommendations" for topic, _, _ in watched)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"warmup": 1.0}, "warmup is 1.0"),
        ({"warmup": -0.1}, "warmup is -0.1"),
        ({"limit": 0}, "limit is 0"),
        ({"batch_size": 0}, "batch_size is 0"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(wrong, told) -> None:
    with pytest.raises(InputError, match=told):
        ReplaySettings(**wrong)


def ml100k_log(folder: Path, into: Path) -> tuple[Path, Path]:
    with (folder / "ml-100k.inter").open(encoding="utf-8") as file:
        rows = list(csv.reader(file, delimiter="\t"))[1:]
    with (folder / "ml-100k.item").open(encoding="utf-8") as file:
        films = list(csv.reader(file, delimiter="\t"))[1:]
    events = [
        {
            "event_id": f"e{n}",
            "user_id": user,
            "item_id": item,
            "type": "rating",
            "ts": float(ts),
            "value": float(value),
        }
        for n, (user, item, value, ts) in enumerate(rows)
    ]
    items = [{"item_id": row[0], "title": row[1], "categories": row[3].split()} for row in films]
    return write(into / "events.jsonl", events), write(into / "items.jsonl", items)


def test_a_prefix_of_ml100k(ml100k, tmp_path) -> None:
    log, items = ml100k_log(ml100k, tmp_path)
    config = load_config(None, {"encoder.name": ENCODER}, {})
    report = replay(config, log, items, ReplaySettings(limit=2000)).report
    assert report["scored"] == 1600
    assert report["settings"]["repeats"] == "off"
    assert report["tie_safe"]["hr@10"] > 0.08
    assert report["peers"]["popularity"]["lead"]["interval"]["hr@10"][0] > 0.03


@pytest.mark.slow
def test_ml100k_whole(ml100k, tmp_path) -> None:
    log, items = ml100k_log(ml100k, tmp_path)
    report = replay(load_config(None, {"encoder.name": "hashing"}, {}), log, items).report
    assert report["scored"] == 80_000
    assert report["tie_safe"]["hr@10"] >= 0.195
    assert report["tie_safe"]["ndcg@10"] >= 0.100


@pytest.mark.slow
def test_ml100k_with_films_drawn_uniformly_is_at_chance(ml100k, tmp_path) -> None:
    log, items = ml100k_log(ml100k, tmp_path)
    events = [json.loads(line) for line in log.read_text().splitlines()]
    films = [json.loads(line)["item_id"] for line in items.read_text().splitlines()]
    rng = random.Random(0)
    write(log, [{**event, "item_id": rng.choice(films)} for event in events])
    config = load_config(None, {"encoder.name": "hashing", "learner.repeats": "off"}, {})
    report = replay(config, log, items).report
    assert report["tie_safe"]["hr@10"] <= 0.012
