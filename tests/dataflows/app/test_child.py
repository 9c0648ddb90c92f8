"""The fine-tuning child, with real processes: whatever it does, the stream does not notice."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from dataflows.app.finetune_child import Child, fine_tuned_beside
from dataflows.app.run import run
from dataflows.config.config import load_config
from dataflows.datasets.shop.shop import Shop
from dataflows.lifecycle import child_process
from encoders.backends.hashing import HashingEncoder

DOUBLE = "tests.dataflows.app.child_double"
PATIENCE = 120.0


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "pids"


def started(log: Path, do: str) -> Callable[[], child_process.ProcessOfOurs]:
    line = json.dumps({"do": do, "log": str(log)}).encode()
    return lambda: child_process.start(DOUBLE, line)


def pids(log: Path) -> list[int]:
    return [int(line) for line in log.read_text().splitlines()] if log.exists() else []


def wait_for(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and is not yet waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_crashing_child_is_started_again_after_a_pause_that_grows(log, caplog):
    caplog.set_level(logging.WARNING)
    child = Child(started(log, "crash"), first_pause=0.01)
    child.begin()
    wait_for(lambda: len(pids(log)) >= 4)
    child.end()
    told = [record.getMessage() for record in caplog.records]
    assert told[0].startswith(f"fine-tuning ended with signal {signal.SIGSEGV}")
    pauses = [record.args[1] for record in caplog.records]
    assert pauses[:3] == [0.01, 0.02, 0.04]
    count = child.starts
    assert not any(map(is_alive, pids(log)))
    time.sleep(0.2)
    assert child.starts == count == len(pids(log))


def test_a_child_that_ends_well_is_not_started_again(log, caplog):
    caplog.set_level(logging.INFO)
    child = Child(started(log, "end"), first_pause=0.01)
    child.begin()
    wait_for(lambda: "read to the end" in caplog.text)
    child.end()
    assert child.starts == 1


def test_a_hanging_child_that_ignores_signals_is_killed_with_the_stream(log):
    child = Child(started(log, "hang"), grace=0.2)
    child.begin()
    wait_for(lambda: pids(log))
    child.end()
    assert not is_alive(pids(log)[0])


def test_it_is_ended_as_soon_as_the_stream_is_about_to_end(log):
    is_ending: list[bool] = []
    child = Child(started(log, "hang"), grace=0.2, is_ending=lambda: bool(is_ending))
    child.begin()
    wait_for(lambda: pids(log))
    is_ending.append(True)
    wait_for(lambda: not is_alive(pids(log)[0]))
    child.end()
    assert child.starts == 1


def test_what_a_child_has_started_ends_with_it(log):
    child = Child(started(log, "group"), grace=0.2)
    child.begin()
    wait_for(lambda: len(pids(log)) == 2)
    child.end()
    wait_for(lambda: not any(map(is_alive, pids(log))))


def test_a_child_that_cannot_be_started_is_tried_again(caplog):
    tries: list[int] = []

    def start() -> child_process.ProcessOfOurs:
        tries.append(1)
        raise OSError("no memory")

    child = Child(start, first_pause=0.01)
    child.begin()
    wait_for(lambda: len(tries) >= 2)
    child.end()
    assert "cannot be started (no memory)" in caplog.text


def test_children_end_when_their_parent_is_killed(log):
    line = json.dumps({"do": "parent", "log": str(log)})
    code = (
        "import time; from dataflows.lifecycle import child_process as tether; "
        f"child = tether.start({DOUBLE!r}, {line.encode()!r}); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    wait_for(lambda: len(pids(log)) == 2)
    assert all(map(is_alive, pids(log)))
    parent.kill()
    parent.wait()
    wait_for(lambda: not any(map(is_alive, pids(log))))


def test_without_the_setting_nothing_is_started():
    with fine_tuned_beside(load_config(None, {}, {})) as child:
        assert child is None


@pytest.mark.parametrize("do", ["crash", "hang"])
def test_the_stream_ends_the_same_beside_a_child_that_misbehaves(do, tmp_path, log):
    Shop(seed=1, items=60, users=20).write(tmp_path, 300)
    lists = []
    for is_beside in (False, True):
        given = {
            "files.events": str(tmp_path / "events.jsonl"),
            "files.items": str(tmp_path / "items.jsonl"),
            "files.output": str(tmp_path / f"output-{is_beside}"),
            "state.path": str(tmp_path / f"state-{is_beside}"),
        }
        with ExitStack() as stack:
            if is_beside:
                beside = stack.enter_context(pytest.MonkeyPatch.context())
                beside.setattr("dataflows.app.run.fine_tuned_beside", lambda *_: _Beside(log, do))
            engines = run(load_config(None, given, {}), HashingEncoder(32))
        assert engines[0].ledger.balance() == 300
        written = (tmp_path / f"output-{is_beside}" / "recommendations.jsonl").read_text()
        lists.append([json.loads(line)["items"] for line in written.splitlines()])
    assert lists[0] == lists[1]
    assert pids(log)
    assert not any(map(is_alive, pids(log)))


class _Beside:
    """Has a misbehaving child beside; waits until it is there, so that the test tests it."""

    def __init__(self, log: Path, do: str) -> None:
        self._log = log
        self._child = Child(started(log, do), first_pause=0.01, grace=0.2)

    def __enter__(self) -> None:
        self._child.begin()
        wait_for(lambda: pids(self._log))

    def __exit__(self, *_: object) -> None:
        self._child.end()


def test_the_configuration_starts_the_flow_at_a_low_priority(tmp_path):
    """The real child: it reads the log, finds nothing due, and waits for more."""
    Shop(seed=1, items=20, users=5).write(tmp_path, 50)
    given = {
        "files.events": str(tmp_path / "events.jsonl"),
        "files.items": str(tmp_path / "items.jsonl"),
        "files.follow": True,
        "state.path": str(tmp_path / "state"),
        "finetune.enabled": True,
        "finetune.nice": 7,
    }
    with fine_tuned_beside(load_config(None, given, {})) as child:
        assert child is not None
        wait_for((tmp_path / "state" / "finetune" / "shard-0.db").exists)
        assert child.pid is not None
        assert os.getpriority(os.PRIO_PROCESS, child.pid) - os.getpriority(os.PRIO_PROCESS, 0) in (
            7,
            19 - os.getpriority(os.PRIO_PROCESS, 0),
        )
        assert is_alive(child.pid)
    assert not is_alive(child.pid)
    assert child.starts == 1
