"""The count of rows read and of rows that could not be used, with a few examples of each kind."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from dataflows.convert.draft import Draft, Timed

EXAMPLES = 3
T = TypeVar("T")


class RowRefused(Exception):  # noqa: N818 - it ends no program: the row is counted and left out
    """A row cannot be used; `reason` is a fixed word, `detail` says it in a sentence."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class RefusedRow(msgspec.Struct, frozen=True):
    """An example of a row that was refused: file name and number of the line, 1 being the first."""

    file: str
    line: int
    reason: str
    detail: str


class Tally:
    """Counts what became of rows. Memory is bounded: at most `EXAMPLES` examples per reason."""

    def __init__(self) -> None:
        self.rows = 0
        self.refused: dict[str, int] = {}
        self.examples: list[RefusedRow] = []

    def refuse(self, file: str, line: int, reason: str, detail: str) -> None:
        """Count one row that cannot be used."""
        count = self.refused.get(reason, 0)
        self.refused[reason] = count + 1
        if count < EXAMPLES:
            self.examples.append(RefusedRow(file, line, reason, detail))

    def each(
        self, file: str, rows: Iterable[tuple[int, T]], make: Callable[[int, T], Iterable[Timed]]
    ) -> Iterator[tuple[float | None, Draft]]:
        """Yield what `make(line, row)` gives for each row; count the rows that it refuses."""
        for line, row in rows:
            self.rows += 1
            try:
                made = list(make(line, row))
            except RowRefused as refused:
                self.refuse(file, line, refused.reason, refused.detail)
            else:
                yield from made


def read_word(cell: str | None, name: str) -> str:
    """Give an id or another needed word. Raises RowRefused where there is none."""
    text = "" if cell is None else cell.strip()
    if not text:
        raise RowRefused("missing", f"{name} is empty")
    return text


def read_number(cell: str | None, name: str) -> float:
    """Give a finite number. Raises RowRefused for anything else."""
    text = read_word(cell, name)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise RowRefused("not a number", f"{name} is {text[:40]!r}")
    return number


def read_moment(cell: str | None, name: str) -> float:
    """Give seconds since 1970 of a date or time in ISO 8601, UTC where it names no zone."""
    text = read_word(cell, name)
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise RowRefused("not a time", f"{name} is {text[:40]!r}") from error
