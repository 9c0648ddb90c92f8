"""How far the baselines of a replay are, on a terminal; silent elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, TaskID

from dataflows.evaluation.baselines.run_all import Follow


@contextmanager
def baseline_progress(console: Console) -> Iterator[Follow]:
    """Show a bar for each baseline, all gone at the end.

    Yields what is to be called with how far one is: its name, the groups that it has done, and
    how many there are.
    """
    progress = Progress(console=console, transient=True, disable=not console.is_terminal)
    bars: dict[str, TaskID] = {}

    def follow(name: str, done: int, groups: int) -> None:
        if name not in bars:
            progress.start()
            bars[name] = progress.add_task(name, total=groups)
        progress.update(bars[name], completed=done)

    try:
        yield follow
    finally:
        progress.stop()
