"""A file that several processes append whole lines to, each group of them on the disk at once."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Sequence
from pathlib import Path


class AppendedFile:
    """Appends to the file under a path, from any thread.

    A lock on the file keeps the lines of several processes apart, and tells each where its own
    begin. The file stays open for as long as it stands under its name, so that rotation harms
    nothing. What several threads bring while one writes is written together after it, and waits
    for the disk once.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1
        self._waiting: list[_Addition] = []
        self._writing = threading.Lock()

    def append(self, lines: Sequence[bytes]) -> list[int]:
        """Append lines, each with its end, and return where each begins.

        Returns once all are on the disk. Raises OSError; then none of them is there.
        """
        mine = _Addition(lines)
        self._waiting.append(mine)
        with self._writing:
            if not mine.is_done:
                together, self._waiting = self._waiting, []
                self._write(together)
        if mine.error is not None:
            raise mine.error
        return mine.starts

    def close(self) -> None:
        """Let go of the file; the next addition opens it again."""
        with self._writing:
            self._let_go()

    def _write(self, together: Sequence[_Addition]) -> None:
        error = None
        try:
            start = self._append(b"".join(line for one in together for line in one.lines))
        except Exception as found:  # noqa: BLE001 - each of those that wait raises it
            error, start = found, 0
        for one in together:
            start = one.end(start, error)

    def _append(self, data: bytes) -> int:
        while True:
            if self._file < 0:
                flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
                self._file = os.open(self._path, flags, 0o666)
            fcntl.flock(self._file, fcntl.LOCK_EX)
            if self._is_at():
                break
            self._let_go()  # it was rotated away
        try:
            before = start = os.fstat(self._file).st_size
            if start and os.pread(self._file, 1, start - 1) != b"\n":
                data, start = b"\n" + data, start + 1  # behind what somebody left unfinished
            self._whole(data, before)
            return start
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _whole(self, data: bytes, before: int) -> None:
        """Write all, or leave the file as it was."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, before)
            raise

    def _is_at(self) -> bool:
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._file))
        except FileNotFoundError:
            return False

    def _let_go(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class _Addition:
    """Lines of one thread, and what became of them."""

    def __init__(self, lines: Sequence[bytes]) -> None:
        self.lines = lines
        self.is_done = False
        self.error: Exception | None = None
        self.starts: list[int] = []

    def end(self, start: int, error: Exception | None) -> int:
        """Note that the lines stand from `start` on, or the error; return where they end."""
        for line in self.lines:
            self.starts.append(start)
            start += len(line)
        self.error = error
        self.is_done = True
        return start
