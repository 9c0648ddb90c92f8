"""Messages to files: one file of JSON lines per topic, appended to.

A message is acknowledged once the operating system has its whole line: it survives
kill -9 of the process. (A power cut can take the last seconds; where that matters, use
Kafka.) A line torn by a kill is cut off at the next start; its message was not
acknowledged, so it is sent again.

A file may be renamed, deleted or emptied at any moment, as rotation does. The next write, or
SIGHUP, notices that another file or none bears the name, and goes on with that: the old file
ends with a whole line, and the new one begins with one.
"""

from __future__ import annotations

import os
import stat
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path

from bytewax.outputs import DynamicSink, StatelessSinkPartition

from dataflows.errors import FullDiskError, InputError
from dataflows.lifecycle.bytewax_errors import hushing
from dataflows.state.outbox import (
    DEAD_LETTERS,
    INTENTS,
    NARRATIVES,
    RECOMMENDATIONS,
    Acknowledge,
    Out,
)

ALWAYS = (RECOMMENDATIONS, INTENTS, DEAD_LETTERS)
TOPICS = (*ALWAYS, NARRATIVES)
"""Those that are not always written have a file once there is something in it."""
BLOCK = 1 << 16


def topic_file(folder: Path, topic: str) -> Path:
    """Return the file of a topic."""
    return folder / f"{topic}.jsonl"


class OutputFile:
    """A file that lines are appended to, found under its path again whatever becomes of it.

    Raises InputError where it cannot be opened or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = self._open()

    def append(self, values: Sequence[bytes]) -> None:
        """Add whole lines to the file that bears the name now."""
        if not self._is_there():
            self.reopen()
        rest = memoryview(b"\n".join(values) + b"\n")
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError as error:
            raise _unwritable(self._path, error) from error

    def reopen(self) -> None:
        """Open the file that bears the name now, made where there is none."""
        former, self._file = self._file, self._open()
        self._let_go(former)

    def close(self) -> None:
        """Write all to the disk, and close the file."""
        self._let_go(self._file)

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self._path, flags, 0o666)  # less what the umask takes away
            size = os.fstat(file).st_size
            # Somebody else's line, or what is left of one: ours begin on a line of their own.
            if size and os.pread(file, 1, size - 1) != b"\n":
                os.write(file, b"\n")
        except OSError as error:
            raise InputError(
                f"{self._path}: cannot be opened ({error.strerror}); make its folder writable, or "
                "give [files] another output, then start again: nothing is lost"
            ) from error
        return file

    def _let_go(self, file: int) -> None:
        try:
            if stat.S_ISREG(os.fstat(file).st_mode):
                os.fsync(file)
        except OSError as error:
            raise _unwritable(self._path, error) from error
        finally:
            os.close(file)

    def _is_there(self) -> bool:
        """Return whether the name still stands for the file that is open."""
        try:
            named = self._path.stat()
        except OSError:
            return False
        return os.path.samestat(named, os.fstat(self._file))


class FileSinkPartition(StatelessSinkPartition[Out]):
    """One worker's end of the files. `reopen` may be called from any thread."""

    def __init__(self, folder: Path, acknowledge: Acknowledge) -> None:
        self._acknowledge = acknowledge
        self._paths = {topic: topic_file(folder, topic) for topic in TOPICS}
        self._lock = threading.Lock()
        self._files = {topic: OutputFile(self._paths[topic]) for topic in ALWAYS}

    @hushing
    def write_batch(self, items: list[Out]) -> None:
        """Append each message to its file, whole lines at a time, then acknowledge them."""
        lines: dict[str, list[bytes]] = {}
        for out in items:
            lines.setdefault(out.topic, []).append(out.value if out.value is not None else b"null")
        with self._lock:
            for topic, values in lines.items():
                if topic not in self._files:
                    self._files[topic] = OutputFile(self._paths[topic])
                self._files[topic].append(values)
        for out in items:
            self._acknowledge(out.number)

    def reopen(self) -> None:
        """Open all files anew, between two batches. Raises InputError."""
        with self._lock:
            for file in self._files.values():
                file.reopen()

    @hushing
    def close(self) -> None:
        """Write all to the disk, and close the files."""
        with self._lock:
            while self._files:
                self._files.popitem()[1].close()


class FileSink(DynamicSink[Out]):
    """Appends to the files in `folder`, made where it is missing. Raises InputError."""

    def __init__(self, folder: Path, acknowledge: Acknowledge) -> None:
        self._folder = folder
        self._acknowledge = acknowledge
        self._parts: weakref.WeakSet[FileSinkPartition] = weakref.WeakSet()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for topic in TOPICS:
                cut_torn_line(topic_file(folder, topic))
        except OSError as error:
            raise InputError(
                f"{folder}: cannot be written to ({error.strerror}); give [files] another output"
            ) from error

    @hushing
    def build(self, step_id: str, worker_index: int, worker_count: int) -> FileSinkPartition:  # noqa: ARG002
        """Return the end of one worker."""
        part = FileSinkPartition(self._folder, self._acknowledge)
        self._parts.add(part)
        return part

    def reopen(self) -> None:
        """Open the files of all workers anew, from any thread. Raises InputError."""
        for part in list(self._parts):
            part.reopen()


def _unwritable(path: Path, error: OSError) -> FullDiskError:
    return FullDiskError(
        f"{path}: cannot be written ({error.strerror}); make room, then start again: "
        "nothing is lost"
    )


def cut_torn_line(path: Path) -> int:
    """Cut off what follows the last newline of a file; return how many bytes that was."""
    if not path.is_file():
        return 0
    with path.open("r+b") as file:
        size = end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - BLOCK)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            end = start + newline + 1 if newline >= 0 else start
            if newline >= 0:
                break
        file.truncate(end)
    return size - end
