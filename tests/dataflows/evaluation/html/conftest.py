"""A report of a small shop, the same with many baselines and hostile words, and a real browser."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest

from dataflows.config.config import load_config
from dataflows.datasets.shop.shop import Shop
from dataflows.evaluation.made_by import made_by
from dataflows.evaluation.replay import replay
from encoders.backends.hashing import HashingEncoder
from tests.browser import browser  # noqa: F401 - a fixture

Report = dict[str, Any]

HOSTILE = """<img src=x onerror="hacked=1">"'&</script><script>hacked=1</script>"""


@pytest.fixture(scope="session")
def report(tmp_path_factory) -> Report:
    """The report of a small shop, as it would be read from --json."""
    folder = tmp_path_factory.mktemp("shop")
    Shop(seed=2, items=120, users=40).write(folder, 700)
    config = load_config(None, {"learner.repeats": "off"}, {})
    done = replay(
        config, folder / "events.jsonl", folder / "items.jsonl", encoder=HashingEncoder(32)
    )
    run = made_by(["replay", "events.jsonl", "--html", "report.html"])
    read: Report = json.loads(json.dumps({**done.report, "run": run}, allow_nan=False))
    return read


@pytest.fixture(scope="session")
def crowded(report) -> Report:
    """The report with eleven more baselines, long names, many alarms, and hostile words."""
    full, rng = copy.deepcopy(report), random.Random(0)
    hit_rate, base = f"hr@{full['k']}", full["peers"]["popularity"]
    for name in (*(f"baseline-with-a-name-{number}" for number in range(10)), HOSTILE):
        factor = rng.uniform(0.2, 2.0)
        baseline = scaled(base, factor)
        speed = 10 ** rng.uniform(2, 6)
        full["peers"][name] = {**baseline, "events_per_cpu_second": speed, "notes": [HOSTILE]}
        for curves in (full["running"][hit_rate], full["by_history"][hit_rate]):
            curves[name] = scaled(curves["popularity"], factor)
        by_rank = full["by_rank"]
        by_rank["share"][name] = scaled(by_rank["share"]["popularity"], factor)
        by_rank["hits"][name] = [int(factor * n) for n in by_rank["hits"]["popularity"]]
    full["best_peer"] = max(full["peers"], key=lambda name: full["peers"][name][hit_rate])
    full["running"]["alarms"] = [
        {"signal": signal, "events": at, "learnt": at, "before": 0.2, "after": 0.1}
        for at in range(0, full["scored"], 40)
        for signal in ("hit", "intent_loss")
    ]
    latency = full["latency_ms"]
    latency["first"], latency["max"] = {"ms": 9_000.0, "events": 32}, 9_000.0
    latency["histogram"]["edges"][-1] = 9_000.0
    full["calibration"]["bins"][0]["observed"] = 0.0  # a bin that nothing was taken from
    full["left_out"] = {"absent": HOSTILE}
    full["log"] = HOSTILE
    full["run"]["command"] = HOSTILE
    return full


def scaled(value: Any, factor: float) -> Any:
    """All figures in it, but for counts, times a factor."""
    if isinstance(value, dict):
        return {
            key: each if key == "events" else scaled(each, factor) for key, each in value.items()
        }
    if isinstance(value, list):
        return [scaled(each, factor) for each in value]
    return value * factor if isinstance(value, float) else value


@pytest.fixture(scope="session")
def pages(report, crowded, tmp_path_factory) -> dict[str, Path]:
    """Both reports as files."""
    from dataflows.evaluation.html.write import write_html

    folder = tmp_path_factory.mktemp("pages")
    for name, each in (("small", report), ("crowded", crowded)):
        write_html(each, folder / f"{name}.html")
    return {name: folder / f"{name}.html" for name in ("small", "crowded")}
