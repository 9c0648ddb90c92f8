"""Rows of delimited text and of parquet as cells of text, by the names of their columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from dataflows.datasets.rows.csv_rows import Row, plain_rows, quoted_rows
from dataflows.datasets.rows.opening import opened
from dataflows.datasets.rows.parquet_rows import is_parquet, parquet_columns, parquet_rows
from dataflows.datasets.rows.tally import Tally
from dataflows.errors import InputError

Cells = dict[str, str]

_WHOLE_FLOAT = re.compile(r"-?\d+\.0+", re.ASCII)


class Layout(msgspec.Struct, frozen=True):
    """How a table is written down, and what becomes of it.

    `needed` are the columns without which nothing can be done. `uses` says of each column that
    is read what it becomes; one that is not named there is left out. `ids` are the columns that
    hold ids. `columns` names the columns where the file has no header line of its own. `quoted`
    says that a cell may stand in quotes and hold the delimiter.
    """

    what: str
    needed: tuple[str, ...]
    uses: Mapping[str, str]
    ids: tuple[str, ...] = ()
    delimiter: str = ","
    columns: tuple[str, ...] = ()
    quoted: bool = True
    comment: str = ""


def read_table(path: Path, layout: Layout, tally: Tally) -> Iterator[tuple[int, Cells]]:
    """Yield (number of the line, column -> cell); rows of another width are refused.

    Where all ids of a column are whole numbers with a decimal point ("10.0"), as programs write
    them that take ids for measurements, they are given without it ("10"). Raises InputError for
    a file that is empty or lacks a needed column.
    """
    columns = read_columns(path, layout, tally)
    tally.columns.declare(path.name, columns, layout.uses)
    floats = _whole_floats(path, layout, columns, tally)
    for name in floats:
        tally.columns.add_to(path.name, name, " (10.0 is written as 10)")
    line = 0
    for first, line, cells, odd in _rows(path, layout, tally):
        if len(cells) != len(columns):
            wrong = f"it has {len(cells)} cells, not {len(columns)}"
            tally.refuse_unread(
                path.name, first, "wrong width", f"{wrong} ({odd})" if odd else wrong
            )
            continue
        if odd:
            tally.note(f"rows read with {odd}")
        row = dict(zip(columns, cells, strict=True))
        for name in floats:
            row[name] = row[name].strip().partition(".")[0]
        yield line, row
    if not line:
        raise InputError(f"{path}: has no rows; {layout.what} is wanted")


def read_columns(path: Path, layout: Layout, tally: Tally) -> tuple[str, ...]:
    """Return the names of the columns, spelt as the layout spells them.

    Raises InputError for an empty file, and for one that lacks a needed column.
    """
    if is_parquet(path):
        found = parquet_columns(path)
    elif layout.columns:
        return layout.columns
    else:
        found = next((cells for _, _, cells, _ in _split(path, layout, tally)), [])
    if not found:
        raise InputError(f"{path}: is empty; {layout.what} is wanted")
    columns = _spelt(found, (*layout.needed, *layout.uses))
    missing = [name for name in layout.needed if name not in columns]
    if missing:
        first = layout.delimiter.join(columns)[:80]
        raise InputError(
            f"{path}: has no column {missing[0]} (its first line is {first!r}); "
            f"{layout.what} is wanted"
        )
    twice = [name for name in layout.uses if columns.count(name) > 1]
    if twice:
        raise InputError(f"{path}: has two columns {twice[0]}; leave one of them")
    return columns


def _spelt(found: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return the names; one that differs from a known one in case or in marks is that one."""
    names = [name.strip() for name in found]
    wanted = {_letters(name): name for name in known if name not in names}
    return tuple(wanted.pop(_letters(name), name) for name in names)


def _letters(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum())


def _whole_floats(
    path: Path, layout: Layout, columns: Sequence[str], tally: Tally
) -> tuple[str, ...]:
    """Return the columns of ids that hold nothing but whole numbers written like 10.0.

    The first row that has another id in each of them ends the search.
    """
    places = {name: columns.index(name) for name in layout.ids if name in columns}
    met: set[str] = set()
    for _, _, cells, _ in _rows(path, layout, tally) if places else ():
        if len(cells) != len(columns):
            continue
        for name, place in list(places.items()):
            cell = cells[place].strip()
            if _WHOLE_FLOAT.fullmatch(cell):
                met.add(name)
            elif cell:
                del places[name]
        if not places:
            break
    return tuple(name for name in places if name in met)


def _rows(path: Path, layout: Layout, tally: Tally) -> Iterator[Row]:
    """Yield the rows below the header."""
    if is_parquet(path):
        tally.use(path)
        for number, cells in enumerate(parquet_rows(path), 1):
            yield number, number, cells, ""
        return
    rows = _split(path, layout, tally)
    if not layout.columns:
        next(rows, None)
    yield from rows


def _split(path: Path, layout: Layout, tally: Tally) -> Iterator[Row]:
    with opened(path, tally, "" if layout.quoted else "\n") as file:
        if layout.quoted:
            yield from quoted_rows(file, layout.delimiter)
        else:
            yield from plain_rows(file, layout.delimiter, layout.comment)
