"""What a file is that holds no events or items of ours, seen from how it begins.

One wrong line among good ones is a matter for the dead letters. A file that is another thing
altogether is refused in one line before anything is read, with what to do about it. Only shapes
that are known for certain are named: where any line of the sample is ours, none is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from dataflows.errors import InputError

SAMPLE = 1 << 16
"""Bytes at the start of a file that are looked at."""
OURS = ({"event_id", "user_id", "type", "ts"}, {"item_id", "title"})
_BOM = b"\xef\xbb\xbf"
_CONTAINERS = (
    (b"\xfd7zXZ\x00", "an xz file", "unpack it first (xz -d)"),
    (b"BZh", "a bzip2 file", "unpack it first (bzip2 -d)"),
    (b"PK\x03\x04", "a zip file", "unpack it first (unzip)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z file", "unpack it first (7z x)"),
    (b"\x04\x22\x4d\x18", "an lz4 file", "unpack it first (lz4 -d)"),
    (b"PAR1", "a parquet file", "write it as JSON lines, such as with pandas' to_json(lines=True)"),
    (b"Obj\x01", "an Avro file", "write it as JSON lines (avro-tools tojson)"),
    (b"ORC", "an ORC file", "write it as JSON lines (orc-contents)"),
    (b"SQLite format 3\x00", "an SQLite database", "write its rows as JSON lines"),
)
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_cell = re.compile(rb'"?[A-Za-z_][\w :.-]{0,60}"?')


def check_shape(where: object, sample: bytes) -> None:
    """Raise InputError where a file that starts with `sample` is a known shape of another kind."""
    shape = shape_of(sample)
    if shape is not None:
        raise InputError(f"{where}: {shape}")


def shape_of(sample: bytes) -> str | None:
    """Return what a file that starts so is and what to do, where it is known and not ours."""
    for magic, name, remedy in _CONTAINERS:
        if sample.startswith(magic) and _is_binary(sample, magic):
            return f"it is {name}; {remedy}"
    if _is_utf16(sample):
        return "it is text in UTF-16; write it as UTF-8 (iconv -f UTF-16 -t UTF-8)"
    lines = [line for line in sample.removeprefix(_BOM).split(b"\n") if line.strip()]
    objects = [found for line in lines if (found := _keys(line)) is not None]
    if lines and _is_array(lines):
        return (
            "it is one JSON array; every record needs its own line, in no array "
            "(jq -c '.[]' does that)"
        )
    if not lines or any(ours <= set(found) for found in objects for ours in OURS):
        return None
    return _document(lines, objects) or _foreign(objects) or _framed(lines) or _table(lines)


def _keys(line: bytes) -> dict[str, Any] | None:
    try:
        return _object.decode(line)
    except (ValueError, RecursionError):
        return None


def _is_binary(sample: bytes, magic: bytes) -> bool:
    """Return whether what follows printable magic bytes is no text, which may begin so too."""
    return not magic.isalnum() or any(byte < 9 for byte in sample[len(magic) : 512])


def _is_utf16(sample: bytes) -> bool:
    """Return whether every other byte is zero, nearly; a mark at the start is not asked for."""
    start = sample[:512].removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")
    halves = (start[::2], start[1::2])
    zeros = [half.count(0) > 0.8 * len(half) for half in halves]
    return len(start) >= 8 and zeros[0] != zeros[1]


def _is_array(lines: list[bytes]) -> bool:
    """Return whether lines are one array over many; its last element could be a line of ours."""
    first = lines[0].strip()
    if first == b"[" and len(lines) > 1:
        return lines[1].rstrip().endswith((b",", b"{")) or lines[-1].strip() == b"]"
    return bool(re.match(rb"\[\s*\{", first)) and not any(map(_keys, lines))


def _document(lines: list[bytes], objects: list[dict[str, Any]]) -> str | None:
    if lines[0].strip() == b"{" and not objects:
        return "it is one JSON document over many lines; every record needs its own line (jq -c .)"
    return None


class _Foreign(NamedTuple):
    """A log of another system: how its records are known, and what becomes of their fields."""

    name: str
    remedy: str
    is_one: Callable[[set[str]], bool]


def _is_change(keys: set[str]) -> bool:
    return {"before", "after", "op"} <= keys or {"payload"} <= keys <= {"schema", "payload"}


_FOREIGN = (
    _Foreign(
        name="an export of Google Analytics 4",
        remedy="event_timestamp, event_name, user_pseudo_id and items[].item_id become ts, type, "
        "user_id and item_id, and each line gets an event_id",
        is_one=lambda keys: {"event_name", "event_timestamp"} <= keys,
    ),
    _Foreign(
        name="a log of Segment calls",
        remedy="messageId, event, userId or anonymousId, timestamp and properties.product_id "
        "become event_id, type, user_id, ts and item_id",
        is_one=lambda keys: "messageId" in keys and bool({"anonymousId", "userId"} & keys),
    ),
    _Foreign(
        name="a log of Snowplow events",
        remedy="event_name, domain_userid and collector_tstamp become type, user_id and ts",
        is_one=lambda keys: {"collector_tstamp", "event_id"} <= keys,
    ),
    _Foreign(
        name="a log of change records (Debezium)",
        remedy='write what is in "after" as a line of its own (ExtractNewRecordState does that)',
        is_one=_is_change,
    ),
)


def _foreign(objects: list[dict[str, Any]]) -> str | None:
    """Name a log of another system, where every object of the sample is of it."""
    for one in _FOREIGN:
        if objects and all(one.is_one(set(found)) for found in objects):
            return f"it looks like {one.name}, no line of which is a record of ours; {one.remedy}"
    return None


def _framed(lines: list[bytes]) -> str | None:
    if re.match(rb"\x00[\x00-\xff]{4}\s*\{", lines[0]) and not lines[0].startswith(b"\0" * 6):
        return (
            "its records have the five bytes of a schema registry in front (Confluent); write "
            "them as plain JSON"
        )
    return None


def _table(lines: list[bytes]) -> str | None:
    first = lines[0].strip()
    if any(line.lstrip()[:1] in (b"{", b"[") for line in lines):
        return None
    if first.count(b"\t") >= 3 and b"\0" not in first:
        return _tabular("tab-separated values")
    for mark, name in ((b",", "CSV"), (b";", "CSV with semicolons")):
        cells = [cell.strip() for cell in first.split(mark)]
        if len(cells) >= 3 and all(_cell.fullmatch(cell) for cell in cells):
            return _tabular(name)
    return None


def _tabular(name: str) -> str:
    return (
        f"it looks like {name}; every record needs to be a JSON object on a line of its own "
        "(`penchant convert` reads some published formats)"
    )
