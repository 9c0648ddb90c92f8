"""Events to the file that `penchant run` follows: whole lines, behind one another, on the disk.

Several processes may append: a lock on the file keeps their lines apart, and tells each where its
own begin. The file is opened anew each time, so that rotation harms nothing.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import NoReturn

from dataflows.config.config import FilesSettings
from dataflows.connectors.files.compression import MAGIC
from dataflows.connectors.files.pipe import is_piped
from dataflows.errors import FullDiskError
from dataflows.messages.partition_names import generation_name, newest_generation
from dataflows.serve.answers import NotAnsweredHereError
from dataflows.serve.intake.destination import NotTakenError, Record, Written

_LONGEST_MAGIC = max(map(len, MAGIC))


class FileDestination:
    """Appends events to `files.events`. `partitions` tells the names that were read so far."""

    def __init__(
        self, files: FilesSettings, partitions: Callable[[], Iterable[str]] = tuple
    ) -> None:
        self._files = files
        self._path = Path(files.events)
        self._partitions = partitions

    def put_events(
        self, records: Sequence[Record], seconds: float
    ) -> list[Written | NotTakenError]:
        """Append events and return where each begins, once all are on the disk.

        Raises NotAnsweredHereError where the file is not ours to write, and FullDiskError.
        """
        del seconds  # a disk is not waited for
        self._check()
        lines = [(record.value or b"null") + b"\n" for record in records]
        try:
            start = _append(self._path, b"".join(lines))
        except OSError as error:
            raise FullDiskError(
                f"{self._path}: cannot be written ({error.strerror}); make room, or let this "
                "process write there"
            ) from error
        name = self._partition()
        found: list[Written | NotTakenError] = []
        for line in lines:
            found.append(Written(name, start))
            start += len(line)
        return found

    def put_item(self, record: Record, seconds: float) -> NoReturn:
        """Raise NotAnsweredHereError: a catalogue in a file is read at the start alone."""
        del record, seconds
        name = self._files.items or "files.items"
        raise NotAnsweredHereError(
            f"with flow.source = 'files' the catalogue ({name}) is read at a start alone; change "
            "that file and start again, or take items from a topic (flow.source = 'kafka')"
        )

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def _check(self) -> None:
        """Raise NotAnsweredHereError where what stands under the name is nothing to append to."""
        name = self._files.events
        if not self._files.follow:
            raise NotAnsweredHereError(
                f"{name} is read to its end and not followed; set files.follow, or send events to "
                "a topic (flow.source = 'kafka')"
            )
        if is_piped(self._path):
            raise NotAnsweredHereError(
                f"{name} is read as a pipe, in which others write; write there too, or let "
                "files.events name a plain file"
            )
        try:
            with self._path.open("rb") as file:
                is_plain = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
                head = file.read(_LONGEST_MAGIC) if is_plain else b""
        except OSError:
            return  # it is not there yet, or appending will say why not
        packed = next((form for magic, form in MAGIC.items() if head.startswith(magic)), None)
        if packed is not None or not is_plain:
            raise NotAnsweredHereError(
                f"{name} is {f'a {packed} file' if packed else 'no plain file'}, to which no line "
                "can be appended; let files.events name a plain file"
            )

    def _partition(self) -> str:
        """Return the name of the partition that the file is read as, as far as that is known."""
        name = self._path.name
        return generation_name(name, max(1, newest_generation(name, self._partitions())))


def _append(path: Path, data: bytes) -> int:
    """Append bytes that end a line, and return where they begin. Raises OSError."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        with closing(os.fdopen(file, "rb", buffering=0)):
            fcntl.flock(file, fcntl.LOCK_EX)  # until it is closed
            if not _is_at(path, file):
                continue  # rotated away between the two
            start = os.fstat(file).st_size
            if start and os.pread(file, 1, start - 1) != b"\n":
                data, start = b"\n" + data, start + 1  # behind what somebody left unfinished
            _write(file, data)
            return start


def _write(file: int, data: bytes) -> None:
    """Write all, or leave the file as it was."""
    before, rest = os.fstat(file).st_size, memoryview(data)
    try:
        while rest:
            rest = rest[os.write(file, rest) :]
        os.fsync(file)
    except OSError:
        os.ftruncate(file, before)
        raise


def _is_at(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False
