"""Replay for those who use the library: the figures of the command, and refusals by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dataflows import InputError, replay
from dataflows.cli.main import app
from dataflows.datasets.shop.shop import Shop
from encoders import EncoderError, load_encoder

TIMED = {"events_per_cpu_second", "latency_ms", "run", "title"}


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("log")
    Shop(seed=2, items=50, users=15).write(folder, 150)
    return folder


def figures(value):
    """What two runs have in common: all but what the clock says, as JSON holds it."""
    if isinstance(value, dict):
        kept = {name for name in value if name not in TIMED and "seconds" not in name}
        return {name: figures(value[name]) for name in kept}
    return value


def test_it_gives_what_the_command_writes(log, tmp_path, monkeypatch) -> None:
    events, items, out = log / "events.jsonl", log / "items.jsonl", tmp_path / "report.json"
    args = [str(events), "--items", str(items), "--encoder", "hashing-16", "--k", "3"]
    done = CliRunner().invoke(app, ["replay", *args, "--against", "popularity", "--json", str(out)])
    assert done.exit_code == 0, done.output
    # The environment is for the command alone.
    monkeypatch.setenv("PENCHANT_LEARNER__K", "9")
    told = replay(
        events, str(items), "hashing-16", against=["popularity"], options={"learner.k": 3}
    )
    mine, theirs = figures(json.loads(json.dumps(told))), figures(json.loads(out.read_text()))
    assert mine["k"] == 3
    assert mine["catalogue"]
    assert mine == theirs


def test_an_encoder_may_be_handed_in(log) -> None:
    encoder = load_encoder("hashing-16")
    told = replay(log / "events.jsonl", encoder=encoder, limit=40, warmup=0.5, against=())
    assert told["settings"]["encoder"] == encoder.version
    assert (told["settings"]["limit"], told["settings"]["warmup"]) == (40, 0.5)
    assert told["peers"].keys() == {"penchant"} or not told["peers"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"warmup": 1.0}, "warmup is 1.0; give a share"),
        ({"warmup": "much"}, r"Expected `float`, got `str` - at `\$.warmup`"),
        ({"limit": 0}, "limit is 0; the least is 1"),
        ({"limit": 1.5}, "limit"),
        ({"against": "popularity"}, r"against is 'popularity'; give names in a list"),
        ({"against": ["nobody"]}, "baseline 'nobody' is unknown"),
        ({"options": {"learner.places": 3}}, "learner.places"),
        ({"options": {"learner.k": 0}}, "learner.k"),
        ({"events": "nowhere.jsonl"}, "nowhere.jsonl"),
        ({"items": "nowhere.jsonl"}, "nowhere.jsonl"),
    ],
    ids=range(10),
)
def test_what_cannot_be_meant_is_refused_in_one_line(log, changes, said) -> None:
    given = {"events": log / "events.jsonl", "encoder": "hashing-16", **changes}
    with pytest.raises(InputError, match=said) as told:
        replay(**given)
    assert "\n" not in str(told.value)


def test_an_encoder_that_there_is_not_is_refused(log) -> None:
    with pytest.raises(EncoderError, match="cannot have 1 dimensions"):
        replay(log / "events.jsonl", encoder="hashing-1")
