"""Events and items to the files that `penchant run` follows: whole lines, on the disk.

A partition is the file and what it was before each rotation; its lines are named by their bytes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from dataflows.config.config import FilesSettings
from dataflows.connectors.files.beside_file import partition_of
from dataflows.connectors.files.compression import MAGIC
from dataflows.connectors.files.item_changes import removal_line
from dataflows.connectors.files.pipe import is_piped
from dataflows.errors import FullDiskError
from dataflows.messages.partition_names import generation_name, newest_generation
from dataflows.messages.raw import ITEMS
from dataflows.serve.answers import NotAnsweredHereError
from dataflows.serve.intake.appended_file import AppendedFile
from dataflows.serve.intake.destination import NotTakenError, Record, Written

_LONGEST_MAGIC = max(map(len, MAGIC))


class FileDestination:
    """Appends events to `files.events`, and items to `files.item_changes`.

    `partitions` tells the names that were read so far.
    """

    def __init__(
        self, files: FilesSettings, partitions: Callable[[], Iterable[str]] = tuple
    ) -> None:
        self._files = files
        self._events = _OwnFile(Path(files.events), "files.events")
        self._items = _OwnFile(Path(files.item_changes or ""), "files.item_changes")
        self._partitions = partitions

    def put_events(
        self, records: Sequence[Record], seconds: float
    ) -> list[Written | NotTakenError]:
        """Append events and return where each begins, once all are on the disk.

        Raises NotAnsweredHereError where the file is not ours to write, and FullDiskError.
        """
        del seconds  # a disk is not waited for
        self._check_followed(self._files.events)
        starts = self._events.append([(record.value or b"null") + b"\n" for record in records])
        name = Path(self._files.events).name
        name = generation_name(name, max(1, newest_generation(name, self._partitions())))
        return [Written(name, start) for start in starts]

    def put_item(self, record: Record, seconds: float) -> Written:
        """Append an item, or its removal. Raises as `put_events`."""
        del seconds
        files = self._files
        if files.item_changes is None:
            raise NotAnsweredHereError(
                f"with flow.source = 'files' the catalogue ({files.items or 'files.items'}) is "
                "read at a start alone; let files.item_changes name a file for what changes "
                "meanwhile, or take items from a topic (flow.source = 'kafka')"
            )
        self._check_followed(files.item_changes)
        line = removal_line(record.key.decode()) if record.value is None else record.value
        (start,) = self._items.append([line + b"\n"])
        return Written(partition_of(Path(files.item_changes), ITEMS), start)

    def close(self) -> None:
        """Let go of the files."""
        self._events.close()
        self._items.close()

    def _check_followed(self, name: str) -> None:
        if not self._files.follow:
            raise NotAnsweredHereError(
                f"{name} is read to its end and not followed; set files.follow, or send events to "
                "a topic (flow.source = 'kafka')"
            )


class _OwnFile:
    """A plain file that lines are appended to; `setting` is what names it."""

    def __init__(self, path: Path, setting: str) -> None:
        self._path = path
        self._setting = setting
        self._file = AppendedFile(path)
        self._checked: os.stat_result | None = None

    def append(self, lines: Sequence[bytes]) -> list[int]:
        """Append lines and return where each begins, once all are on the disk.

        Raises NotAnsweredHereError where what stands there is nothing to append to, and
        FullDiskError.
        """
        self._check()
        try:
            return self._file.append(lines)
        except OSError as error:
            raise FullDiskError(
                f"{self._path}: cannot be written ({error.strerror}); make room, or let this "
                "process write there"
            ) from error

    def close(self) -> None:
        """Let go of it."""
        self._file.close()

    def _check(self) -> None:
        """Raise NotAnsweredHereError where what stands under the name is nothing to append to."""
        if self._is_checked():
            return
        if is_piped(self._path):
            raise NotAnsweredHereError(
                f"{self._path} is read as a pipe, in which others write; write there too, or let "
                f"{self._setting} name a plain file"
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
                f"{self._path} is {f'a {packed} file' if packed else 'no plain file'}, to which no "
                f"line can be appended; let {self._setting} name a plain file"
            )
        if head:  # what was empty may still become anything
            self._checked = found

    def _is_checked(self) -> bool:
        try:
            return self._checked is not None and os.path.samestat(self._checked, self._path.stat())
        except OSError:
            return False
