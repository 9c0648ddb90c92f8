"""Events and items from files of JSON lines: a Bytewax source that goes on where the state ends.

A record's offset is the byte at which its line starts. The items are read first, whole, at
each start where the file has changed; then the events, from the stored position on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from hashlib import blake2b, file_digest
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from dataflows.errors import InputError
from dataflows.progress import Progress
from dataflows.record import Raw
from dataflows.whole_catalogue import WholeCatalogue

EVENTS = "events"
ITEMS = "items"
BOM = b"\xef\xbb\xbf"
POLL = timedelta(milliseconds=20)


class LineReader:
    """The lines of one file from a byte position on, as records; blank lines are left out.

    A line longer than `max_bytes` is cut to one byte more, so that decoding refuses it
    without the whole of it in memory. With `whole_only` a last line that has no newline yet
    is left for later. Raises InputError where the file cannot be read, or is not the one
    that `start` was in.
    """

    def __init__(
        self,
        path: Path,
        topic: str,
        partition: str,
        *,
        start: int = 0,
        max_bytes: int,
        whole_only: bool = False,
    ) -> None:
        self._path = path
        self._topic = topic
        self._partition = partition
        self._max_bytes = max_bytes
        self._whole_only = whole_only
        self._position = start
        self._file = _open_at(path, start)

    def records(self) -> Iterator[Raw]:
        """Yield the records up to the present end of the file; call again for what came since."""
        while (found := self._line()) is not None:
            start, line = found
            value = line.rstrip(b"\r\n").removeprefix(BOM if start == 0 else b"")
            if value.strip():
                yield Raw(self._topic, self._partition, start, self._position, None, value)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _line(self) -> tuple[int, bytes] | None:
        """Give where the next line starts, and the line; None at the end."""
        start = self._position
        line = self._file.readline(self._max_bytes + 2)
        end = start + len(line)
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = self._file.readline(1 << 20)
            end += len(rest)
        is_torn = not (rest or line).endswith(b"\n")
        if not line or (is_torn and self._whole_only):
            self._file.seek(start)
            return None
        self._position = end
        return start, line


class FilePartition(StatefulSourcePartition[Raw, None]):
    """Both files as one stream: items, then events; ends with the events unless `follow`.

    `removals` come ahead of the items.
    """

    def __init__(
        self,
        items: LineReader | None,
        events: LineReader,
        batch: int,
        *,
        follow: bool,
        stop: Callable[[], bool],
        removals: Sequence[Raw] = (),
    ) -> None:
        self._items = items
        self._events = events
        self._batch = batch
        self._follow = follow
        self._stop = stop
        self._is_idle = False
        self._records: Iterator[Raw] = chain(
            removals, items.records() if items else (), events.records()
        )

    def next_batch(self) -> list[Raw]:
        """Give what is in hand, at most `batch` records."""
        if self._stop():
            raise StopIteration
        raws = list(islice(self._records, self._batch))
        self._is_idle = not raws
        if self._is_idle:
            if not self._follow:
                raise StopIteration
            self._records = self._events.records()
        return raws

    def next_awake(self) -> datetime | None:
        """Look again a little later where there was nothing new."""
        return datetime.now(UTC) + POLL if self._is_idle else None

    def snapshot(self) -> None:
        """Nothing: positions are kept with the state that they belong to."""

    def close(self) -> None:
        """Let go of the files."""
        self._events.close()
        if self._items is not None:
            self._items.close()


class FileSource(FixedPartitionedSource[Raw, None]):
    """Items and events of two files.

    `progress` says from where to go on; `stop` is asked before each batch, and ends the
    source once it says yes. An events file is a partition under its name; an items file
    under its name and a digest of its bytes, so that a changed one is read anew. `whole`
    finds what an items file no longer has; None where a file holds changes only.
    """

    def __init__(
        self,
        events: Path,
        items: Path | None = None,
        *,
        progress: Progress,
        stop: Callable[[], bool],
        batch_size: int = 1000,
        follow: bool = False,
        max_bytes: int = 1_048_576,
        whole: WholeCatalogue | None = None,
    ) -> None:
        self._events = events
        self._items = items
        self._progress = progress
        self._stop = stop
        self._batch_size = batch_size
        self._follow = follow
        self._max_bytes = max_bytes
        self._whole = whole

    def open(self) -> None:
        """Look whether both files can be read from where the state ends. Raises InputError."""
        self._part().close()

    def unread(self) -> int:
        """Bytes of the events that are not yet learnt and stored; 0 where there is no file."""
        try:
            size = self._events.stat().st_size
        except OSError:
            return 0
        return max(0, size - (self._progress.position(self._events.name) or 0))

    def list_parts(self) -> list[str]:
        """Both files are one partition of the flow, so that items come before events."""
        return ["files"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> FilePartition:  # noqa: ARG002
        """Give the one partition. Raises InputError (see `LineReader`)."""
        return self._part()

    def _part(self) -> FilePartition:
        items = None
        removals: Sequence[Raw] = ()
        if self._items is not None:
            content = f"{self._items.name}@{_digest(self._items)}"
            removals = self._removals(self._items, content)
            items = self._reader(self._items, ITEMS, content)
        with ExitStack() as undo:
            if items is not None:
                undo.callback(items.close)
            events = self._reader(self._events, EVENTS, self._events.name, self._follow)
            undo.pop_all()
        return FilePartition(
            items,
            events,
            self._batch_size,
            follow=self._follow,
            stop=self._stop,
            removals=removals,
        )

    def _removals(self, path: Path, content: str) -> list[Raw]:
        if self._whole is None:
            return []
        with closing(LineReader(path, ITEMS, content, max_bytes=self._max_bytes)) as reader:
            return self._whole.removals(ITEMS, content, reader.records(), lambda: _breaks_off(path))

    def _reader(
        self,
        path: Path,
        topic: str,
        partition: str,
        whole_only: bool = False,
    ) -> LineReader:
        return LineReader(
            path,
            topic,
            partition,
            start=self._progress.position(partition) or 0,
            max_bytes=self._max_bytes,
            whole_only=whole_only,
        )


def _open_at(path: Path, start: int) -> BinaryIO:
    try:
        file = path.open("rb")
        if start:
            file.seek(start - 1)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); give the path of a file of JSON lines"
        ) from error
    if start and file.read(1) != b"\n" and file.seek(0, 2) != start:
        file.close()
        raise InputError(
            f"{path}: the state has read {start} bytes of a file of this name, and no line ends "
            "there in this one; give the file that was read, only longer, or an empty [state] path"
        )
    return file


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file_digest(file, lambda: blake2b(digest_size=8)).hexdigest()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); give the path of a file of JSON lines"
        ) from error


def _breaks_off(path: Path) -> bool:
    last = path.read_bytes().rpartition(b"\n")[2]
    try:
        return bool(last) and json.loads(last) is None
    except ValueError:
        return True
