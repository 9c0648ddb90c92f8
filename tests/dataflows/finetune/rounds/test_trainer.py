"""The worker and the process of a round: what crashes, hangs or fails is decided all the same."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from dataflows.config.clean import CleanSettings
from dataflows.config.config import Config, load_config
from dataflows.config.finetune import FinetuneSettings
from dataflows.finetune.rounds.folder import RoundFolder, RoundFolders
from dataflows.finetune.rounds.round import RoundSettings
from dataflows.finetune.rounds.runner import RoundFailedError, RoundRunner
from dataflows.finetune.rounds.scheduler import Trainer
from dataflows.finetune.tuner import RoundStopped, StageProgress
from dataflows.finetune.window.collect import Collector
from dataflows.registry.decisions import Evidence, GateDecision
from dataflows.registry.registry import Registry
from dataflows.state.records import MemoryStore
from tests.dataflows.finetune.doubles import TinyTuner, behave
from tests.dataflows.finetune.window.test_collect import event

MAKE = "tests.dataflows.finetune.doubles:tiny_tuner"
SETTINGS = FinetuneSettings(models="encoder", encoder_events=40, attempts=2)


def config(tmp_path: Path, **more: object) -> Config:
    given = {"state.path": str(tmp_path / "state"), "finetune.models": "encoder"}
    return load_config(
        None, given | {f"finetune.{name}": value for name, value in more.items()}, {}
    )


def filled(n: int = 40) -> MemoryStore:
    store = MemoryStore()
    collector = Collector(store, SETTINGS, CleanSettings())
    collector.take([event(number) for number in range(n)])
    collector.commit()
    return store


@pytest.fixture
def folder(tmp_path: Path) -> RoundFolder:
    found = RoundFolders(tmp_path / "rounds", 365.0).next(filled(), ("encoder",))
    assert found is not None
    return found


def ignore(step: StageProgress) -> None:
    pass


# A round in a process of its own


def test_a_round_in_a_process_of_its_own_tells_its_steps_and_its_decision(tmp_path, folder):
    steps: list[StageProgress] = []
    decision = RoundRunner(config(tmp_path), MAKE).run(folder, steps.append, lambda: False)
    assert decision.is_promoted
    assert [step.stage for step in steps] == ["training", "training", "measuring"]
    assert steps[1] == StageProgress("training", 3, 3, "loss 1.0")
    registry = Registry(tmp_path / "state" / "models")
    assert registry.decisions() == [decision]
    current = registry.current("encoder")
    assert current is not None
    assert current.id == decision.candidate


@pytest.mark.parametrize(
    ("what", "reason", "is_final"),
    [
        ({"crash": True}, "crashed: its process ended with status 9", False),
        ({"error": "there is nothing to train on"}, "there is nothing to train on", True),
    ],
)
def test_a_round_that_breaks_off_says_how(what, reason, is_final, tmp_path, folder):
    behave(tmp_path / "tiny-encoder", **what)
    with pytest.raises(RoundFailedError, match=reason) as caught:
        RoundRunner(config(tmp_path), MAKE).run(folder, ignore, lambda: False)
    assert caught.value.is_final == is_final


def test_an_endless_round_is_ended(tmp_path, folder):
    behave(tmp_path / "tiny-encoder", hang=True)
    runner = RoundRunner(config(tmp_path, round_seconds=2.0), MAKE)
    with pytest.raises(RoundFailedError, match="took longer than 2 seconds"):
        runner.run(folder, ignore, lambda: False)


def test_a_round_is_stopped_whatever_it_does(tmp_path, folder):
    behave(tmp_path / "tiny-encoder", hang=True)
    tiny = TinyTuner(tmp_path / "tiny-encoder")
    with pytest.raises(RoundStopped):
        RoundRunner(config(tmp_path), MAKE).run(folder, ignore, lambda: bool(tiny.calls("trained")))


# The worker


class Seen:
    """A watcher that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, str]] = []

    def begun(self, folder: RoundFolder) -> None:
        self.told.append(("begun", folder.number, ""))

    def step(self, folder: RoundFolder, step: StageProgress) -> None:
        self.told.append(("step", folder.number, step.stage))

    def decided(self, folder: RoundFolder, decision: GateDecision) -> None:
        self.told.append(("decided", folder.number, decision.verdict))

    def failed(self, folder: RoundFolder, reason: str) -> None:
        self.told.append(("failed", folder.number, reason))


class FakeRunner:
    """Does what it is given, round by round; an exception is raised."""

    def __init__(self, *does: Exception | Callable[[], bool] | None) -> None:
        self._does = list(does)
        self.rounds: list[int] = []
        self.threads: set[int] = set()

    def run(self, folder: RoundFolder, tell, stop) -> GateDecision:
        self.rounds.append(folder.number)
        self.threads.add(threading.get_ident())
        does = self._does.pop(0) if self._does else None
        if isinstance(does, Exception):
            raise does
        while does is not None and not does():
            if stop():
                raise RoundStopped
            time.sleep(0.01)
        tell(StageProgress("training"))
        return GateDecision("encoder", "promote", (), Evidence("encoder", 100, {}, None))


class View(MemoryStore):
    """A view of a store, closed after each look."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__()
        self.records = store.records


def trainer(tmp_path: Path, store: MemoryStore | None, runner: FakeRunner, seen: Seen) -> Trainer:
    return Trainer(
        lambda: None if store is None else View(store),
        tmp_path / "rounds",
        Registry(tmp_path / "models"),
        runner,
        SETTINGS,
        RoundSettings(),
        seen,
    )


def test_a_due_round_is_done_once_in_another_thread(tmp_path):
    runner, seen = FakeRunner(), Seen()
    worker = trainer(tmp_path, filled(), runner, seen)
    worker.start()
    worker.finish(lambda: False)
    assert runner.rounds == [0]
    assert threading.get_ident() not in runner.threads
    assert [name for name, _, _ in seen.told] == ["begun", "step", "decided"]
    again = trainer(tmp_path, filled(), runner, Seen())
    again.start()
    again.finish(lambda: False)
    assert runner.rounds == [0]


def test_a_worker_with_nothing_to_do_ends(tmp_path):
    for store in (None, MemoryStore()):
        worker = trainer(tmp_path, store, FakeRunner(), Seen())
        worker.start()
        worker.finish(lambda: False)
        assert worker.decisions == []


def test_a_round_that_failed_is_tried_again(tmp_path):
    runner, seen = FakeRunner(RoundFailedError("crashed")), Seen()
    worker = trainer(tmp_path, filled(), runner, seen)
    worker.start()
    worker.finish(lambda: False)
    assert runner.rounds == [0, 0]
    assert seen.told[1] == ("failed", 0, "crashed")
    assert worker.decisions[0].is_promoted


@pytest.mark.parametrize(
    ("failures", "count"),
    [
        ([RoundFailedError("crashed"), RoundFailedError("crashed again")], 2),
        ([RoundFailedError("no such model", is_final=True)], 1),
    ],
)
def test_a_round_that_always_fails_is_refused_with_the_reason(failures, count, tmp_path):
    runner, seen = FakeRunner(*failures), Seen()
    worker = trainer(tmp_path, filled(), runner, seen)
    worker.start()
    worker.finish(lambda: False)
    assert runner.rounds == [0] * count
    assert worker.decisions[0].reasons == (str(failures[-1]),)
    assert Registry(tmp_path / "models").decisions() == worker.decisions
    assert not (tmp_path / "rounds" / "encoder-000000").exists()


def test_failures_are_remembered_over_a_restart(tmp_path):
    first = trainer(tmp_path, filled(), FakeRunner(RoundFailedError("one"), lambda: False), Seen())
    first.start()
    while len(first._runner.rounds) < 2:
        time.sleep(0.01)
    first.stop()
    second = trainer(tmp_path, filled(), FakeRunner(RoundFailedError("two")), Seen())
    second.start()
    second.finish(lambda: False)
    assert second.decisions[0].reasons == ("two",)


def test_a_stopped_round_goes_on_at_the_next_start(tmp_path):
    runner = FakeRunner(lambda: False)
    worker = trainer(tmp_path, filled(), runner, Seen())
    worker.start()
    while not runner.rounds:
        time.sleep(0.01)
    worker.finish(lambda: True)
    assert worker.decisions == []
    store = filled(80)  # meanwhile another window closed
    later = FakeRunner()
    again = trainer(tmp_path, store, later, Seen())
    again.start()
    again.finish(lambda: False)
    assert later.rounds == [0, 1]


def test_waking_and_reading_go_on_while_a_round_is_at_work(tmp_path):
    release = threading.Event()
    runner = FakeRunner(release.is_set)
    store = filled()
    worker = trainer(tmp_path, store, runner, Seen())
    worker.start()
    while not runner.rounds:
        time.sleep(0.01)
    collector = Collector(store, SETTINGS, CleanSettings())
    for number in range(40, 200):
        collector.take([event(number)])
        collector.commit()
        worker.wake()
    assert worker.decisions == []
    release.set()
    worker.finish(lambda: False)
    # The windows that filled meanwhile are one: nothing queues up behind a long round.
    assert runner.rounds == [0, 4]


def test_what_ends_the_worker_is_raised(tmp_path):
    worker = trainer(tmp_path, filled(), FakeRunner(OSError("disk full")), Seen())
    worker.start()
    with pytest.raises(OSError, match="disk full"):
        worker.finish(lambda: False)
    assert worker.has_failed is False  # told once


def test_a_job_survives_being_written_down(tmp_path):
    from dataflows.finetune.rounds.process import RoundJob

    job = RoundJob(config(tmp_path), "encoder", 3, os.fspath(tmp_path), MAKE)
    assert msgspec.json.decode(msgspec.json.encode(job), type=RoundJob) == job
