"""A process of `penchant run` on files, for tests of what happens to it from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from dataflows.state.ledger import Ledger
from dataflows.state.store import Store

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0
RUN = ("-m", "dataflows.cli.main", "run", "--config")
BYTEWAX = ("-m", "bytewax.run", "-s", "1", "dataflows.app.flow:get_flow")


class Run:
    """A process in `folder`, with its configuration, events and what it says."""

    def __init__(self, folder: Path, follow=True, settings: str = "", level: str = "info") -> None:
        self.folder = folder
        self.events = folder / "events.jsonl"
        self.events.touch()
        self.output = folder / "output"
        self.config = folder / "penchant.toml"
        self.config.write_text(
            f"[flow]\nepoch_seconds = 0.05\nlog = '{level}'\n"
            f"[files]\nevents = '{self.events}'\noutput = '{self.output}'\nbatch_size = 5\n"
            f"follow = {str(follow).lower()}\n[state]\npath = '{folder}/state'\n"
            f"[encoder]\nname = 'hashing-16'\n{settings}\n"
        )
        self.written = 0
        self.process: subprocess.Popen[bytes] | None = None

    def write(self, count: int) -> None:
        """Append events."""
        with self.events.open("a") as file:
            for number in range(self.written, self.written + count):
                fields = {"event_id": number, "user_id": f"u{number % 7}", "type": "view"}
                more = {"item_id": f"i{number * 5 % 23}", "ts": 1.7e9 + number}
                file.write(json.dumps(fields | more) + "\n")
        self.written += count

    def start(self, *command: str, by=(), unset=(), **more) -> subprocess.Popen[bytes]:
        """Start it: `penchant run`, or a command; `by` another, without the variables `unset`."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PENCHANT_")}
        env = kept | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | more.pop("env", {})
        env = {name: value for name, value in env.items() if name not in unset}
        with (self.folder / "stderr.txt").open("ab") as log:
            self.process = subprocess.Popen(
                [*by, sys.executable, *(command or (*RUN, str(self.config)))],
                stderr=log,
                stdout=subprocess.DEVNULL,
                cwd=self.folder,
                env=env | {"PENCHANT_CONFIG": str(self.config)},
                **more,
            )
        return self.process

    @property
    def said(self) -> str:
        return (self.folder / "stderr.txt").read_text()

    def until(self, condition: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
        """Wait until a condition holds; fail where the process ends before."""
        deadline = time.monotonic() + patience
        while not condition():
            assert self.process is None or self.process.poll() is None, self.said
            assert time.monotonic() < deadline, f"{what} did not come about: {self.said}"
            time.sleep(0.01)

    def until_said(self, text: str, times: int = 1) -> None:
        self.until(lambda: self.said.count(text) >= times, repr(text))

    def ledger(self) -> dict[str, int]:
        """What the stored state says became of the records."""
        store = Store.reader(self.folder / "state")
        found = Ledger()
        if store is not None:
            with closing(store):
                found.restore(store.get, store.scan)
        return found.as_dict()

    def until_learnt(self) -> None:
        """Wait until all that was written is learnt and stored."""
        self.until(lambda: self.ledger()["learnt"] == self.written, f"{self.written} learnt")

    def lines(self, name: str = "recommendations.jsonl") -> list[str]:
        path = self.output / name
        return path.read_text().splitlines() if path.exists() else []

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
