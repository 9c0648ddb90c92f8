"""The command line: help, one line where something is wrong, and files where they are asked for."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys

import pytest

from dataflows.cli.main import run_command
from dataflows.datasets.convert import FORMATS
from dataflows.datasets.shop.shop import Shop

OURS = "popularity,popularity-decayed"

COMMANDS = [
    ["run"],
    ["replay"],
    ["check"],
    ["convert"],
    ["demo"],
    ["topics", "create"],
    ["models", "list"],
    ["models", "show"],
    ["models", "promote"],
    ["models", "rollback"],
    ["models", "gc"],
    ["models", "compress"],
    ["state", "check"],
    ["state", "backup"],
    ["state", "restore"],
    ["version"],
]


@pytest.fixture
def penchant(monkeypatch, capsys):
    def call(*args: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["penchant", *map(str, args)])
        status = run_command()
        told = capsys.readouterr()
        return status, told.out, told.err

    return call


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    Shop(seed=1, items=80, users=20).write(folder, 300)
    return folder


def test_help_names_every_command(penchant) -> None:
    status, out, _ = penchant()
    assert status == 0
    for command in COMMANDS:
        assert command[0] in out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(penchant, command) -> None:
    status, out, _ = penchant(*command, "--help")
    assert status == 0
    assert f"penchant {' '.join(command)}" in out.split("Example", 1)[1]


def test_the_help_of_convert_names_every_format(penchant) -> None:
    out = " ".join(penchant("convert", "--help")[1].split())
    assert f"one of {', '.join(FORMATS)}, or what another package brings" in out


def test_version(penchant) -> None:
    assert penchant("version")[1].startswith("penchant ")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["replay"], "Missing argument"),
        (["replay", "x.jsonl", "--k", "ten"], "--k"),
        (["replay", "x.jsonl", "--repeats", "maybe"], "maybe"),
        (["replay", "gone.jsonl"], "gone.jsonl: cannot be read"),
        (["replay", "gone.jsonl", "--k", "0"], "k is 0"),
        (["replay", "gone.jsonl", "--warmup", "1.5"], "warmup is 1.5"),
        (["replay", "gone.jsonl", "--json", "nowhere/out.json"], "there is no folder nowhere"),
        (["replay", "gone.jsonl", "--html", "nowhere/out.html"], "there is no folder nowhere"),
        (["check", "gone.jsonl"], "gone.jsonl"),
        (["convert", "vinyl", ".", "-o", "out"], "'vinyl' is unknown"),
        (["convert", "recbole", "gone", "-o", "out"], "gone: no such file"),
        (["run", "--config", "gone.toml"], "gone.toml"),
        (["demo", "--events", "1"], "events is 1"),
        (["demo", "--items", "items.jsonl"], "without a log"),
        (["demo", "gone.jsonl"], "gone.jsonl: cannot be read"),
        (["topics"], "Missing command"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(penchant, monkeypatch, tmp_path, args, told) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, err = penchant(*args)
    assert status == 2
    assert out == ""
    assert err.startswith("penchant: ")
    assert told in err
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_a_bad_config_value_is_said_in_one_line(penchant, tmp_path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("[learner]\nk = -3\n")
    for args in (["run"], ["replay", "x.jsonl"], ["check", "x.jsonl"], ["topics", "create"]):
        status, _, err = penchant(*args, "--config", path)
        assert (status, err.count("\n")) == (2, 1)
        assert "k is -3" in err
        assert "bad.toml" in err


def test_an_unreachable_broker_is_said_in_one_line(penchant, monkeypatch) -> None:
    monkeypatch.setenv("PENCHANT_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("PENCHANT_KAFKA__START_SECONDS", "1")
    status, _, err = penchant("topics", "create")
    assert status == 2
    assert "127.0.0.1:1" in err
    assert err.count("\n") == 1


def test_check_reports_on_a_log(penchant, log) -> None:
    status, out, err = penchant("check", log / "events.jsonl")
    assert (status, err) == (0, "")
    assert "300" in out


def test_check_says_by_its_status_what_is_usable(penchant, log, tmp_path) -> None:
    events, items = log / "events.jsonl", log / "items.jsonl"
    assert penchant("check", events, "--items", items)[0] == 0
    nothing = tmp_path / "nothing.jsonl"
    nothing.write_text('{"no": "event"}\n{"no": "event"}\n')
    status, out, err = penchant("check", nothing)
    assert (status, err) == (1, "")
    assert "Nothing of this is usable" in out
    assert penchant("check", events, "--items", nothing)[0] == 1
    one = {"event_id": 1, "user_id": "u", "item_id": "a", "type": "view", "ts": 1_700_000_000}
    good = tmp_path / "good.jsonl"
    good.write_text(json.dumps(one) + "\n")
    assert penchant("check", good, "--strict")[0] == 0
    good.write_text(json.dumps(one) + "\n{}\n")
    assert penchant("check", good)[0] == 0
    assert penchant("check", good, "--strict")[0] == 1
    assert penchant("check", good, "--items", tmp_path / "gone.jsonl")[0] == 2


def test_replay_writes_report_and_ranks(penchant, log, tmp_path) -> None:
    report_path, ranks_path = tmp_path / "report.json", tmp_path / "ranks.csv"
    page_path = tmp_path / "report.html"
    status, out, err = penchant(
        "replay",
        log / "events.jsonl",
        *("--items", log / "items.jsonl", "--encoder", "hashing-32", "--k", 5, "--warmup", 0.5),
        *("--repeats", "off", "--json", report_path, "--ranks", ranks_path, "--limit", 250),
        *("--seed", 7, "--batch-size", 4, "--html", page_path),
    )
    assert (status, err) == (0, "")
    assert "popularity" in out
    report = json.loads(report_path.read_bytes())
    assert (report["k"], report["seed"]) == (5, 7)
    assert report["run"]["command"].startswith("penchant replay ")
    page = page_path.read_text(encoding="utf-8")
    assert f"{report['tie_safe']['hr@5']:.4f}" in page
    assert "HR@5 over the stream" in page
    assert report["settings"]["batch_size"] == 4
    assert report["settings"]["repeats"] == "off"
    assert report["events"]["in"] == 250
    assert report["unscored"]["warmup"] == 125
    with ranks_path.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == report["scored"] > 0
    hits = sum(row["rank"] != "" and int(row["rank"]) <= 5 for row in rows)
    assert hits / len(rows) == pytest.approx(report["tie_safe"]["hr@5"])


@pytest.mark.parametrize(
    ("against", "told"),
    [
        ("popularity,apriori", "baseline 'apriori' is unknown; give all, none, or"),
        (",", "no baseline"),
    ],
)
def test_a_peer_that_is_none_is_told_in_one_line(penchant, log, against, told) -> None:
    status, out, err = penchant("replay", log / "events.jsonl", "--against", against)
    assert (status, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1


def test_replay_without_peers(penchant, log, tmp_path) -> None:
    report_path = tmp_path / "report.json"
    status, out, err = penchant(
        *("replay", log / "events.jsonl", "--encoder", "hashing-32", "--against", "none"),
        *("--json", report_path),
    )
    assert (status, err) == (0, "")
    report = json.loads(report_path.read_bytes())
    assert (report["peers"], report["best_peer"]) == ({}, None)
    assert "popularity" not in out


def test_another_hash_seed_gives_the_same_figures(log, tmp_path) -> None:
    found = []
    for seed in ("1", "2"):
        out = tmp_path / f"{seed}.json"
        subprocess.run(
            [
                *(sys.executable, "-m", "dataflows.cli.main", "replay", log / "events.jsonl"),
                *("--items", log / "items.jsonl", "--encoder", "hashing-32", "--json", out),
                *("--against", OURS),
            ],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        )
        report = json.loads(out.read_bytes())
        timing = ("events_per_cpu_second", "cpu_seconds", "wall_seconds", "latency_ms")
        for told in (report, report["intent"], *report["peers"].values()):
            for name in timing:
                told.pop(name, None)
        del report["run"]  # when and how it was started
        found.append(report)
    assert found[0] == found[1]


def test_run_plays_files_from_the_environment(penchant, log, monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PENCHANT_FILES__EVENTS", str(log / "events.jsonl"))
    monkeypatch.setenv("PENCHANT_FILES__ITEMS", str(log / "items.jsonl"))
    monkeypatch.setenv("PENCHANT_ENCODER__NAME", "hashing-32")
    status, _, err = penchant("run")
    assert (status, err) == (0, "")
    lists = (tmp_path / "output" / "recommendations.jsonl").read_text().splitlines()
    assert len(lists) > 10
