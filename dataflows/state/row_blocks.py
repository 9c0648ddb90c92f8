"""Many records written by one statement of SQLite, from one block of bytes.

Python's `executemany` takes a row, lets go of Python's lock, and takes it again, for each row:
beside a busy thread each row waits for its turn. Here a block holds the rows of some megabytes, and
one statement takes it apart: Python's lock is free for as long as it runs. What is stored is the
same, row for row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from dataflows.state.damage import checksum

BLOCK_BYTES = 4_000_000
"""A block ends behind the record that reaches this size, so SQLite's own limit (10^9) is far."""
_WIDTH = 10
_NUMBERS = 5
_PLACE = b"%10d%10d%10d%10d%10d"
"""Where a record's kind, key and value begin and where it ends, from 1; and its checksum."""

_TAKE_APART = ", ".join(
    f"CAST(substr(?2, n * {_NUMBERS * _WIDTH} + {at * _WIDTH + 1}, {_WIDTH}) AS INTEGER)"
    for at in range(_NUMBERS)
)
_ROWS = (
    "WITH RECURSIVE number(n) AS"  # noqa: S608 - our own words
    " (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < ?3),"
    f" place(kind, key, value, rest, checksum) AS (SELECT {_TAKE_APART} FROM number)"
)
_KEYS = "CAST(substr(?1, kind, key - kind) AS TEXT), CAST(substr(?1, key, value - key) AS TEXT)"
_PUT = (
    f"{_ROWS} INSERT INTO records (kind, key, value, checksum)"  # noqa: S608 - our own words
    f" SELECT {_KEYS}, substr(?1, value, rest - value), checksum FROM place WHERE true"
    " ON CONFLICT (kind, key) DO UPDATE"
    " SET value = excluded.value, checksum = excluded.checksum"
)
_DELETE = (
    f"{_ROWS} DELETE FROM records WHERE rowid IN"  # noqa: S608 - our own words
    f" (SELECT records.rowid FROM (SELECT {_KEYS.replace(') AS TEXT),', ') AS TEXT) AS a,')} AS b"
    " FROM place) AS gone CROSS JOIN records ON records.kind = gone.a AND records.key = gone.b)"
)


class _Block(NamedTuple):
    rows: bytes
    places: bytes
    size: int


def write_rows(
    connection: sqlite3.Connection, last: Mapping[tuple[str, str], bytes | None]
) -> None:
    """Put these records, and delete those whose blob is None, in the transaction that is open.

    Raises sqlite3.Error.
    """
    puts = ((where, blob) for where, blob in last.items() if blob is not None)
    for block in _blocks(puts):
        connection.execute(_PUT, block)
    for block in _blocks((where, b"") for where, blob in last.items() if blob is None):
        connection.execute(_DELETE, block)


def _blocks(records: Iterable[tuple[tuple[str, str], bytes]]) -> Iterator[_Block]:
    parts: list[bytes] = []
    places: list[bytes] = []
    at = 1
    for (kind, key), value in records:
        head, name = kind.encode(), key.encode()
        middle = at + len(head)
        begin = middle + len(name)
        end = begin + len(value)
        parts += (head, name, value)
        places.append(_PLACE % (at, middle, begin, end, checksum(kind, key, value)))
        at = end
        if at > BLOCK_BYTES:
            yield _Block(b"".join(parts), b"".join(places), len(places))
            parts, places, at = [], [], 1
    if places:
        yield _Block(b"".join(parts), b"".join(places), len(places))
