"""Rows of a parquet file as cells of text, by pyarrow, which is an extra."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dataflows.errors import InputError


def is_parquet(path: Path) -> bool:
    """Return whether a file's name says that it is parquet."""
    return path.suffix == ".parquet"


def parquet_columns(path: Path) -> list[str]:
    """Return the names of the columns. Raises InputError where it cannot be read."""
    with _parquet(path) as table:
        return list(table.schema_arrow.names)


def parquet_rows(path: Path) -> Iterator[list[str]]:
    """Yield the cells of each row; a null is "". Raises InputError where it cannot be read."""
    with _parquet(path) as table:
        for batch in table.iter_batches():
            columns = [column.to_pylist() for column in batch.columns]
            yield from ([_text(cell) for cell in row] for row in zip(*columns, strict=True))


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)


@contextmanager
def _parquet(path: Path) -> Iterator[Any]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise InputError(
            f"{path}: reading parquet needs pyarrow; pip install 'penchant[parquet]', "
            f"or give the same table as {path.stem}.csv"
        ) from error
    try:
        with parquet.ParquetFile(path) as table:
            yield table
    except (ArrowException, OSError) as error:
        raise InputError(f"{path}: is not a parquet file ({str(error)[:80]})") from error
