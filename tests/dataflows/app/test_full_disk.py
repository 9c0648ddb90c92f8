"""The disk is full: one line says so at the end, and after room is made nothing is missing."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from dataflows.app.run import run as run_whole
from dataflows.config.config import load_config
from tests.dataflows.processes import BYTEWAX, Run

COMMANDS = pytest.mark.parametrize(
    "command",
    [pytest.param((), id="penchant"), pytest.param(BYTEWAX, id="bytewax", marks=pytest.mark.slow)],
)
EVENTS = 400


@pytest.fixture
def small(tmp_path):
    """A file system of a few kilobytes; a function that makes it bigger."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = (
        os.geteuid() == 0
        and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", folder],
            check=False,
            capture_output=True,
        ).returncode
        == 0
    )
    if not mounted:
        pytest.skip("no file system of its own can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def make_room(folder):
    subprocess.run(["mount", "-o", "remount,size=64m", folder], check=True)


@pytest.fixture
def run(tmp_path):
    made = Run(tmp_path, follow=False)
    made.write(EVENTS)
    yield made
    made.end()


def newest(lines):
    found = {}
    for line in lines:
        message = json.loads(line)
        found[message["user_id"]] = [place["item_id"] for place in message["items"]]
    return found


def unbroken(tmp_path):
    """What a run with room enough makes of the same events."""
    folder = tmp_path / "whole"
    folder.mkdir()
    whole = Run(folder, follow=False)
    whole.write(EVENTS)
    run_whole(load_config(whole.config, environ={}))
    return newest(whole.lines())


def assert_ends_in_one_line(run, file):
    said = run.said
    last = said.splitlines()[-1]
    assert last.startswith(f"penchant: {file}: ")
    assert "make room" in last
    assert "nothing is lost" in last
    for noise in ("panicked", "Traceback", "RUST_BACKTRACE", "Box<dyn", 'File "'):
        assert noise not in said
    assert all(line.startswith(("20", "penchant: ")) for line in said.splitlines()), said


@COMMANDS
@pytest.mark.parametrize("what", ["state", "output"])
def test_it_ends_with_a_line_that_names_the_file_and_goes_on_after_room_is_made(
    run, small, tmp_path, what, command
):
    (tmp_path / what).symlink_to(small)
    assert run.start(*command).wait(300) == 1
    name = "shard-0.db" if what == "state" else ""
    file = tmp_path / what / name
    assert run.ledger()["in"] < EVENTS
    last = run.said.splitlines()[-1]
    assert_ends_in_one_line(run, last[len("penchant: ") :].split(": ")[0])
    assert str(file) in last
    make_room(small)
    assert run.start(*command).wait(300) == 0, run.said
    assert run.ledger()["learnt"] == EVENTS
    assert newest(run.lines()) == unbroken(tmp_path)


@COMMANDS
def test_a_device_without_room_as_an_output_file(run, command):
    run.output.mkdir()
    (run.output / "recommendations.jsonl").symlink_to("/dev/full")
    assert run.start(*command).wait(300) == 1
    assert_ends_in_one_line(run, run.output / "recommendations.jsonl")
    (run.output / "recommendations.jsonl").unlink()
    assert run.start(*command).wait(300) == 0, run.said
    assert run.ledger()["learnt"] == EVENTS
    sequences = [json.loads(line)["sequence"] for line in run.lines()]
    assert sequences == sorted(sequences)


def test_a_full_cache_of_vectors_is_passed_over(run, small, tmp_path):
    (tmp_path / "state").mkdir()
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / "state" / f"encoder-cache.db{suffix}").symlink_to(
            small / f"encoder-cache.db{suffix}"
        )
    with run.events.open("a") as file:
        for number in range(400):
            fields = {"event_id": f"q{number}", "user_id": "u", "type": "query", "ts": 1.7e9 + 1e4}
            file.write(json.dumps(fields | {"text": f"{number} " * 9}) + "\n")
    assert run.start().wait(300) == 0, run.said
    assert "cache of vectors" in run.said
    assert "was passed over" in run.said
    assert run.ledger()["learnt"] == EVENTS + 400


def test_with_debug_set_all_is_shown(run):
    run.output.mkdir()
    (run.output / "recommendations.jsonl").symlink_to("/dev/full")
    assert run.start(env={"PENCHANT_DEBUG": "1"}).wait(300) == 1
    assert "Traceback" in run.said
    assert "panicked" in run.said
