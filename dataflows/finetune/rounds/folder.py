"""Where rounds lie on disk: the window of the one at work, and how far the last one came.

A window is written out whole before its round begins, so that a round that was killed goes on
from the very same window. What is new in it is all since the last round, also where the
windows between were passed over because a round took longer than they did to fill.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from dataflows.config.finetune import Kind
from dataflows.finetune.window.kept import DueWindow, read_due, read_event, read_items
from dataflows.finetune.window.window import Window, standing
from dataflows.state.private_files import write_private
from dataflows.state.records import Records

WINDOW = "window.msgpack"
FAILURES = "failures.json"
DAY = 86_400.0


class _Last(msgspec.Struct, frozen=True):
    """The last round of a kind: its number, and the kept event up to which it saw all."""

    number: int = -1
    last: int = 0


class _Begun(msgspec.Struct, frozen=True):
    """The window of a round at work, and the kept event up to which it goes."""

    window: Window
    last: int


class RoundFolder(msgspec.Struct, frozen=True):
    """One round at work, in its folder."""

    path: Path
    kind: Kind
    number: int
    last: int

    def window(self) -> Window:
        """Read its window."""
        return _read_begun(self.path).window

    @property
    def failures(self) -> list[str]:
        """How it failed, each time that it was tried."""
        path = self.path / FAILURES
        found: list[str] = msgspec.json.decode(path.read_bytes()) if path.exists() else []
        return found

    def failed(self, reason: str) -> None:
        """Note a failure."""
        write_private(self.path / FAILURES, msgspec.json.encode([*self.failures, reason]))


class RoundFolders:
    """The folders of all rounds under one path; one thread works with them."""

    def __init__(self, path: Path, window_days: float) -> None:
        self._path = path
        self._window_seconds = window_days * DAY
        path.mkdir(parents=True, exist_ok=True)

    def next(self, store: Records, kinds: tuple[Kind, ...]) -> RoundFolder | None:
        """Return the round to work on: one that was begun, or the first kind with a window due."""
        due = read_due(store)
        for kind in kinds:
            begun = self._begun(kind)
            if begun is not None:
                return begun
        for kind in kinds:
            if kind in due and due[kind].number > self._last(kind).number:
                return self._begin(store, due[kind])
        return None

    def done(self, finished: RoundFolder) -> None:
        """Note that a round came to its decision, and clear its folder away."""
        finished_last = _Last(finished.number, finished.last)
        write_private(self._last_path(finished.kind), msgspec.json.encode(finished_last))
        shutil.rmtree(finished.path, ignore_errors=True)

    def _begin(self, store: Records, due: DueWindow) -> RoundFolder:
        fresh = due.last - max(due.first, self._last(due.kind).last)
        events = [read_event(store, place) for place in range(due.first, due.last)]
        newest, first_fresh = max(event.ts for event in events), len(events) - fresh
        stands = standing(events)
        kept = [
            event
            for place, event in enumerate(events)
            if place >= first_fresh or newest - event.ts <= self._window_seconds
            if stands[place]
        ]
        fresh = sum(stands[first_fresh:])
        window = Window(due.kind, due.number, kept, fresh, read_items(store))
        path = self._path / f"{due.kind}-{due.number:06d}"
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        write_private(path / WINDOW, msgspec.msgpack.encode(_Begun(window, due.last)))
        return RoundFolder(path, due.kind, due.number, due.last)

    def _begun(self, kind: Kind) -> RoundFolder | None:
        """Find a round that was begun and not decided; clear away what is left of others."""
        last = self._last(kind).number
        for path in sorted(self._path.glob(f"{kind}-*")):
            number = int(path.name.rpartition("-")[2])
            if number > last and (path / WINDOW).exists():
                return RoundFolder(path, kind, number, _read_begun(path).last)
            shutil.rmtree(path, ignore_errors=True)
        return None

    def _last(self, kind: Kind) -> _Last:
        path = self._last_path(kind)
        return msgspec.json.decode(path.read_bytes(), type=_Last) if path.exists() else _Last()

    def _last_path(self, kind: Kind) -> Path:
        return self._path / f"last.{kind}.json"


def _read_begun(path: Path) -> _Begun:
    return msgspec.msgpack.decode((path / WINDOW).read_bytes(), type=_Begun)
