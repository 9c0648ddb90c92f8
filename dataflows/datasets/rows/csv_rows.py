"""Rows of delimited text, with quotes or without, and the way back out of a quote left open."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from typing import IO

LONGEST_CELL = 1_048_576

Row = tuple[int, int, list[str], str]
"""Its first and last line (from 1), its cells, and what is odd about it ("" if nothing)."""

OPEN_QUOTE = "a quote that is not closed"


def plain_rows(file: IO[str], delimiter: str, comment: str) -> Iterator[Row]:
    """Yield the rows of text without quotes; neither blank lines nor comments."""
    for line, text in enumerate(file, 1):
        bare = text.rstrip("\r\n")
        if bare and not (comment and bare.startswith(comment)):
            yield line, line, bare.split(delimiter), ""


def quoted_rows(file: IO[str], delimiter: str) -> Iterator[Row]:
    """Yield the rows of CSV; a row in quotes may go over many lines.

    A quote that nobody closed takes the lines behind it into one cell. Such a row has another
    number of cells than the first row of the file, or is too long, or goes on behind the quote
    that ends its cell, or never ends: its first line is read as it stands, without quotes, and
    reading goes on with the next line.
    """
    csv.field_size_limit(LONGEST_CELL)
    lines = _Lines(file)
    reader = csv.reader(lines, delimiter=delimiter)
    width = 0
    while True:
        first = lines.number + 1
        lines.taken.clear()
        odd = ""
        try:
            cells = next(reader, [])
        except csv.Error as error:
            cells, odd = [], str(error)
            reader = csv.reader(lines, delimiter=delimiter)
        if not lines.taken:
            return
        if len(lines.taken) > 1 and (
            odd or len(cells) != (width or len(cells)) or not _is_strict(lines.taken, delimiter)
        ):
            cells, odd = lines.give_back().rstrip("\r\n").split(delimiter), OPEN_QUOTE
            reader = csv.reader(lines, delimiter=delimiter)
        width = width or len(cells)
        if cells or odd:
            yield first, lines.number, cells, odd


def _is_strict(lines: list[str], delimiter: str) -> bool:
    """Return whether the lines are a row whose quotes stand only where quotes may."""
    try:
        next(csv.reader(lines, delimiter=delimiter, strict=True), None)
    except csv.Error:
        return False
    return True


class _Lines:
    """Lines of a file, some of which may be given back to be read again."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._again: deque[str] = deque()
        self.taken: list[str] = []
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._file)
        self.number += 1
        self.taken.append(line)
        return line

    def give_back(self) -> str:
        """Give all lines taken but the first back, to be taken again; return the first."""
        self._again.extendleft(reversed(self.taken[1:]))
        self.number -= len(self.taken) - 1
        del self.taken[1:]
        return self.taken[0]
