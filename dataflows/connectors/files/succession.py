"""The files that stand under one path, one after another, each read to its end.

A log is rotated: renamed, and a new file made in its place; or copied, and emptied where it
stands; or replaced by another. So a file is known by how it begins. When another is found,
the one that was read is finished, by the handle that is still open or in the rotated file
beside it, and those that were rotated since are read too. Each is a partition of its own
(`events.jsonl#2`), since positions never go back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Protocol

from dataflows.connectors.files.line_reader import LineReader
from dataflows.connectors.files.readable import FileId
from dataflows.connectors.files.rotation import begins, beside, id_of, next_younger
from dataflows.errors import InputError
from dataflows.messages.partition_names import generation_name, newest_generation
from dataflows.messages.raw import Origin, Raw
from dataflows.state.positions import Progress

LINGERING = 2
"""Files that were rotated away of which the handle is kept: their writer may not have left."""
_log = logging.getLogger(__name__)


class OpenReader(Protocol):
    """Opens a file from a position on, as a partition. Raises InputError."""

    def __call__(self, path: Path, partition: str, start: int) -> LineReader:
        """Open `path` at byte `start`."""
        ...


class Succession:
    """Reads what stands under `path`, and goes on with what takes its place.

    `progress` says how far earlier files were read, and what they were known by. With
    `follow` the end of the last file is not the end. Raises InputError where nothing can be
    read.
    """

    def __init__(
        self, path: Path, progress: Progress, open_reader: OpenReader, *, follow: bool
    ) -> None:
        self.damage: str | None = None
        self._path = path
        self._progress = progress
        self._open = open_reader
        self._follow = follow
        stored = _stored(path.name, progress)
        self._number = stored[0] if stored else 1
        self._older: list[LineReader] = []
        self._logged: str | None = None
        self._before: Origin | None = None
        """What the newest file before the one that is read now was known by."""
        if len(stored) > 1:
            self._linger(progress, stored[1])
        self.reader = self._first(progress)

    def take(self, most: int) -> list[Raw]:
        """Return at most `most` records of those that are there; none where all are read."""
        raws: list[Raw] = []
        while len(raws) < most:
            before = len(raws)
            for reader in tuple(self._older):
                raws += islice(reader.records(), most - len(raws))
            raws += self._of_newest(most - len(raws))
            if len(raws) == before and not self._advance():
                break
        return raws

    @property
    def is_over(self) -> bool:
        """Whether no more is to come, once `take` gives nothing."""
        return not self._follow

    def tell_torn(self) -> None:
        """Log what was left unread at the end of the files."""
        for reader in (*self._older, self.reader):
            reader.tell_torn()

    def close(self) -> None:
        """Close the files."""
        for reader in (*self._older, self.reader):
            self._let_go(reader)

    def _of_newest(self, most: int) -> list[Raw]:
        """Return records of the newest file, once it is sure that none was left out before it."""
        is_fresh = not self.reader.end
        found = list(islice(self.reader.records(), most))
        while found and is_fresh and self._is_next_left_out():
            found = list(islice(self.reader.records(), most))
        return found

    def _is_next_left_out(self) -> bool:
        """Open the file that came after the one before, where it was rotated away unread."""
        following = self._following(self._before, None)
        if following == self._path or id_of(following) == self.reader.source.file_id:
            return False
        left_out = self._tried(lambda: self._open(following, self.reader.partition, 0))
        if left_out is None:
            return False
        self._let_go(self.reader)
        self.reader = left_out
        return True

    def _first(self, progress: Progress) -> LineReader:
        """Open the file that was being read when the state was written, or what there is."""
        name = generation_name(self._path.name, self._number)
        position, origin = progress.position(name), progress.origin(name)
        if origin is None:
            return (
                self._open(self._path, name, 0)
                if position is None
                else self._unknown(name, position)
            )
        position = position or 0  # not every shard has stored something of it
        same = self._same(self._path, origin, name, position)
        if same is None:
            same = self._rotated(origin, name, position)
        if same is not None:
            return same
        there = begins(self._path)
        return self._anew(position, is_short=len(there) < origin.size or origin.fits(there))

    def _unknown(self, name: str, position: int) -> LineReader:
        """Open a file of which the state says only how far it was read."""
        reader = self._open(self._path, name, position)
        if not reader.is_short and not reader.goes_on():
            return reader
        reader.close()
        return self._anew(position, is_short=reader.is_short)

    def _linger(self, progress: Progress, number: int) -> None:
        """Open the file before the one that was being read, where more was written to it."""
        name = generation_name(self._path.name, number)
        position, origin = progress.position(name), progress.origin(name)
        if position is not None and origin is not None:
            reader = self._rotated(origin, name, position)
            if reader is not None:
                self._older.append(reader)

    def _same(self, path: Path, origin: Origin, name: str, position: int) -> LineReader | None:
        """Open a file where it begins so and is as long as what was read of it."""
        if not origin.fits(begins(path)):
            return None
        reader = self._open(path, name, position)
        if not reader.is_short:
            return reader
        reader.close()
        return None

    def _rotated(self, origin: Origin, name: str, position: int) -> LineReader | None:
        """Open the rotated file that is the one that was read."""
        for found in beside(self._path, origin):
            reader = self._same(found, origin, name, position)
            if reader is not None:
                reader.wait_no_more()
                return reader
        return None

    def _anew(self, position: int, *, is_short: bool) -> LineReader:
        """Read what stands under the path from its start, where the one that was read is gone."""
        self._number = self._next_number(self._path)
        name = generation_name(self._path.name, self._number)
        reader = self._open(self._path, name, 0)
        what = (
            "is shorter than what was read of it" if is_short else "is not the file that was read"
        )
        _log.warning(
            "%s %s (%d bytes), and no file beside it is that one; what was written to it since, "
            "if anything, is not read. This one is read from its start, as %s; events that were "
            "learnt before are known by their ids",
            *(self._path, what, position, name),
        )
        return reader

    def _advance(self) -> bool:
        """Find what takes the place of a file that is read to its end; tell whether it did."""
        reader = self.reader
        if reader.source.is_changed:
            return self._overwritten(reader)
        standing = id_of(self._path)
        if standing is None or standing == reader.source.file_id:
            return False
        if reader.path == self._path and self._is_copy(reader):
            return True
        origin = Origin.of(reader.source.beginning[: reader.end]) if reader.end else self._before
        return self._go_on(self._following(origin, reader.source.file_id), reader)

    def _is_copy(self, reader: LineReader) -> bool:
        """Continue in a copy of the file that took its place, where it is one."""
        origin = Origin.of(reader.source.beginning[: reader.end])
        same = self._tried(lambda: self._same(self._path, origin, reader.partition, reader.end))
        if same is None:
            return False
        _log.info("%s was replaced by a copy; reading goes on in it", self._path)
        self._let_go(reader)
        self.reader = same
        return True

    def _overwritten(self, reader: LineReader) -> bool:
        """Continue where a file was emptied or written over: what is left of it is in a copy."""
        origin = Origin.of(reader.source.beginning[: reader.end])
        rest = self._rotated(origin, reader.partition, reader.end)
        if rest is not None:
            _log.info(
                "%s was emptied after it had been copied to %s; reading goes on there",
                *(self._path, rest.path),
            )
            self._let_go(reader)
            self.reader = rest
            return True
        if not self._go_on(self._path, reader):
            return False
        self._older.remove(reader)
        self._let_go(reader)
        _log.warning(
            "%s was emptied or written over; what was written to it between byte %d and that "
            "moment, if anything, cannot be read any more",
            *(self._path, reader.end),
        )
        return True

    def _go_on(self, path: Path, reader: LineReader) -> bool:
        """Read `path` from its start, as the file that came after; tell whether that can be."""
        number = self._next_number(path)
        name = generation_name(self._path.name, number)
        following = self._tried(lambda: self._open(path, name, 0))
        if following is None:
            return False
        self._number = number
        if reader.end:
            self._before = Origin.of(reader.source.beginning[: reader.end])
        reader.wait_no_more()
        self._older.append(reader)
        self.reader = following
        _log.info(
            "%s: the file that was read to byte %d is another now; reading goes on with %s from "
            "its start, as %s",
            *(self._path, reader.end, path, name),
        )
        while len(self._older) > LINGERING:
            self._let_go(self._older.pop(0))
        return True

    def _next_number(self, path: Path) -> int:
        """Return the number under which `path` is read next; none that another file has."""
        number = self._number + 1
        while (
            known := self._progress.origin(generation_name(self._path.name, number))
        ) is not None:
            if known.fits(begins(path)):
                break
            number += 1
        return number

    def _following(self, origin: Origin | None, file_id: FileId | None) -> Path:
        """Return what was written after a file known so: another rotated one, or the path."""
        found = [] if origin is None else list(beside(self._path, origin))
        same = [path for path in found if id_of(path) == file_id]
        rotated = next(iter(same or found), None)
        following = self._path if rotated is None else next_younger(self._path, rotated)
        while following != self._path and not begins(following):
            following = next_younger(self._path, following)
        return following

    def _tried(self, opened: Callable[[], LineReader | None]) -> LineReader | None:
        """Return what is opened; None where it cannot be now, which is logged once."""
        try:
            reader = opened()
        except InputError as error:
            if self._follow and str(error) != self._logged:
                self._logged = str(error)
                _log.warning("%s; tried again until it can be", error)
            elif not self._follow:
                raise
            return None
        self._logged = None
        return reader

    def _let_go(self, reader: LineReader) -> None:
        damage = reader.source.damage
        if damage is not None:
            self.damage = f"{reader.path}: {damage}"
        reader.close()


def _stored(name: str, progress: Progress) -> list[int]:
    """Return the numbers of the files that every shard has something of, the newest first."""
    newest = newest_generation(name, progress.names())
    numbers = range(newest, 0, -1)
    return [n for n in numbers if progress.position(generation_name(name, n)) is not None]
