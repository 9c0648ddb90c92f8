"""The training worker: a thread of its own that has rounds done, one at a time, as they fall due.

The thread that reads the stream only wakes it. What is due lies in the store, what was begun
in a folder: nothing is handed over in memory that a crash could lose.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from dataflows.config.finetune import FinetuneSettings
from dataflows.finetune.rounds.folder import RoundFolder, RoundFolders
from dataflows.finetune.rounds.round import RoundSettings, refuse_round
from dataflows.finetune.rounds.runner import RoundFailedError
from dataflows.finetune.tuner import RoundStopped, StageProgress, Stop, Tell
from dataflows.registry.decisions import GateDecision
from dataflows.registry.registry import Registry
from dataflows.state.records import Records

LOOK = 1.0
"""Seconds between two looks at the store where nobody wakes the worker."""

_log = logging.getLogger(__name__)


class Runner(Protocol):
    """Does a round."""

    def run(self, folder: RoundFolder, tell: Tell, stop: Stop) -> GateDecision:
        """See `RoundRunner.run`."""
        ...


class Watcher(Protocol):
    """Is told what the worker does; called from its thread."""

    def begun(self, folder: RoundFolder) -> None:
        """Report that a round begins, or goes on."""
        ...

    def step(self, folder: RoundFolder, step: StageProgress) -> None:
        """Report how far a round is."""
        ...

    def decided(self, folder: RoundFolder, decision: GateDecision) -> None:
        """Report that a round came to its decision."""
        ...

    def failed(self, folder: RoundFolder, reason: str) -> None:
        """Report that a round broke off, and will be tried again."""
        ...


class Trainer:
    """Has rounds done in a thread. `view` gives a view of the store, None while there is none."""

    def __init__(
        self,
        view: Callable[[], Records | None],
        path: Path,
        registry: Registry,
        runner: Runner,
        settings: FinetuneSettings,
        round_settings: RoundSettings,
        watcher: Watcher,
    ) -> None:
        self.decisions: list[GateDecision] = []
        self._view = view
        self._path = path
        self._registry = registry
        self._runner = runner
        self._settings = settings
        self._round_settings = round_settings
        self._watcher = watcher
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._is_last = False
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._work, name="trainer", daemon=True)

    @property
    def has_failed(self) -> bool:
        """Whether the worker ended by an error; `finish` and `stop` raise it."""
        return self._failure is not None

    def start(self) -> None:
        """Begin; a round that was begun by an earlier process goes on."""
        self._thread.start()

    def wake(self) -> None:
        """Look whether a round is due. Never waits."""
        self._wake.set()

    def finish(self, stop: Stop) -> None:
        """Wait until no round is due any more, or `stop` says so. Raises what ended the worker."""
        self._is_last = True
        self._wake.set()
        while self._thread.is_alive() and not stop():
            self._thread.join(0.1)
        self.stop()

    def stop(self) -> None:
        """End the round at work; it goes on at the next start. Raises what ended the worker."""
        self._stop.set()
        self._wake.set()
        self._thread.join()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _work(self) -> None:
        try:
            folders = RoundFolders(self._path, self._settings.window_days)
            while not self._stop.is_set():
                is_last = self._is_last
                self._wake.clear()
                if not self._work_once(folders):
                    if is_last:
                        return
                    self._wake.wait(LOOK)
        except RoundStopped:
            return
        except Exception as error:  # noqa: BLE001 - raised again by `finish` and `stop`
            _log.exception("the training worker ended")
            self._failure = error

    def _work_once(self, folders: RoundFolders) -> bool:
        """Run the round that is due; return whether there was one."""
        store = self._view()
        if store is None:
            return False
        try:
            folder = folders.next(store, self._settings.kinds())
        finally:
            store.close()
        if folder is None:
            return False
        self._watcher.begun(folder)
        decision = self._decision(folder)
        if decision is not None:
            folders.done(folder)
            self.decisions.append(decision)
            self._watcher.decided(folder, decision)
        return True

    def _decision(self, folder: RoundFolder) -> GateDecision | None:
        """Run a round; None where it is to be tried again."""
        try:
            return self._runner.run(
                folder, lambda step: self._watcher.step(folder, step), self._stop.is_set
            )
        except RoundFailedError as error:
            folder.failed(str(error))
            if not error.is_final and len(folder.failures) < self._settings.attempts:
                self._watcher.failed(folder, str(error))
                return None
            return refuse_round(
                folder.window(), self._round_settings, str(error), self._registry, time.time()
            )
