"""JSON lines as objects, those that other programs wrote in their own way included."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from dataflows.datasets.rows.columns import MOST_COLUMNS
from dataflows.datasets.rows.opening import opened
from dataflows.datasets.rows.tally import Tally
from dataflows.errors import InputError


def read_json_lines(
    path: Path, what: str, uses: Mapping[str, str], tally: Tally
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (number of the line, object); lines that are no JSON object are refused.

    `uses` says of each key that is read what it becomes. Raises InputError for a file without
    lines.
    """
    is_empty = True
    met: set[str] = set()
    with opened(path, tally) as file:
        for line, text in enumerate(file, 1):
            if not text.strip():
                continue
            is_empty = False
            try:
                row = _decode(text)
            except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
                tally.refuse_unread(path.name, line, "not JSON", str(error)[:120])
                continue
            if not isinstance(row, dict):
                wrong = f"it is a {type(row).__name__}"
                tally.refuse_unread(path.name, line, "not an object", wrong)
                continue
            if not row.keys() <= met:
                tally.columns.declare(path.name, row, uses)
                met |= row.keys() if len(met) < MOST_COLUMNS else set()
            yield line, row
    if is_empty:
        raise InputError(f"{path}: is empty; {what} is wanted")


def _decode(text: str) -> Any:
    """Read a line as JSON, as loose JSON (NaN, halves of characters), or as a Python object.

    Older sets were written by Python's `repr`. Raises ValueError or SyntaxError for what is none
    of them; the message is what is wrong with it as JSON.
    """
    try:
        return msgspec.json.decode(text)
    except ValueError as error:
        try:
            return _mended(json.loads(text))
        except ValueError:
            if not text.lstrip().startswith("{'"):
                raise error from None
    return _mended(ast.literal_eval(text.strip()))


def _mended(found: Any) -> Any:
    """Put a mark in the place of halves of characters, which no text can hold."""
    if isinstance(found, str):
        return found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(found, list):
        return [_mended(part) for part in found]
    if isinstance(found, dict):
        return {str(_mended(name)): _mended(value) for name, value in found.items()}
    return found
