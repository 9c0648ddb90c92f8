"""Rows of delimited text, JSON lines and parquet, plain or gzipped, as cells of text."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec

from dataflows.convert.tally import Tally
from dataflows.errors import InputError

Cells = dict[str, str]
LONGEST_CELL = 1_048_576


class Layout(msgspec.Struct, frozen=True):
    """How a table is written down.

    `columns` names the columns where the file has no header line of its own.
    `needed` are the columns without which nothing can be done. `quoted` says
    that a cell may stand in quotes and hold the delimiter.
    """

    what: str
    needed: tuple[str, ...]
    delimiter: str = ","
    columns: tuple[str, ...] = ()
    quoted: bool = True
    encoding: str = "utf-8-sig"
    comment: str = ""


def find_file(path: Path, names: Sequence[str], what: str, but: str = "") -> Path:
    """Give `path` itself, or the first of `names` (glob patterns, `but` one) in it, if a folder.

    Raises InputError where the folder holds none of them.
    """
    if path.is_file():
        return path
    found = find_beside(path, names, but)
    if found is None:
        raise InputError(
            f"{path}: holds none of {', '.join(names)}; give the file or folder of {what}"
        )
    return found


def find_beside(path: Path, names: Sequence[str], but: str = "") -> Path | None:
    """Give the first of `names` (glob patterns) in a folder, or beside a file; None if none."""
    folder = path if path.is_dir() else path.parent
    for name in names:
        found = sorted(n for n in folder.glob(name) if n.is_file() and not (but and n.match(but)))
        if found:
            return found[0]
    return None


@contextmanager
def opened(path: Path, encoding: str, newline: str = "\n") -> Iterator[IO[str]]:
    """Open text, gzipped or not; what is no such text is kept as surrogates.

    Raises InputError where the file cannot be read or is not what its ending says.
    """
    try:
        with _open(path, encoding, newline) as file:
            yield file
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path}: is not a whole gzip file ({error}); fetch it again") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def _open(path: Path, encoding: str, newline: str) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding=encoding, errors="surrogateescape", newline=newline)
    return path.open(encoding=encoding, errors="surrogateescape", newline=newline)


def read_table(path: Path, layout: Layout, tally: Tally) -> Iterator[tuple[int, Cells]]:
    """Yield (number of the line, column -> cell); rows of another width are refused.

    Raises InputError for a file that is empty or lacks a needed column.
    """
    if path.suffix == ".parquet":
        yield from _read_parquet(path, layout)
        return
    with opened(path, layout.encoding, "" if layout.quoted else "\n") as file:
        rows = _split(file, path, layout, tally)
        columns = layout.columns or _header(rows, path, layout)
        line = 0
        for line, cells in rows:
            if len(cells) == len(columns) and not _is_broken(cells):
                yield line, dict(zip(columns, cells, strict=True))
                continue
            tally.rows += 1
            reason, detail = (
                ("not text", f"it is not {layout.encoding}")
                if len(cells) == len(columns)
                else ("wrong width", f"it has {len(cells)} cells, not {len(columns)}")
            )
            tally.refuse(path.name, line, reason, detail)
        if not line:
            raise InputError(f"{path}: has no rows; {layout.what} is wanted")


def read_json_lines(path: Path, what: str, tally: Tally) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (number of the line, object); lines that are no JSON object are refused.

    Raises InputError for a file without lines.
    """
    is_empty = True
    with opened(path, "utf-8") as file:
        for line, text in enumerate(file, 1):
            if not text.strip():
                continue
            is_empty = False
            try:
                row = msgspec.json.decode(text)
            except (ValueError, RecursionError) as error:
                tally.rows += 1
                tally.refuse(path.name, line, "not JSON", str(error)[:120])
                continue
            if isinstance(row, dict):
                yield line, row
            else:
                tally.rows += 1
                tally.refuse(path.name, line, "not an object", f"it is a {type(row).__name__}")
    if is_empty:
        raise InputError(f"{path}: is empty; {what} is wanted")


def _split(
    file: IO[str], path: Path, layout: Layout, tally: Tally
) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, cells) of what is neither blank nor a comment."""
    if not layout.quoted:
        for line, text in enumerate(file, 1):
            bare = text.rstrip("\r\n")
            if bare and not (layout.comment and bare.startswith(layout.comment)):
                yield line, bare.split(layout.delimiter)
        return
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(file, delimiter=layout.delimiter)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            tally.rows += 1
            tally.refuse(path.name, reader.line_num, "not CSV", str(error))
            continue
        if cells:
            yield reader.line_num, cells


def _header(rows: Iterator[tuple[int, list[str]]], path: Path, layout: Layout) -> tuple[str, ...]:
    _, cells = next(rows, (0, []))
    if not cells:
        raise InputError(f"{path}: is empty; {layout.what} is wanted")
    columns = tuple(cell.strip() for cell in cells)
    _check_columns(path, layout, columns)
    return columns


def _check_columns(path: Path, layout: Layout, columns: Sequence[str]) -> None:
    missing = [name for name in layout.needed if name not in columns]
    if missing:
        first = layout.delimiter.join(columns)[:80]
        raise InputError(
            f"{path}: has no column {missing[0]} (its first line is {first!r}); "
            f"{layout.what} is wanted"
        )


def _is_broken(cells: list[str]) -> bool:
    return any(
        "\udc80" <= char <= "\udcff" for cell in cells if not cell.isascii() for char in cell
    )


def _read_parquet(path: Path, layout: Layout) -> Iterator[tuple[int, Cells]]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise InputError(
            f"{path}: reading parquet needs pyarrow; pip install 'penchant[parquet]', "
            f"or give the same table as {path.stem}.csv"
        ) from error
    try:
        table = parquet.ParquetFile(path)
        _check_columns(path, layout, table.schema_arrow.names)
        number = 0
        for batch in table.iter_batches():
            for row in batch.to_pylist():
                number += 1
                yield (
                    number,
                    {name: "" if cell is None else str(cell) for name, cell in row.items()},
                )
    except (ArrowException, OSError) as error:
        raise InputError(f"{path}: is not a parquet file ({str(error)[:80]})") from error
