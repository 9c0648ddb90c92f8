"""The engine while an epoch is written beside it: users, positions, failures, who waits."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from dataflows.engine.flow import LearnLogic
from dataflows.engine.shards import Engines
from dataflows.errors import InputError
from dataflows.state.written_beside import WrittenBeside
from tests.dataflows.engine.beside_kills import EPOCH, STEPS, records, state
from tests.dataflows.engine.test_engine import Run, real
from tests.dataflows.state.older_state import REFUSING
from tests.dataflows.state.test_written_beside import LONG, Gate

ROOT = Path(__file__).parents[3]


def run_on(folder: Path) -> Run:
    return Run(store=WrittenBeside.open(folder, 1, 0, {}), model=real)


def test_users_who_are_evicted_and_read_back_during_a_slow_write_lose_nothing(
    tmp_path: Path,
) -> None:
    raws, plain, run = records(), Run(model=real), run_on(tmp_path)
    gate = Gate(run.store)
    for one in raws:
        plain.process([one])
    for start in range(0, len(raws), EPOCH):
        for one in raws[start : start + EPOCH]:
            run.process([one])  # the transaction of the epoch before is not written yet
        gate.open.set()
        run.store.settle()
        gate.open.clear()
        gate.begun.clear()
        run.engine.commit(beside=True)
        assert gate.begun.wait(LONG)
    gate.open.set()
    for each in (plain, run):
        each.deliver()
        each.engine.commit()
    assert run.received == plain.received
    assert state(run.store) == plain.state()
    run.engine.close()


def test_positions_are_reported_once_they_are_in_the_file(tmp_path: Path) -> None:
    raws, run = records(), run_on(tmp_path)
    run.process(raws[:20])
    there = dict(run.engine.positions)
    gate = Gate(run.store)
    run.engine.commit(beside=True)
    run.process(raws[20:30])
    assert run.progress.positions() == {}
    gate.open.set()
    run.store.settle()
    assert run.progress.positions() == there
    assert run.engine.positions != there
    run.engine.close()
    assert run.progress.positions() == run.engine.positions


@pytest.mark.parametrize("how", ["process", "take_up", "finish"])
def test_after_a_write_that_failed_nothing_more_is_sent_or_stored(tmp_path: Path, how: str) -> None:
    raws, run = records(), run_on(tmp_path)
    run.process(raws[:12])
    run.engine.commit()
    stored = state(run.store)
    run.process(raws[12:24])
    run.store.store._connection.execute(REFUSING)
    run.engine.outbox.changed = lambda: [("a", "refused", b"x")]  # type: ignore[method-assign]
    run.engine.commit(beside=True)
    while run.store.is_writing:
        pass
    sent = len(run.waiting)
    ask = partial(run.process, raws[24:36]) if how == "process" else getattr(run.engine, how)
    with pytest.raises(InputError, match="cannot be written"):
        ask()
    assert len(run.waiting) == sent
    run.engine.close()
    again = run_on(tmp_path)
    assert state(again.store) == stored
    again.store.close()


def test_the_flow_ends_on_a_write_that_failed_though_nothing_comes(tmp_path: Path) -> None:
    run = run_on(tmp_path)
    logic = LearnLogic(Engines(lambda _: run.engine), timedelta(seconds=1))
    logic.on_batch([batch for _, batch in run.encode(records()[:20])])
    for out in run.engine.outbox.undelivered():
        run.engine.outbox.acknowledge(out.number)
    assert logic.notify_at() is not None, "nobody would look whether it was written"
    run.store.refuse(InputError("no room"))
    logic.snapshot()
    assert logic.notify_at() is not None
    while run.store.is_writing:
        pass
    with pytest.raises(InputError, match="no room"):
        logic.on_notify()
    run.engine.close()


def test_a_write_longer_than_an_epoch_holds_the_next_one_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    raws, run = records(), run_on(tmp_path)
    run.process(raws[:20])
    gate = Gate(run.store)
    run.engine.commit(beside=True)
    run.process(raws[20:30])
    next_one = threading.Thread(target=run.engine.commit, kwargs={"beside": True})
    with caplog.at_level(logging.WARNING):
        next_one.start()
        next_one.join(0.2)
        assert next_one.is_alive()
        gate.open.set()
        next_one.join(LONG)
    assert run.engine.counts["epochs_held"] == 1
    assert caplog.text.count("was not yet written when the next one ended") == 1
    run.engine.close()


@pytest.mark.parametrize("what", ["commit", "close", "last epoch"])
def test_what_must_be_stored_at_once_waits_for_what_is_under_way(tmp_path: Path, what: str) -> None:
    """A switch and a decision commit as here; the last epoch is that after the input's end."""
    raws, run = records(), run_on(tmp_path)
    run.process(raws[:20])
    gate = Gate(run.store)
    run.engine.commit(beside=True)
    run.process(raws[20:])
    run.deliver()

    def store() -> None:
        if what == "last epoch":
            run.engine.finish()
            run.engine.commit(beside=True)
        else:
            getattr(run.engine, what)()

    waiting = threading.Thread(target=store)
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    assert run.progress.positions() == {}
    gate.open.set()
    waiting.join(LONG)
    assert run.progress.positions() == run.engine.positions
    if what != "close":
        run.engine.close()


@pytest.mark.parametrize("step", STEPS)
def test_kill_9_at_each_step_of_a_write_changes_nothing(tmp_path: Path, step: str) -> None:
    command = [sys.executable, "-m", "tests.dataflows.engine.beside_kills", step, str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=300)
