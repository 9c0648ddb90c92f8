"""Writes a log in order of time, with memory for a few numbers per event and no more.

Events go to a spool file as they come, without their times; then the lines are
copied in order, each with its time. Files are finished before they take their names.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryFile
from typing import IO

import msgspec
import numpy as np

from dataflows.config.events import EventSettings
from dataflows.config.stars import StarCounts, written
from dataflows.datasets.output.folder import aside
from dataflows.datasets.output.join import join
from dataflows.datasets.output.report import SETTINGS, ConvertReport
from dataflows.datasets.rows.draft import Log, Timed
from dataflows.datasets.rows.find import unread
from dataflows.datasets.rows.tally import Tally
from dataflows.errors import InputError

EVENTS, ITEMS = "events.jsonl", "items.jsonl"
_ABOUT = "Stars: below the first number one speaks against its item, above the second it is a wish."
EARLIEST, LATEST = EventSettings().min_time, EventSettings().max_time
"""Outside of these a run refuses events, unless it is told otherwise."""

UNTIMED_START = 1_600_000_000
"""13 September 2020: the time of the first row of a set that has no times."""


class Spool:
    """Events that wait for their place: bytes on disk; time, end and a hash of the id in memory.

    `taken` counts the events of each item, `stars` looks at their values.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.times = array("d")
        self._ends = array("q", [0])
        self._ids = array("q")
        self.untimed = 0
        self.taken: dict[str, int] = {}
        self.stars = StarCounts()

    def fill(self, events: Iterator[Timed]) -> None:
        """Read every event."""
        for ts, draft in events:
            line = msgspec.json.encode(draft)[:-1]
            self._file.write(line)
            self._ends.append(self._ends[-1] + len(line))
            self._ids.append(hash(draft.event_id))
            self.untimed += ts is None
            self.stars.note(draft.type, draft.value)
            self.times.append(UNTIMED_START + len(self.times) if ts is None else ts)
            if draft.item_id is not None:
                self.taken[draft.item_id] = self.taken.get(draft.item_id, 0) + 1
        self._file.flush()

    def line(self, place: int, ts: float) -> bytes:
        """Return the event that came in at `place` as a whole line, dated `ts`."""
        start, end = self._ends[place], self._ends[place + 1]
        self._file.seek(start)
        moment = int(ts) if ts == int(ts) else ts
        return self._file.read(end - start) + b',"ts":%s}\n' % msgspec.json.encode(moment)

    @property
    def repeated_ids(self) -> int:
        """How many events have the id of an earlier one."""
        return len(self._ids) - len(np.unique(np.frombuffer(self._ids, np.int64)))


def write_log(
    log: Log,
    out_dir: Path,
    tally: Tally,
    *,
    format: str,  # noqa: A002
    source: Path,
    shuffle: int | None,
) -> ConvertReport:
    """Write `events.jsonl` and `items.jsonl` into `out_dir`. Raises InputError (see `convert`)."""
    events_path, items_path = out_dir / EVENTS, out_dir / ITEMS
    with _disk_errors(out_dir), aside(items_path, events_path) as (items_file, events_file):
        with TemporaryFile(dir=out_dir) as file:
            spool = Spool(file)
            spool.fill(log.events)
            if not spool.times:
                raise InputError(_nothing_usable(tally, format, source))
            times, order, was_sorted = _order(spool, shuffle)
            events_file.writelines(
                spool.line(place, ts) for place, ts in zip(order, times, strict=True)
            )
        catalogue: dict[str, None] = {}
        for item in log.items:
            items_file.write(msgspec.json.encode(item) + b"\n")
            catalogue[item.item_id] = None
    settings = _settings(spool.stars)
    with _disk_errors(out_dir):
        settings_path = _write_settings(out_dir, settings)
    return ConvertReport(
        format=format,
        events_path=events_path,
        items_path=items_path,
        rows=tally.rows,
        events=len(times),
        items=len(catalogue),
        refused=dict(tally.refused),
        examples=tuple(tally.examples),
        first=times[0],
        last=times[-1],
        timed=not (spool.untimed or log.made_times),
        made_times=log.made_times,
        was_sorted=was_sorted,
        repeated_ids=spool.repeated_ids,
        shuffle=shuffle,
        implausible=sum(not EARLIEST <= ts <= LATEST for ts in times),
        notes=dict(tally.notes),
        columns=tally.columns.all(),
        join=join(spool.taken, catalogue),
        unread=_unread(source, log, tally),
        remarks=(*log.remarks, *tally.remarks),
        settings=settings,
        settings_path=settings_path,
    )


def _settings(stars: StarCounts) -> str:
    """Return what a configuration should say of the values of a log, "" for nothing."""
    tables = []
    for kind, scale in stars.scales().items():
        lines = (f"{key} = {of}" for key, of in written(scale).items())
        tables.append("\n".join([f"[clean.values.{kind}]", *lines]))
    return "\n\n".join([f"# {_ABOUT}", *tables]) + "\n" if tables else ""


def _write_settings(out_dir: Path, settings: str) -> Path | None:
    """Write the settings beside the log; return where, None where another such file is there."""
    path = out_dir / SETTINGS
    if not settings or (path.exists() and path.read_bytes() != settings.encode()):
        return None
    path.write_bytes(settings.encode())
    return path


def _unread(source: Path, log: Log, tally: Tally) -> dict[str, str]:
    """Return the files of the folder that were not read, each with the reason, "" for none."""
    return {name: log.unread.get(name, "") for name in unread(source, tally.files)}


def _order(spool: Spool, shuffle: int | None) -> tuple[Sequence[float], Sequence[int], bool]:
    """Return the times in order, the event for each of them, and whether they came in order."""
    came = np.frombuffer(spool.times, np.float64)
    by_time = np.argsort(came, kind="stable")
    times = came[by_time].tolist()
    was_sorted = bool((np.diff(came) >= 0).all())
    order = by_time.tolist()
    if shuffle is not None:
        order = list(range(len(times)))
        Random(shuffle).shuffle(order)  # noqa: S311 - an order that can be drawn again, no secret
    return times, order, was_sorted


@contextmanager
def _disk_errors(out_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename or out_dir
        raise InputError(
            f"{where}: cannot be written ({error.strerror}); give a folder for the output"
        ) from error


def _nothing_usable(tally: Tally, format: str, source: Path) -> str:  # noqa: A002
    if not tally.examples:
        return f"{source}: has no rows; give {format} data that is not empty"
    first = tally.examples[0]
    return (
        f"{first.file}: none of {tally.rows} rows can be used as {format} "
        f"(line {first.line}: {first.reason}: {first.detail}); give a file of that format"
    )
