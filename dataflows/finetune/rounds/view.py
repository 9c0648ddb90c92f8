"""What is seen of rounds: a bar on a terminal, lines in the log everywhere else."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from dataflows.finetune.rounds.folder import RoundFolder
from dataflows.finetune.rounds.scheduler import Watcher
from dataflows.finetune.tuner import StageProgress
from dataflows.registry.decisions import LOG_RANK, GateDecision

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

_log = logging.getLogger(__name__)


class View(Watcher, Protocol):
    """Shows how far reading and rounds are. Safe between threads."""

    def read(self, records: int, kept: int) -> None:
        """Report how many records are read and stored, and how many events kept."""
        ...


class LogView:
    """Tells in the log: beginnings and decisions at once, steps every `seconds`."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._next = 0.0
        self._stage = ""
        self._next_read = 0.0
        self._read: tuple[int, int] | None = None

    def read(self, records: int, kept: int) -> None:
        """Report how many records are read and stored, and how many events kept."""
        now = self._clock()
        if now < self._next_read or self._read == (records, kept):
            return
        self._next_read, self._read = now + self._seconds, (records, kept)
        _log.info("%s events read, the newest %s kept", f"{records:,}", f"{kept:,}")

    def begun(self, folder: RoundFolder) -> None:
        """Report that a round begins, or goes on."""
        self._next, self._stage = 0.0, ""
        tried = f", attempt {len(folder.failures) + 1}" if folder.failures else ""
        _log.info("%s round %d begins%s", folder.kind, folder.number, tried)

    def step(self, folder: RoundFolder, step: StageProgress) -> None:
        """Report how far a round is; a new stage at once."""
        now = self._clock()
        if now < self._next and step.stage == self._stage:
            return
        self._next, self._stage = now + self._seconds, step.stage
        _log.info("%s round %d: %s", folder.kind, folder.number, describe_step(step))

    def decided(self, folder: RoundFolder, decision: GateDecision) -> None:
        """Report that a round came to its decision."""
        _log.info("%s round %d: %s", folder.kind, folder.number, describe_decision(decision))

    def failed(self, folder: RoundFolder, reason: str) -> None:
        """Report that a round broke off, and will be tried again."""
        _log.warning("%s round %d: %s; it is tried again", folder.kind, folder.number, reason)


@contextmanager
def terminal_view(console: Console) -> Iterator[TerminalView]:
    """Open a view on a terminal; its bars stop when it is closed."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), TextColumn("{task.fields[note]}"), TimeElapsedColumn())
    with Progress(TextColumn("{task.description}"), *columns, console=console) as bars:
        yield TerminalView(bars)


class TerminalView:
    """Shows the round at work as one of the `bars`, and decisions above it."""

    def __init__(self, bars: Progress) -> None:
        self._lock = threading.Lock()
        self._task: TaskID | None = None
        self._reading: TaskID | None = None
        self._bars = bars

    def read(self, records: int, kept: int) -> None:
        """Report how many records are read and stored, and how many events kept."""
        note = f"{records:,} events, the newest {kept:,} kept"
        with self._lock:
            if self._reading is None:
                self._reading = self._bars.add_task("reading", total=None, note="")
            self._bars.update(self._reading, note=note)

    def begun(self, folder: RoundFolder) -> None:
        """Report that a round begins, or goes on."""
        with self._lock:
            self._clear()
            name = f"{folder.kind} round {folder.number}"
            self._task = self._bars.add_task(name, total=None, note="")

    def step(self, folder: RoundFolder, step: StageProgress) -> None:
        """Report how far a round is."""
        with self._lock:
            if self._task is None:
                return
            self._bars.update(
                self._task,
                description=f"{folder.kind} round {folder.number}: {step.stage}",
                completed=step.done,
                total=step.total or None,
                note=step.note,
            )

    def decided(self, folder: RoundFolder, decision: GateDecision) -> None:
        """Report that a round came to its decision."""
        with self._lock:
            self._clear()
        self._tell(f"{folder.kind} round {folder.number}: {describe_decision(decision)}")

    def failed(self, folder: RoundFolder, reason: str) -> None:
        """Report that a round broke off, and will be tried again."""
        with self._lock:
            self._clear()
        self._tell(f"{folder.kind} round {folder.number}: {reason}; it is tried again")

    def _clear(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            self._bars.remove_task(task)

    def _tell(self, line: str) -> None:
        self._bars.console.print(line, markup=False, highlight=False)


def describe_step(step: StageProgress) -> str:
    """Write a step in one line: `training 30 of 150, loss 1.61`."""
    far = f" {step.done:g} of {step.total:g}" if step.total else ""
    return f"{step.stage}{far}{', ' * bool(step.note)}{step.note}"


def describe_decision(decision: GateDecision) -> str:
    """Write a decision in one line, with the figure that it hangs on and all reasons."""
    figure = decision.evidence.figures.get(LOG_RANK)
    gain = (
        f"; -log2(rank) {figure.before:.3f} -> {figure.after:.3f}, gain {figure.gain:+.3f} "
        f"[{figure.low:+.3f}, {figure.high:+.3f}] over {decision.evidence.events:,} events"
        if figure
        else ""
    )
    if decision.is_promoted:
        # A smaller form is put in force by a person alone.
        word = "promoted" if decision.goal == "gain" else "may be promoted:"
        return f"{word} {decision.candidate}{gain}"
    return f"refused: {'; '.join(decision.reasons)}{gain}"
