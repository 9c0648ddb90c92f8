"""What became of every column of every file that a conversion read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

LEFT_OUT = "left out"
NO_FIELD = f"{LEFT_OUT}: there is no field for it"
MOST_COLUMNS = 500
"""So many columns of one file are kept apart; keys of JSON objects may be without number."""


class Column(msgspec.Struct):
    """One column: the field it becomes, or why it is left out, and values that were no such."""

    file: str
    name: str
    becomes: str
    unreadable: int = 0
    example: str = ""

    @property
    def is_left_out(self) -> bool:
        """Whether nothing of it is written."""
        return self.becomes.startswith(LEFT_OUT)


class SourceColumns:
    """The columns met so far, in the order of the files and of their headers."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, Column]] = {}

    def declare(self, file: str, names: Iterable[str], uses: Mapping[str, str]) -> None:
        """Declare what becomes of columns; one that `uses` does not name is left out."""
        columns = self._found.setdefault(file, {})
        for name in names:
            if name not in columns and len(columns) < MOST_COLUMNS:
                columns[name] = Column(file, name, uses.get(name, NO_FIELD))

    def add_to(self, file: str, name: str, use: str) -> None:
        """Add to what becomes of a column."""
        column = self._found.get(file, {}).get(name)
        if column is not None and use not in column.becomes:
            column.becomes += use

    def spoilt(self, file: str, name: str, value: str) -> None:
        """Count a value that could not be read."""
        column = self._found.get(file, {}).get(name)
        if column is not None:
            column.unreadable += 1
            column.example = column.example or repr(value[:40])

    def all(self) -> tuple[Column, ...]:
        """Return every column."""
        return tuple(column for columns in self._found.values() for column in columns.values())
