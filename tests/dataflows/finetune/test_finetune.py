"""The whole fine-tuning process over files, with tiny models."""

from __future__ import annotations

import json
import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from dataflows.config.config import Config, load_config
from dataflows.datasets.shop.shop import Shop
from dataflows.errors import InputError
from dataflows.finetune import process as finetune_process
from dataflows.finetune.rounds.once import run_once
from dataflows.finetune.run import finetune
from dataflows.finetune.window.collect import read_positions
from dataflows.lifecycle import child_process
from dataflows.lifecycle.signals import ATTENDED
from dataflows.registry.registry import Registry
from dataflows.state.store import Store
from tests.dataflows.finetune.doubles import TinyTuner, behave, tiny_tuner

MAKE = "tests.dataflows.finetune.doubles:tiny_tuner"


def lines(first: int, last: int) -> str:
    return "".join(
        json.dumps(
            {
                "event_id": f"e{n}",
                "user_id": f"u{n % 5}",
                "type": "view",
                "ts": 1e9 + n,
                "item_id": f"i{n % 9}",
            }
        )
        + "\n"
        for n in range(first, last)
    )


def written(tmp_path: Path, n: int = 100, **more: object) -> Config:
    (tmp_path / "events.jsonl").write_text(lines(0, n))
    items = [json.dumps({"item_id": f"i{n}", "title": f"Title {n}"}) for n in range(9)]
    (tmp_path / "items.jsonl").write_text("\n".join(items) + "\n")
    given = {
        "flow.epoch_seconds": 0.05,
        "files.events": str(tmp_path / "events.jsonl"),
        "files.items": str(tmp_path / "items.jsonl"),
        "files.batch_size": 10,
        "state.path": str(tmp_path / "state"),
        "finetune.models": "encoder",
        "finetune.encoder_events": 100,
    }
    return load_config(None, given | more, {})


def add(tmp_path: Path, first: int, last: int) -> None:
    with (tmp_path / "events.jsonl").open("a") as out:
        out.write(lines(first, last))


def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "state" / "models")


def wait_for(holds: Callable[[], object], process: child_process.ProcessOfOurs) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert process.poll() is None, "the process ended"
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def test_once_does_a_round_of_each_on_what_is_new_and_ends(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    config = written(tmp_path, 70, **{"finetune.models": "both"})
    first = finetune(config, once=True, make=MAKE)
    assert [(one.kind, one.verdict) for one in first] == [
        ("encoder", "promote"),
        ("language", "promote"),
    ]
    assert registry(tmp_path).decisions() == first
    assert first[0].data["events"] + first[0].data["newest"] == 70
    assert "encoder round 0: promoted encoder-0001" in caplog.text
    assert finetune(config, once=True, make=MAKE) == []
    add(tmp_path, 70, 100)
    third = finetune(config, once=True, make=MAKE)
    assert [one.kind for one in third] == ["encoder", "language"]
    assert (third[0].data["events"], third[0].data["newest"]) == (80, 20)
    assert third[0].against == first[0].candidate


def test_without_once_only_what_is_due_is_done(tmp_path):
    config = written(tmp_path, 150)
    decisions = finetune(config, make=MAKE)
    assert len(decisions) == 1
    assert decisions[0].data["newest_last_ts"] == 1e9 + 99
    add(tmp_path, 150, 200)
    assert finetune(config, make=MAKE)[0].data["newest_last_ts"] == 1e9 + 199


@pytest.mark.slow
def test_killed_in_mid_round_it_goes_on_from_the_stored_window(tmp_path):
    config = written(tmp_path, 100, **{"files.follow": True})
    tiny = tmp_path / "tiny-encoder"
    behave(tiny, hold=True)
    job = msgspec.json.encode(finetune_process.FinetuneJob(config, MAKE))
    calls = TinyTuner(tiny).calls

    process = child_process.start(finetune_process.MODULE, job)
    wait_for(lambda: calls("trained"), process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    child_process.let_go(process)
    add(tmp_path, 100, 200)

    process = child_process.start(finetune_process.MODULE, job)
    wait_for(lambda: len(calls("trained")) == 2, process)
    # Reading goes on while the round is held.
    wait_for(lambda: stored(tmp_path) == (tmp_path / "events.jsonl").stat().st_size, process)
    assert registry(tmp_path).decisions() == []
    (tiny / "release").touch()
    wait_for(lambda: len(registry(tmp_path).decisions()) == 2, process)
    assert child_process.end(process, 30.0) == 0

    assert calls("trained")[:2] == ["80 20 ", "80 20 "]
    first, second = registry(tmp_path).decisions()
    assert first.data["newest_last_ts"] == 1e9 + 99
    assert second.data["newest_last_ts"] == 1e9 + 199
    assert second.data["events"] + second.data["newest"] == 200
    assert [one.version for one in registry(tmp_path).promotions()] == [
        first.candidate,
        second.candidate,
    ]


def stored(tmp_path: Path) -> int:
    store = Store.reader(tmp_path / "state" / "finetune")
    if store is None:
        return 0
    positions = read_positions(store)
    store.close()
    return positions.get("events.jsonl", 0)


def test_two_at_once_on_one_state_are_refused(tmp_path):
    config = written(tmp_path)
    store = Store.open(tmp_path / "state" / "finetune", 1, 0, {"what": "windows for fine-tuning"})
    with pytest.raises(InputError, match="another process has this state open"):
        finetune(config, once=True, make=MAKE)
    store.close()


def test_a_log_that_is_not_there_is_said_in_one_line(tmp_path):
    config = written(tmp_path)
    (tmp_path / "events.jsonl").unlink()
    with pytest.raises(InputError, match="cannot be read"):
        finetune(config, once=True, make=MAKE)


def test_a_whole_round_from_a_log(tmp_path):
    Shop(seed=1, items=40, users=20).write(tmp_path, 400)
    config = load_config(None, {"state.path": str(tmp_path / "state")}, {})
    kept = Registry(tmp_path / "models")
    tuner = tiny_tuner(config, "encoder")
    decision = run_once(
        config,
        tmp_path / "events.jsonl",
        tmp_path / "items.jsonl",
        "encoder",
        kept,
        limit=300,
        tuner=tuner,
    )
    assert decision.is_promoted
    assert decision.data["events"] + decision.data["newest"] == 300
    assert kept.decisions() == [decision]
    current = kept.current("encoder")
    assert current is not None
    assert current.id == decision.candidate
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(InputError, match="no line in it"):
        run_once(config, tmp_path / "empty.jsonl", None, "encoder", kept, tuner=tuner)


@pytest.mark.slow
def test_signals_that_are_not_to_end_it_reach_stream_and_round_and_end_neither(tmp_path, capfd):
    config = written(tmp_path, 100, **{"files.follow": True})
    tiny = tmp_path / "tiny-encoder"
    behave(tiny, hold=True)
    job = msgspec.json.encode(finetune_process.FinetuneJob(config, MAKE))
    process = child_process.start(finetune_process.MODULE, job)
    for number in ATTENDED:  # it has hardly begun
        os.killpg(process.pid, number)
    wait_for(lambda: TinyTuner(tiny).calls("trained"), process)
    for number in ATTENDED:  # the round's process is in the same group or one of its own
        os.killpg(process.pid, number)
        for child in Path(f"/proc/{process.pid}/task").glob("*/children"):
            for pid in child.read_text().split():
                os.kill(int(pid), number)
    (tiny / "release").touch()
    wait_for(lambda: registry(tmp_path).decisions(), process)
    assert child_process.end(process, 60.0) == 0
    assert registry(tmp_path).decisions()[0].verdict == "promote"
    said = capfd.readouterr().err
    assert "SIGUSR1: fine-tuning, process" in said
    assert said.count("SIGUSR2 has no meaning here and is passed over") >= 3
