"""How far the peers of a replay are, on a terminal; silent elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import Progress, TaskID


class PeerProgress:
    """A bar for each peer, gone at the end. Use it as a context manager, and call it."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(console=console, transient=True, disable=not console.is_terminal)
        self._bars: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def __call__(self, name: str, done: int, groups: int) -> None:
        """Show that a peer has done so many groups of all."""
        if name not in self._bars:
            self._progress.start()
            self._bars[name] = self._progress.add_task(name, total=groups)
        self._progress.update(self._bars[name], completed=done)
