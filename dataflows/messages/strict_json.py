r"""Bytes of one record to a typed object: strict JSON, or a `Refused` that says what is wrong.

Fast path: `msgspec` with the wanted type. Where it refuses, Python's own reader
goes over the record once more, to say exactly which field is wrong, and to keep
what is merely half of a surrogate pair in an escape (`\ud800`), which text may
hold (it is repaired) and ids may not.

A byte order mark is skipped. Where a key stands twice in one object, the last one
counts. NaN and Infinity are not JSON, anywhere.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, Generic, TypeVar

import msgspec

from dataflows.messages.near_fields import meant_by
from dataflows.messages.numbers import read_float, read_integer
from dataflows.messages.raw import Reason, Refused, shown

T = TypeVar("T")

MAX_NESTING = 200
"""Lists and objects in one another, anywhere in a record. Without a limit of its own, the
answer would depend on how much stack the readers happen to have left."""

_LOOKED_AT = 50
"""Names of a record that are looked through for one that may stand for another."""

_BOM = b"\xef\xbb\xbf"
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{]|[\]}]', re.DOTALL)
_HALF = re.compile("[\ud800-\udfff]")


def is_id(value: object) -> bool:
    """Return whether a JSON value can be an id: a string or an integer, not a boolean."""
    return isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))


def is_number(value: object) -> bool:
    """Return whether a JSON value is a finite number, not a boolean."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def is_text(value: object) -> bool:
    """Return whether a JSON value can be text: a string or a number."""
    return isinstance(value, str) or is_number(value)


class Field(msgspec.Struct, frozen=True):
    """How one field is judged when a record was refused: `wanted` in words, `fits` as code."""

    wanted: str
    fits: Callable[[object], bool]
    required: bool = False
    reason: Reason = Reason.BAD_FIELD


class RecordReader(Generic[T]):
    """Reads records of one type. `wire` is the msgspec type, `fields` judge what it refuses."""

    def __init__(self, wire: type[T], fields: dict[str, Field]) -> None:
        self._wire = wire
        self._fields = fields
        self._decoder = msgspec.json.Decoder(wire)

    def read(self, value: bytes, max_bytes: int) -> T:
        """Return the object in `value`. Raises `Refused`, and nothing else, for any other bytes."""
        if len(value) > max_bytes:
            raise Refused(
                Reason.TOO_LARGE,
                f"the record has {len(value)} bytes; the limit is {max_bytes} (max_record_bytes)",
            )
        # msgspec skips unknown fields without a look at their UTF-8.
        if not value.isascii():
            value = value.removeprefix(_BOM)
            _check_utf8(value)
        if value.count(b"[") + value.count(b"{") > MAX_NESTING:
            _check_nesting(value)
        try:
            return self._decoder.decode(value)
        except ValueError as error:  # msgspec's own errors are ValueErrors
            return self._read_slowly(value, str(error))

    def _read_slowly(self, value: bytes, why: str) -> T:
        try:
            found = json.loads(
                value.decode(),
                parse_constant=_no_constant,
                parse_float=read_float,
                parse_int=read_integer,
            )
            if not isinstance(found, dict):
                raise Refused(
                    Reason.NOT_AN_OBJECT, f"the record is {_kind(found)}; it must be an object"
                )
            self._judge(found)
            mended = {key: _mended(found[key]) for key in self._fields if key in found}
            return msgspec.convert(mended, self._wire)
        except ValueError as error:
            raise _unreadable(why if value.strip() else "it is empty") from error

    def _judge(self, found: dict[str, Any]) -> None:
        for name, field in self._fields.items():
            value = found.get(name)
            if value is None:
                if field.required:
                    raise Refused(
                        Reason.MISSING_FIELD,
                        f"{name} is missing; every record needs it{self._other_name(found, name)}",
                    )
            elif not field.fits(value):
                raise Refused(
                    field.reason, f"{name} is {_kind(value)} {shown(value)}; want {field.wanted}"
                )

    def _other_name(self, found: Mapping[str, Any], wanted: str) -> str:
        """Say which of a record's own names seems to stand for a field that it lacks."""
        names = islice((name for name in found if name not in self._fields), _LOOKED_AT)
        alike = next((name for name in names if meant_by(name, (wanted,))), None)
        return "" if alike is None else f" (is {shown(alike)} meant? call it {wanted})"


def check_depth(value: dict[str, Any], name: str, record: bytes, limit: int) -> None:
    """Refuse (too_deep) where objects and lists nest more than `limit` deep in `value`.

    `record` are the bytes that hold it: with few brackets in all, there is no need to look.
    """
    if record.count(b"{") + record.count(b"[") <= limit:
        return
    level: list[Any] = [value]
    for _ in range(limit):
        inner: list[Any] = []
        for part in level:
            inner.extend(part.values() if isinstance(part, dict) else part)
        level = [part for part in inner if isinstance(part, dict | list)]
        if not level:
            return
    raise Refused(
        Reason.TOO_DEEP, f"{name} is nested more than {limit} deep (max_depth); flatten it"
    )


def _mended(value: Any) -> Any:
    """Replace halves of surrogate pairs inside an object.

    Strings at the top are left alone: they may be ids, which are refused instead,
    or text, which is repaired where it is read.
    """
    return _without_halves(value) if isinstance(value, dict) else value


def _without_halves(value: Any) -> Any:
    if isinstance(value, dict):
        return {_HALF.sub("\ufffd", key): _without_halves(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_halves(one) for one in value]
    return _HALF.sub("\ufffd", value) if isinstance(value, str) else value


def _check_nesting(value: bytes) -> None:
    depth = 0
    for token in _TOKEN.finditer(value):
        start = token[0][:1]
        if start in b"[{":
            depth += 1
            if depth > MAX_NESTING:
                raise _unreadable(f"it is nested more than {MAX_NESTING} deep")
        elif start != b'"':
            depth -= 1


def _check_utf8(value: bytes) -> None:
    try:
        value.decode()
    except UnicodeDecodeError as error:
        raise Refused(
            Reason.NOT_UTF8,
            f"byte {error.start} (0x{value[error.start]:02x}) is not UTF-8: {error.reason};"
            " write records as UTF-8",
        ) from error


def _no_constant(name: str) -> float:
    raise Refused(Reason.BAD_JSON, f"{name} is not JSON; write null or leave the field out")


def _unreadable(why: str) -> Refused:
    return Refused(Reason.BAD_JSON, f"the record is not JSON: {why}")


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "the string", bool: "the boolean"}
    if value is None:
        return "null"
    if isinstance(value, float) and not math.isfinite(value):
        return "out of range: the number"
    return names.get(type(value), "the number")
