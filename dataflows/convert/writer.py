"""Writes a log in order of time, with memory for a few numbers per event and no more.

Events go to a spool file as they come, without their times; then the lines are
copied in order, each with its time. A copy is finished before it takes its name.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryFile
from typing import IO

import msgspec
import numpy as np

from dataflows.convert.draft import Log, Timed
from dataflows.convert.report import ConvertReport
from dataflows.convert.tally import Tally
from dataflows.errors import InputError

UNTIMED_START = 1_600_000_000
"""13 September 2020: the time of the first row of a set that has no times."""


class Spool:
    """Events that wait for their place: bytes on disk; time, end and a hash of the id in memory."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.times = array("d")
        self._ends = array("q", [0])
        self._ids = array("q")
        self.untimed = 0

    def fill(self, events: Iterator[Timed]) -> None:
        """Take in every event."""
        for ts, draft in events:
            line = msgspec.json.encode(draft)[:-1]
            self._file.write(line)
            self._ends.append(self._ends[-1] + len(line))
            self._ids.append(hash(draft.event_id))
            self.untimed += ts is None
            self.times.append(UNTIMED_START + len(self.times) if ts is None else ts)
        self._file.flush()

    def line(self, place: int, ts: float) -> bytes:
        """Give the event that came in at `place` as a whole line, dated `ts`."""
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
    events_path, items_path = out_dir / "events.jsonl", out_dir / "items.jsonl"
    with _disk_errors(out_dir), _aside(events_path, items_path) as (events_file, items_file):
        with TemporaryFile(dir=out_dir) as file:
            spool = Spool(file)
            spool.fill(log.events)
            if not spool.times:
                raise InputError(_nothing_usable(tally, format, source))
            times, order, was_sorted = _order(spool, shuffle)
            events_file.writelines(
                spool.line(place, ts) for place, ts in zip(order, times, strict=True)
            )
        items = 0
        for item in log.items:
            items_file.write(msgspec.json.encode(item) + b"\n")
            items += 1
    return ConvertReport(
        format=format,
        events_path=events_path,
        items_path=items_path,
        rows=tally.rows,
        events=len(times),
        items=items,
        refused=dict(tally.refused),
        examples=tuple(tally.examples),
        first=times[0],
        last=times[-1],
        timed=not spool.untimed,
        was_sorted=was_sorted,
        repeated_ids=spool.repeated_ids,
        shuffle=shuffle,
        remarks=log.remarks,
    )


def _order(spool: Spool, shuffle: int | None) -> tuple[Sequence[float], Sequence[int], bool]:
    """Give the times in order, the event for each of them, and whether they came in order."""
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
def _aside(*paths: Path) -> Iterator[list[IO[bytes]]]:
    """Open a file beside each path; they take their names when all are whole, or are deleted."""
    parts = [path.with_name(f"{path.name}.part") for path in paths]
    paths[0].parent.mkdir(parents=True, exist_ok=True)
    try:
        with ExitStack() as stack:
            yield [stack.enter_context(part.open("wb")) for part in parts]
        for part, path in zip(parts, paths, strict=True):
            part.replace(path)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)


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
