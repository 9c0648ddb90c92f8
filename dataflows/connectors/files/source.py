"""Events and items from files of JSON lines: a Bytewax source that goes on where the state ends.

A record's offset is the byte at which its line starts, in the text where a file is compressed.
The items are read first, whole, at each start where the file has changed; then the events,
from the stored position on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple, Protocol

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from dataflows.connectors.files.full_catalogue import WholeCatalogue
from dataflows.connectors.files.item_changes import ItemChanges
from dataflows.connectors.files.line_reader import LineReader
from dataflows.connectors.files.pipe import is_piped, piped_name
from dataflows.connectors.files.pipe_reader import PipedReader
from dataflows.connectors.files.readable import content_partition
from dataflows.connectors.files.succession import Succession
from dataflows.errors import InputError
from dataflows.lifecycle.bytewax_errors import hushing
from dataflows.messages.partition_names import next_generation
from dataflows.messages.raw import EVENTS, ITEMS, Raw
from dataflows.state.positions import Progress

POLL = timedelta(milliseconds=20)


class SideInput(Protocol):
    """What is read beside the events, and comes before more of them."""

    def take(self, most: int, *, at_end: bool = False) -> list[Raw]:
        """Return what has come, at most so many; `at_end`: the events are read to their end."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


class FilesBeside(NamedTuple):
    """What is read with the events: `decisions`, and `changes` of items behind the catalogue."""

    decisions: SideInput | None = None
    changes: ItemChanges | None = None


NOTHING_BESIDE = FilesBeside()


class FilePartition(StatefulSourcePartition[Raw, None]):
    """All files as one stream: `first` whole, then events; ends with them unless `follow`.

    `removals` come ahead of all.
    """

    def __init__(
        self,
        first: Sequence[LineReader],
        events: Succession | PipedReader,
        batch: int,
        *,
        follow: bool,
        stop: Callable[[], bool],
        removals: Sequence[Raw] = (),
        beside: FilesBeside = NOTHING_BESIDE,
    ) -> None:
        self._first = first
        self._decisions, self._changes = beside
        self._events = events
        self._batch = batch
        self._follow = follow
        self._stop = stop
        self._is_idle = False
        self._records: Iterator[Raw] = chain(removals, *(reader.records() for reader in first))

    @hushing
    def next_batch(self) -> list[Raw]:
        """Return what is in hand, at most `batch` records."""
        if self._stop():
            raise StopIteration
        raws = self._decided() or self._next() or self._decided(at_end=True)
        self._is_idle = not raws
        if self._is_idle and self._events.is_over:
            for one in (*self._first, self._events, *self._changed):
                one.tell_torn()
            raise StopIteration
        return raws

    def _next(self) -> list[Raw]:
        raws = list(islice(self._records, self._batch))
        if self._changes is not None and len(raws) < self._batch:
            raws += self._changes.take(self._batch - len(raws))
        return raws + self._events.take(self._batch - len(raws))

    @property
    def _changed(self) -> tuple[ItemChanges, ...]:
        return () if self._changes is None else (self._changes,)

    def _decided(self, *, at_end: bool = False) -> list[Raw]:
        return [] if self._decisions is None else self._decisions.take(self._batch, at_end=at_end)

    def next_awake(self) -> datetime | None:
        """Look again a little later where there was nothing new."""
        return datetime.now(UTC) + POLL if self._is_idle else None

    def snapshot(self) -> None:
        """Return nothing: positions are kept with the state that they belong to."""

    def close(self) -> None:
        """Close the files."""
        for one in (*self._first, self._events, *self._changed):
            one.close()
        if self._decisions is not None:
            self._decisions.close()


class FileSource(FixedPartitionedSource[Raw, None]):
    """Items and events of two files.

    `progress` says from where to go on; `stop` is asked before each batch, and ends the
    source once it says yes. An events file is a partition under its name, and so is each that
    takes its place (see `Succession`), and each pipe, under a number of its own; an items file
    under its name and a digest of its bytes, so that a changed one is read anew. `whole`
    finds what an items file no longer has; None where a file holds changes only. `beside`
    opens what is read with them.
    """

    def __init__(  # noqa: PLR0913 - what is read, from where, and how
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
        beside: Callable[[], FilesBeside] = FilesBeside,
    ) -> None:
        self._beside = beside
        self._events = events
        self._items = items
        self._progress = progress
        self._stop = stop
        self._batch_size = batch_size
        self._follow = follow
        self._max_bytes = max_bytes
        self._whole = whole
        self._part: FilePartition | None = None
        self._first: list[LineReader] = []
        self._read: Succession | PipedReader | None = None

    def open(self) -> None:
        """Open all files, so that errors are reported before the flow starts.

        Raises InputError where one cannot be read from where the state ends.
        """
        if self._part is None:
            self._part = self._open()

    def close(self) -> None:
        """Close the files, where no flow has taken them over."""
        part, self._part = self._part, None
        if part is not None:
            part.close()

    def check_whole(self) -> None:
        """Raise InputError where compressed data ended too early, once the rest is learnt."""
        damaged = [f"{one.path}: {one.source.damage}" for one in self._first if one.source.damage]
        if self._read is not None and self._read.damage is not None:
            damaged.append(self._read.damage)
        if damaged:
            raise InputError(f"{damaged[0]}; what could be read of it is learnt")

    def unread(self) -> int:
        """Return the bytes of events not yet learnt and stored; 0 where that is not known."""
        reader = None if self._read is None else self._read.reader
        if reader is None or not reader.source.is_plain:
            return 0
        try:
            size = reader.path.stat().st_size
        except OSError:
            return 0
        return max(0, size - (self._progress.position(reader.partition) or 0))

    def list_parts(self) -> list[str]:
        """List all files as one partition of the flow, so that items come before events."""
        return ["files"]

    @hushing
    def build_part(self, step_id: str, for_part: str, resume_state: None) -> FilePartition:  # noqa: ARG002
        """Return the one partition, which is opened once only. Raises InputError (see `open`)."""
        self.open()
        part, self._part = self._part, None
        assert part is not None  # noqa: S101 - just opened
        return part

    def _open(self) -> FilePartition:
        first: list[LineReader] = []
        removals: Sequence[Raw] = ()
        with ExitStack() as undo:
            if self._items is not None:
                content = content_partition(self._items)
                removals = self._removals(self._items, content)
                start = self._progress.position(content) or 0
                first.append(
                    LineReader(self._items, ITEMS, content, start=start, max_bytes=self._max_bytes)
                )
                undo.callback(first[0].close)
            events = self._open_events()
            undo.callback(events.close)
            for reader in (*first, events.reader):
                if not reader.end and not reader.source.is_stream:
                    reader.source.check_shape()
            beside = self._beside()
            undo.pop_all()
        self._first, self._read = first, events
        return FilePartition(
            first,
            events,
            self._batch_size,
            follow=self._follow,
            stop=self._stop,
            removals=removals,
            beside=beside,
        )

    def _removals(self, path: Path, content: str) -> list[Raw]:
        if self._whole is None:
            return []
        with closing(LineReader(path, ITEMS, content, max_bytes=self._max_bytes)) as reader:
            reader.source.check_shape()
            return self._whole.removals(
                ITEMS,
                content,
                reader.records(),
                lambda: bool(reader.torn or reader.source.damage),
            )

    def _open_events(self) -> Succession | PipedReader:
        path = self._events
        if is_piped(path):
            name = next_generation(piped_name(path), self._progress.names())
            return PipedReader(self._events_reader(path, name, 0), follow=self._follow)
        return Succession(path, self._progress, self._events_reader, follow=self._follow)

    def _events_reader(self, path: Path, partition: str, start: int) -> LineReader:
        reader = LineReader(
            path,
            EVENTS,
            partition,
            start=start,
            max_bytes=self._max_bytes,
            whole_only=self._follow,
            streams=True,
            tells=True,
        )
        form = reader.source.form
        if form is not None and self._follow and path == self._events:
            reader.close()
            raise InputError(
                f"{path}: is a {form} file, which does not grow line by line; follow the plain "
                "file that is written, or set files.follow to false"
            )
        return reader
