"""The count of rows read and of rows that could not be used, with a few examples of each kind.

A row lacks something without which it says nothing: it is refused. Anything else that cannot
be read costs the field alone, and is counted at its column.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from dataflows.config.events import EventSettings
from dataflows.datasets.rows.columns import SourceColumns
from dataflows.datasets.rows.draft import ItemLine, Timed
from dataflows.messages.fields import read_id, read_time
from dataflows.messages.items import MOST_CATEGORIES
from dataflows.messages.raw import Refused

EXAMPLES = 3
EARLIEST, LATEST = -62_135_596_800.0, 253_402_300_799.0
"""The years 1 to 9999, in seconds since 1970: all that can be written as a date."""

_LIMITS = EventSettings()
T = TypeVar("T")


class Decoding(msgspec.Struct, frozen=True):
    """How a file is decoded. `odd` lines (the first is number `first`) are not written so."""

    encoding: str
    odd: int = 0
    first: int = 0


class RowRefused(Exception):  # noqa: N818 - it ends no program: the row is counted and left out
    """A row cannot be used; `reason` is a fixed word, `detail` says it in a sentence.

    `column` is where it shows, and `value` what stands there, where it is one column's fault.
    """

    def __init__(self, reason: str, detail: str, column: str = "", value: str = "") -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.column = column
        self.value = value


class RefusedRow(msgspec.Struct, frozen=True):
    """An example of a row that was refused: file name and number of the line, 1 being the first."""

    file: str
    line: int
    reason: str
    detail: str


class Tally:
    """Counts what became of rows and columns. `rows` are those of the files of events.

    Memory is bounded by the number of items and columns: at most `EXAMPLES` examples per reason.
    `encoding` is the one that was asked for, None where each file's own is found out.
    """

    def __init__(self, encoding: str | None = None) -> None:
        self.encoding = encoding
        self.rows = 0
        self._logs: set[str] = set()
        self.refused: dict[str, int] = {}
        self.examples: list[RefusedRow] = []
        self.columns = SourceColumns()
        self.decodings: dict[Path, Decoding] = {}
        self.files: list[Path] = []
        self.remarks: dict[str, None] = {}
        self.notes: dict[str, int] = {}

    def use(self, path: Path) -> None:
        """Note that a file is read."""
        if path not in self.files:
            self.files.append(path)

    def remark(self, text: str) -> None:
        """Keep a sentence for the report, once."""
        self.remarks[text] = None

    def note(self, what: str) -> None:
        """Count one thing that a person should know of, and that cost no row."""
        self.notes[what] = self.notes.get(what, 0) + 1

    def refuse(self, file: str, line: int, reason: str, detail: str) -> None:
        """Count one row that cannot be used."""
        count = self.refused.get(reason, 0)
        self.refused[reason] = count + 1
        if count < EXAMPLES:
            self.examples.append(RefusedRow(file, line, reason, detail))

    def refuse_unread(self, file: str, line: int, reason: str, detail: str) -> None:
        """Count one row that could not even be taken apart."""
        self.rows += file in self._logs
        self.refuse(file, line, reason, detail)

    def each(
        self, file: str, rows: Iterable[tuple[int, T]], make: Callable[[int, T], Iterable[Timed]]
    ) -> Iterator[Timed]:
        """Yield what `make(line, row)` gives for each row; count the rows that it refuses."""
        self._logs.add(file)
        for line, row in rows:
            self.rows += 1
            try:
                made = list(make(line, row))
            except RowRefused as refused:
                self._refuse(file, line, refused)
            else:
                yield from made

    def items(
        self, file: str, rows: Iterable[tuple[int, T]], make: Callable[[T], ItemLine | None]
    ) -> Iterator[ItemLine]:
        """Yield the items that `make(row)` gives, each id once; count the rows that it refuses."""
        seen: set[str] = set()
        for line, row in rows:
            try:
                item = make(row)
            except RowRefused as refused:
                self._refuse(file, line, refused)
                continue
            if item is None:
                continue
            if item.item_id in seen:
                self.note("items of a repeated id left out")
                continue
            seen.add(item.item_id)
            yield self._within_limits(file, item)

    def optional(
        self, file: str, column: str, cell: str | None, read: Callable[[str, str], T]
    ) -> T | None:
        """Return what `read(cell, column)` gives; None, and counted, where it cannot be read."""
        if cell is None or not cell.strip():
            return None
        try:
            return read(cell, column)
        except RowRefused:
            self.columns.spoilt(file, column, cell)
            return None

    def _refuse(self, file: str, line: int, refused: RowRefused) -> None:
        self.refuse(file, line, refused.reason, refused.detail)
        if refused.column:
            self.columns.spoilt(file, refused.column, refused.value)

    def _within_limits(self, file: str, item: ItemLine) -> ItemLine:
        if len(item.categories) <= MOST_CATEGORIES:
            return item
        self.remark(f"{file}: items have their first {MOST_CATEGORIES} categories, and no more.")
        return msgspec.structs.replace(item, categories=item.categories[:MOST_CATEGORIES])


def read_word(cell: str | None, name: str) -> str:
    """Return a needed word. Raises RowRefused where there is none."""
    text = "" if cell is None else cell.strip()
    if not text:
        raise RowRefused("missing", f"{name} is empty", name)
    return text


def read_key(cell: str | None, name: str) -> str:
    """Return an id, a type or an intent. Raises RowRefused for what a run would not take as one."""
    text = read_word(cell, name)
    try:
        return read_id(text, name, _LIMITS.max_id_chars)
    except Refused as refused:
        raise RowRefused("bad id", refused.detail, name, text) from refused


def read_number(cell: str | None, name: str) -> float:
    """Return a finite number. Raises RowRefused for anything else."""
    text = read_word(cell, name)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise RowRefused("not a number", f"{name} is {text[:40]!r}", name, text)
    return number


def read_whole(cell: str | None, name: str) -> int:
    """Return a number's whole part, of 64 bits at most. Raises RowRefused for anything else."""
    number = read_number(cell, name)
    if abs(number) >= 2**63:
        raise RowRefused("not a number", f"{name} is {number:g}", name, str(cell))
    return int(number)


def read_seconds(cell: str | None, name: str) -> float:
    """Return seconds since 1970 from a number. Raises RowRefused where they are no date."""
    return check_time(read_number(cell, name), name)


def read_moment(cell: str | None, name: str) -> float:
    """Return seconds since 1970 of a date or time in ISO 8601, UTC where it names no zone."""
    text = read_word(cell, name)
    try:
        # Eight digits alone are a date, which `read_time` takes for seconds.
        is_date = text.isdecimal() and len(text) == 8
        dashed = f"{text[:4]}-{text[4:6]}-{text[6:]}" if is_date else text
        return read_time(dashed, "s", EARLIEST, LATEST)
    except Refused as refused:
        raise RowRefused("not a time", f"{name} is {text[:40]!r}", name, text) from refused


def check_time(seconds: float, name: str) -> float:
    """Return the seconds. Raises RowRefused where they lie outside the years 1 to 9999."""
    if not EARLIEST <= seconds <= LATEST:
        raise RowRefused("not a time", f"{name} is {seconds:g} seconds", name, f"{seconds:g}")
    return seconds
