"""The order in which a log is replayed: by time, and one user's events at one time together.

A stable sort by time: ties keep the order of the log. The events of one (user,
time) form a group; its members are put side by side, groups in the order of
their first members. Only an index is held in memory (place, time and user of
each line); the lines themselves stay in the file.
"""

from __future__ import annotations

import itertools
import math
from array import array
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dataflows.config.events import EventSettings
from dataflows.connectors.files.line_reader import LineReader, content
from dataflows.connectors.files.readable import open_seekable
from dataflows.errors import InputError
from dataflows.messages.events import EventRecord, decode_event
from dataflows.messages.raw import EVENTS, Raw

Places = NDArray[np.int64]


class LogOrder:
    """Where each line of a log begins and ends, in the order of replay.

    `starts` and `ends` are byte positions, int64 `(n,)`. `events` counts the
    lines that are events; `moved` those that do not stand in the file where
    they stand in the order.
    """

    def __init__(
        self, path: Path, starts: Places, ends: Places, *, events: int, moved: int, max_bytes: int
    ) -> None:
        self.path = path
        self.starts = starts
        self.ends = ends
        self.events = events
        self.moved = moved
        self._max_bytes = max_bytes

    def __len__(self) -> int:
        return len(self.starts)

    def records(self) -> Iterator[Raw]:
        """Yield the lines in order.

        A record's offset is its place in the order, since offsets must grow.
        """
        at = 0
        with closing(open_seekable(self.path)) as file:
            for place, (start, end) in enumerate(zip(self.starts, self.ends, strict=True)):
                if start != at:
                    file.seek(start)
                line = file.read(end - start)
                at = end
                value = content(line, self._max_bytes, is_first=start == 0)
                yield Raw(EVENTS, self.path.name, place, place + 1, None, value)


def read_order(path: Path, settings: EventSettings, limit: int | None = None) -> LogOrder:
    """Index a log of JSON lines; with `limit`, keep the first events of the replay's order.

    A line that is no event has no time of its own: it keeps its place behind
    the line before it. Blank lines are passed over. Raises InputError where
    the file cannot be read or holds nothing.
    """
    starts, ends, times, users, is_event = _index(path, settings)
    if not len(starts):
        raise InputError(f"{path}: there is no line in it; give a log of events, one JSON a line")
    if not sum(is_event):
        raise InputError(
            f"{path}: none of its {len(starts):,} lines is an event; `penchant check {path}` says "
            "why, and `penchant convert` makes events of published logs"
        )
    order = replay_order(np.array(times), np.array(users))
    moved = int(np.count_nonzero(order != np.arange(len(order))))
    kept = order[:limit]
    return LogOrder(
        path,
        np.array(starts)[kept],
        np.array(ends)[kept],
        events=int(np.array(is_event)[kept].sum()),
        moved=moved,
        max_bytes=settings.max_record_bytes,
    )


def replay_order(times: NDArray[np.float64], users: Places) -> Places:
    """Return the lines `(n,)` in the order of replay, from their times and users `(n,)`."""
    by_time = np.argsort(times, kind="stable")
    times, users = times[by_time], users[by_time]
    moment = np.concatenate([[0], np.cumsum(times[1:] != times[:-1])]).astype(np.int64)
    group = moment * (int(users.max()) + 1) + users
    _, first, inverse = np.unique(group, return_index=True, return_inverse=True)
    return by_time[np.argsort(first[inverse], kind="stable")]


def _index(
    path: Path, settings: EventSettings
) -> tuple[array[int], array[int], array[float], array[int], array[int]]:
    """Read the file once: each line's start, end, time, user by number, and if it is an event."""
    starts, ends, times, users = array("q"), array("q"), array("d"), array("q")
    is_event = array("b")
    count = itertools.count()
    numbers: defaultdict[str, int] = defaultdict(count.__next__)
    time = -math.inf
    reader = LineReader(path, EVENTS, path.name, max_bytes=settings.max_record_bytes)
    with closing(reader):
        reader.source.check_shape()
        for raw in reader.records():
            event = decode_event(raw, settings)
            starts.append(raw.offset)
            ends.append(raw.next_offset)
            if isinstance(event, EventRecord):
                time = event.ts
                users.append(numbers[event.user_id])
            else:
                users.append(next(count))  # no event: a group of its own
            times.append(time)
            is_event.append(isinstance(event, EventRecord))
        reader.tell_torn()
    return starts, ends, times, users, is_event
