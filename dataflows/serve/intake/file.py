"""Events to the file that `penchant run` follows: whole lines, behind one another, on the disk.

A partition is the file and what it was before each rotation; its lines are named by their bytes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from dataflows.config.config import FilesSettings
from dataflows.connectors.files.compression import MAGIC
from dataflows.connectors.files.pipe import is_piped
from dataflows.errors import FullDiskError
from dataflows.messages.partition_names import generation_name, newest_generation
from dataflows.serve.answers import NotAnsweredHereError
from dataflows.serve.intake.appended_file import AppendedFile
from dataflows.serve.intake.destination import NotTakenError, Record, Written

_LONGEST_MAGIC = max(map(len, MAGIC))


class FileDestination:
    """Appends events to `files.events`. `partitions` tells the names that were read so far."""

    def __init__(
        self, files: FilesSettings, partitions: Callable[[], Iterable[str]] = tuple
    ) -> None:
        self._files = files
        self._path = Path(files.events)
        self._file = AppendedFile(self._path)
        self._partitions = partitions
        self._checked: os.stat_result | None = None

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
            starts = self._file.append(lines)
        except OSError as error:
            raise FullDiskError(
                f"{self._path}: cannot be written ({error.strerror}); make room, or let this "
                "process write there"
            ) from error
        name = self._partition()
        return [Written(name, start) for start in starts]

    def put_item(self, record: Record, seconds: float) -> NoReturn:
        """Raise NotAnsweredHereError: a catalogue in a file is read at the start alone."""
        del record, seconds
        name = self._files.items or "files.items"
        raise NotAnsweredHereError(
            f"with flow.source = 'files' the catalogue ({name}) is read at a start alone; change "
            "that file and start again, or take items from a topic (flow.source = 'kafka')"
        )

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _check(self) -> None:
        """Raise NotAnsweredHereError where what stands under the name is nothing to append to."""
        name = self._files.events
        if not self._files.follow:
            raise NotAnsweredHereError(
                f"{name} is read to its end and not followed; set files.follow, or send events to "
                "a topic (flow.source = 'kafka')"
            )
        if self._is_checked():
            return
        if is_piped(self._path):
            raise NotAnsweredHereError(
                f"{name} is read as a pipe, in which others write; write there too, or let "
                "files.events name a plain file"
            )
        try:
            with self._path.open("rb") as file:
                found = os.fstat(file.fileno())
                is_plain = stat.S_ISREG(found.st_mode)
                head = file.read(_LONGEST_MAGIC) if is_plain else b""
        except OSError:
            return  # it is not there yet, or appending will say why not
        packed = next((form for magic, form in MAGIC.items() if head.startswith(magic)), None)
        if packed is not None or not is_plain:
            raise NotAnsweredHereError(
                f"{name} is {f'a {packed} file' if packed else 'no plain file'}, to which no line "
                "can be appended; let files.events name a plain file"
            )
        if head:  # what was empty may still become anything
            self._checked = found

    def _is_checked(self) -> bool:
        try:
            return self._checked is not None and os.path.samestat(self._checked, self._path.stat())
        except OSError:
            return False

    def _partition(self) -> str:
        """Return the name of the partition that the file is read as, as far as that is known."""
        name = self._path.name
        return generation_name(name, max(1, newest_generation(name, self._partitions())))
