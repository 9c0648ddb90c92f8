"""State in and out: a versioned envelope of msgpack, with NumPy arrays kept bit for bit.

A record is the msgpack array `[kind, version, state]`. `state` is made of plain
values (None, bool, int of 64 bits, float, str, bytes, list, tuple, dict,
`msgspec.Struct`) and NumPy arrays. An array is an extension of type 1 that holds
`[dtype, shape, bytes]`, in C order and little-endian, so a record written on one
machine reads on any other. No class of any library is pickled: what is written
here can be read for as long as this file keeps its word.

A tuple comes back as a list from `unpack`, and as what the type says from
`unpack_as`. A float stays the same 64 bits, NaN and -0.0 included.

Errors: `StateError` for a value that has no plain bytes. `DamagedError`, which is one
too, for bytes that are not such a record, another kind, or a version that this release
does not read; it begins with the file and the record where the bytes know theirs
(`learners.record_bytes`).
"""

from __future__ import annotations

import math
from collections.abc import Collection
from functools import cache
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from learners.record_bytes import prefix

T = TypeVar("T")

_ARRAY = 1
_DTYPES = {
    np.dtype(code).newbyteorder("<").str: np.dtype(code)
    for code in ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
}


class StateError(ValueError):
    """A stored state cannot be written or read; the message says what, where and the remedy."""


class DamagedError(StateError):
    """A stored record cannot be read."""


class _Envelope(msgspec.Struct, array_like=True, frozen=True):
    kind: str
    version: int
    state: msgspec.Raw


class _Written(msgspec.Struct, array_like=True, frozen=True):
    kind: str
    version: int
    state: Any


class _Array(msgspec.Struct, array_like=True, frozen=True):
    dtype: str
    shape: tuple[int, ...]
    data: bytes


_array_encoder = msgspec.msgpack.Encoder()
_array_decoder = msgspec.msgpack.Decoder(_Array)
_envelope_decoder = msgspec.msgpack.Decoder(_Envelope)


def _array_out(value: object) -> object:
    """Turn an array into its extension, a NumPy scalar into its Python value."""
    if isinstance(value, np.generic):
        return value.item()
    if not isinstance(value, np.ndarray):
        raise StateError(f"a {type(value).__name__} has no place in a state; use plain values")
    dtype = _little(value.dtype)
    little = value if dtype is value.dtype else value.astype(dtype, copy=False)
    plain = _Array(dtype.str, value.shape, little.tobytes())
    return msgspec.msgpack.Ext(_ARRAY, _array_encoder.encode(plain))


@cache
def _little(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return a type of numbers in the order of bytes in which it is written."""
    little = dtype.newbyteorder("<")
    if little.str not in _DTYPES:
        raise StateError(
            f"an array of dtype {dtype} has no plain bytes; use bool, int, uint or float"
        )
    return dtype if little == dtype else little


def _array_in(code: int, data: memoryview) -> NDArray[Any]:
    if code != _ARRAY:
        raise DamagedError(f"extension type {code} is unknown; this release reads type {_ARRAY}")
    plain = _array_decoder.decode(data)
    dtype = _DTYPES.get(plain.dtype)
    if dtype is None or min(plain.shape, default=0) < 0:
        raise DamagedError(f"an array of dtype {plain.dtype}, shape {plain.shape} is not plain")
    if math.prod(plain.shape) * dtype.itemsize != len(plain.data):
        raise DamagedError(
            f"an array of dtype {dtype}, shape {plain.shape} does not fit {len(plain.data)} bytes"
        )
    values = np.frombuffer(plain.data, dtype=plain.dtype).reshape(plain.shape)
    return values.astype(dtype)  # a copy: what was read can be written to


_encoder = msgspec.msgpack.Encoder(enc_hook=_array_out)


@cache
def _decoder(wanted: object) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(wanted, ext_hook=_array_in)


def pack(kind: str, version: int, state: object) -> bytes:
    """Write `state` as one record. Equal states give equal bytes (dicts keep their order).

    Raises `StateError` for a value that is not plain.
    """
    try:
        return _encoder.encode(_Written(kind, version, state))
    except (TypeError, OverflowError, UnicodeError, RecursionError) as error:
        raise StateError(f"state of kind {kind!r} cannot be written: {error}") from error


def unpack(blob: bytes, kind: str, version: int | Collection[int]) -> Any:
    """Read the state of a record of this kind and (one of) these versions, as plain values.

    Arrays are fresh and writable. Raises `DamagedError` as told on top of this file.
    """
    return _read(blob, kind, version, Any)


def unpack_as(blob: bytes, kind: str, version: int | Collection[int], wanted: type[T]) -> T:
    """Unpack as `unpack` does, with the state checked against and built as `wanted`."""
    state: T = _read(blob, kind, version, wanted)
    return state


def version_of(blob: bytes) -> tuple[str, int]:
    """Return the kind and the version of a record, without reading its state."""
    envelope = _open(blob)
    return envelope.kind, envelope.version


def decode(blob: bytes, wanted: type[T]) -> T:
    """Read a record that is plain msgpack without an envelope. Raises `DamagedError`."""
    try:
        value: T = _decoder(wanted).decode(blob)  # type: ignore[arg-type]
    except (ValueError, RecursionError) as error:
        raise _damaged(blob, f"{len(blob)} bytes are not what is kept here ({error})") from error
    return value


def _open(blob: bytes) -> _Envelope:
    try:
        return _envelope_decoder.decode(blob)
    except (ValueError, RecursionError) as error:
        raise _damaged(blob, f"{len(blob)} bytes are not a stored state ({error})") from error


def _damaged(blob: bytes, what: str) -> DamagedError:
    return DamagedError(
        f"{prefix(blob)}{what}; restore the state from a backup, or start with an empty state "
        "folder"
    )


def _read(blob: bytes, kind: str, version: int | Collection[int], wanted: object) -> Any:
    envelope = _open(blob)
    known = (version,) if isinstance(version, int) else tuple(version)
    if envelope.kind != kind:
        raise _damaged(
            blob, f"a state of kind {envelope.kind!r} was found where {kind!r} was expected"
        )
    if envelope.version not in known:
        readable = ", ".join(map(str, known))
        raise DamagedError(
            f"{prefix(blob)}state of kind {kind!r} has version {envelope.version}; this release "
            f"reads {readable}; use the release that wrote it, or start with an empty state folder"
        )
    try:
        return _decoder(wanted).decode(envelope.state)
    except (ValueError, RecursionError) as error:
        what = f"state of kind {kind!r}, version {envelope.version} is damaged: {error}"
        raise _damaged(blob, what) from error
